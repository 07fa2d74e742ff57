"""Consents of a customer, and the check before contacting many."""

from uuid import UUID

from fastapi import Response
from rapport.auth import needs
from rapport.database import Reading, Transaction
from rapport.routing import service_router

from profile_service.consents import service
from profile_service.consents.answers import checked
from profile_service.consents.repository import OptIn
from profile_service.consents.schemas import (
    CheckAnswer,
    CheckBody,
    Confirmation,
    ConsentAnswer,
    ConsentBody,
    ConsentEntry,
    ConsentList,
)
from profile_service.customer_links import CustomerLinks, Linked
from profile_service.fields import Name
from profile_service.policy import Policed
from profile_service.pseudonyms import Pseudonymous

router = service_router("consents", problems=(404,))


@router.put("/profiles/{profile_id}/consents/{channel}/{purpose}", dependencies=[needs("profiles:write")])
async def put(
    profile_id: UUID,
    channel: Name,
    purpose: Name,
    body: ConsentBody,
    connection: Transaction,
    policy: Policed,
    links: Linked,
) -> ConsentAnswer:
    """Note what the customer allows on a channel for a purpose; with a double opt-in, once they confirm it."""
    profile, word, asked = await service.put(connection, policy, profile_id, channel, purpose, body)
    answer = _answer(profile, word)
    answer.confirmation = _confirmation(links, asked)
    return answer


@router.get("/profiles/{profile_id}/consents", dependencies=[needs("profiles:read")])
async def listed(profile_id: UUID, connection: Reading) -> ConsentList:
    """What counts on each channel and purpose, with how it came about."""
    profile, words = await service.listed(connection, profile_id)
    return ConsentList(items=[_answer(profile, word) for word in words])


@router.post(
    "/consents/check",
    dependencies=[needs("profiles:read")],
    responses={200: {"model": CheckAnswer}},
    response_class=Response,
)
async def check(body: CheckBody, connection: Reading, pseudonyms: Pseudonymous) -> Response:
    """May these customers be contacted? Without a grant, no; the reason is given for each."""
    found = await service.check(connection, pseudonyms, body.profile_ids, body.channel, body.purpose)
    sources = None
    if body.sources:
        sources = await service.sources(connection, pseudonyms, body.profile_ids, body.channel, body.purpose)
    return checked(found, sources)


def _answer(profile_id: UUID, word: service.Word) -> ConsentAnswer:
    counts, history = word
    return ConsentAnswer(
        profile_id=profile_id,
        channel=counts.channel,
        purpose=counts.purpose,
        status=counts.status,
        lawful_basis=counts.lawful_basis,
        source=counts.source,
        proof=counts.proof,
        at=counts.at,
        history=[
            ConsentEntry(
                status=each.status,
                lawful_basis=each.lawful_basis,
                source=each.source,
                proof=each.proof,
                at=each.at,
                confirmed_at=each.confirmed_at,
                identity_id=each.identity_id,
            )
            for each in history
        ],
    )


def _confirmation(links: CustomerLinks, asked: OptIn | None) -> Confirmation | None:
    if asked is None:
        return None
    return Confirmation(url=links.confirmation(asked.opt_in_id, asked.expires_at), expires_at=asked.expires_at)
