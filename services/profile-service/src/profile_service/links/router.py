"""/v1/links, /v1/cannot-links and those of a profile, and /v1/profiles/{id}/split: merge, unmerge, and see why."""

from typing import Annotated
from uuid import UUID

import asyncpg
from fastapi import Query, Request
from rapport.auth import Caller, needs
from rapport.database import Reading, Transaction
from rapport.pagination import Cursor, Limit, Page, decode_cursor, encode_cursor
from rapport.routing import service_router
from rapport.text import CleanText

from profile_service.audit.trail import note
from profile_service.identifiers import read_identifier, read_identifiers
from profile_service.links import service
from profile_service.links.repository import Word
from profile_service.links.schemas import (
    CannotLinkEntry,
    LedgerEntry,
    LinkAnswer,
    LinkBody,
    LinkEnd,
    SplitAnswer,
    SplitBody,
    WithdrawalAnswer,
)
from profile_service.personal import masked_identifier
from profile_service.policy import Policed

router = service_router("links", problems=(404, 409))
Reason = Annotated[CleanText | None, Query(max_length=4_000)]


@router.post("/links", status_code=201, dependencies=[needs("profiles:write")])
async def link(
    body: LinkBody, request: Request, connection: Transaction, policy: Policed, caller: Caller
) -> LinkAnswer:
    """Say that two identifiers are one customer; overrides guards, and the ledger says so."""
    a, b = read_identifier(body.a, "/a", policy.country), read_identifier(body.b, "/b", policy.country)
    return _answer(await service.link(connection, policy.guards, a, b, caller.subject, body.reason), request)


@router.delete("/links/{link_id}", dependencies=[needs("profiles:write")])
async def unlink(
    link_id: UUID,
    request: Request,
    connection: Transaction,
    policy: Policed,
    caller: Caller,
    reason: Reason = None,
) -> LinkAnswer:
    """Retract a link: each side gets back its old id, and nothing joins the two again but an operator.

    What keeps them apart is listed at `/v1/profiles/{id}/cannot-links` and can be withdrawn.
    """
    return _answer(await service.unlink(connection, policy.guards, link_id, caller.subject, reason), request)


@router.get("/profiles/{profile_id}/links", dependencies=[needs("profiles:read")])
async def ledger(
    profile_id: UUID, connection: Reading, caller: Caller, limit: Limit = 50, cursor: Cursor = None
) -> Page[LedgerEntry]:
    """Why this profile is what it is: links accepted, held and retracted, newest first."""
    before = decode_cursor(cursor, tuple[UUID])[0] if cursor else None
    rows = await service.ledger_of(connection, profile_id, before, limit + 1)
    items = [_entry(row, pii=caller.may("profiles:pii")) for row in rows[:limit]]
    return Page(items=items, next_cursor=encode_cursor(items[-1].link_id) if len(rows) > limit else None)


@router.get("/profiles/{profile_id}/cannot-links", dependencies=[needs("profiles:read")])
async def kept_apart(
    profile_id: UUID, connection: Reading, caller: Caller, limit: Limit = 50, cursor: Cursor = None
) -> Page[CannotLinkEntry]:
    """What operators keep this profile apart from, newest first, withdrawn words included."""
    before = decode_cursor(cursor, tuple[UUID])[0] if cursor else None
    words = await service.words_of(connection, profile_id, before, limit + 1)
    items = [_word(each, pii=caller.may("profiles:pii")) for each in words[:limit]]
    return Page(items=items, next_cursor=encode_cursor(items[-1].cannot_link_id) if len(words) > limit else None)


@router.delete("/cannot-links/{cannot_link_id}", dependencies=[needs("profiles:write")])
async def withdraw(
    cannot_link_id: UUID,
    request: Request,
    connection: Transaction,
    policy: Policed,
    caller: Caller,
    reason: Reason = None,
) -> WithdrawalAnswer:
    """Withdraw the word that keeps two sides apart: evidence held because of it alone, or yet to come, joins them.

    Links that were retracted stay retracted.
    """
    done = await service.withdraw(connection, policy.guards, cannot_link_id, caller.subject, reason)
    note(request, [*done.before, *done.after])
    return WithdrawalAnswer(cannot_link_id=cannot_link_id, profiles_before=done.before, profiles_after=done.after)


@router.post("/profiles/{profile_id}/split", dependencies=[needs("profiles:write")])
async def split(
    profile_id: UUID, body: SplitBody, connection: Transaction, policy: Policed, caller: Caller
) -> SplitAnswer:
    """Take identities out of a profile as a customer of their own."""
    pointers = [f"/identities/{index}" for index in range(len(body.identities))]
    part = read_identifiers(body.identities, policy.country, pointers=pointers)
    done = await service.split(connection, policy.guards, profile_id, part, caller.subject, body.reason)
    return SplitAnswer(
        profiles_before=[done.before],
        profiles_after=done.after,
        split_profile_id=done.part,
        links_retracted=done.retracted,
    )


def _answer(done: service.Relinked, request: Request) -> LinkAnswer:
    note(request, [*done.before, *done.after])
    return LinkAnswer(
        link_id=done.link_id,
        profiles_before=done.before,
        profiles_after=done.after,
        guards_overridden=done.guards_overridden,
    )


def _word(word: Word, *, pii: bool) -> CannotLinkEntry:
    row = word.row
    return CannotLinkEntry(
        cannot_link_id=row["cannot_link_id"],
        sides=[[_end(*each, pii=pii) for each in side] for side in word.sides],
        links=row["links"] or [],
        made_at=row["made_at"],
        made_by=row["made_by"],
        withdrawn_at=row["withdrawn_at"],
        withdrawn_by=row["withdrawn_by"],
        withdrawal_reason=row["withdrawal_reason"],
    )


def _end(identity_id: UUID, kind: str, value: str, *, pii: bool) -> LinkEnd:
    return LinkEnd(identity_id=identity_id, kind=kind, value=value if pii else masked_identifier(kind, value))


def _entry(row: asyncpg.Record, *, pii: bool) -> LedgerEntry:
    def end(side: str) -> LinkEnd:
        return _end(row[side], row[f"{side}_kind"], row[f"{side}_value"], pii=pii)

    accepted = row["state"] == "accepted"
    return LedgerEntry(
        link_id=row["link_id"],
        a=end("a"),
        b=end("b"),
        kind=row["kind"],
        state="retracted" if row["retracted_at"] else row["state"],
        guards=[] if accepted else row["guards"],
        guards_overridden=row["guards"] if accepted else [],
        source=row["source"],
        event_id=row["event_id"],
        reason=row["reason"],
        confidence=row["confidence"],
        evidence_at=row["evidence_at"],
        recorded_at=row["recorded_at"],
        retracted_at=row["retracted_at"],
        retracted_by=row["retracted_by"],
        retraction_reason=row["retraction_reason"],
    )
