"""What other services say about a customer, each within its budget; none of them can make a contact fail."""

import asyncio
from collections.abc import Awaitable, Sequence
from typing import Annotated, Any, NamedTuple, TypeVar
from uuid import UUID

from fastapi import Depends
from rapport.database import Connection, Database, Storage
from rapport.http import ServiceUnavailable
from rapport.identity import Identifier, confidence, identity_id, strength

from interaction_service.clients.others import CampaignClient, SegmentClient
from interaction_service.clients.profile import Recognised, Traits
from interaction_service.dependencies import Campaigns, OfCustomer, Profiles, Segments, Settings
from interaction_service.engagements.schemas import NewEngagement
from interaction_service.fields import canonical
from interaction_service.identities import repository as identity_map

T = TypeVar("T")
MOMENT = "engagement"
SHARED = frozenset({"device_id", "anonymous_id"})


class Who(NamedTuple):
    """A customer as far as recognised; `identities` is never empty, `anchor` the one that new things belong to.

    `known_by` are ids, of the profile and of identities in the contact, that lead to this customer and nobody else.
    """

    anchor: UUID
    identities: list[UUID]
    profile_id: UUID | None = None
    confidence: float = 0.0
    created: bool = False
    traits: Traits = Traits()
    known_by: list[UUID] = []


class Surroundings(NamedTuple):
    """A customer, what others say about them, and which services owe their part."""

    who: Who
    identifiers: list[Identifier]
    standing: dict[str, Any] | None
    actions: list[dict[str, Any]] | None
    degraded: list[str]


class Arrival(NamedTuple):
    """A contact with what is known around it."""

    new: NewEngagement
    around: Surroundings


async def _arrival(
    new: NewEngagement,
    storage: Storage,
    settings: Settings,
    profiles: Profiles,
    segments: Segments,
    campaigns: Campaigns,
) -> Arrival:
    # Everything that waits for others is done here, before the endpoint's transaction begins: a service that is slow
    # must hold neither a connection nor the turn of a customer.
    identifiers = sorted(
        dict.fromkeys(canonical(new.identifiers, settings.default_country)), key=lambda each: strength(each.kind)
    )
    degraded: list[str] = []
    try:
        who = _recognised(identifiers, await profiles.resolve(identifiers, create=new.create_profile))
    except ServiceUnavailable:
        degraded.append("profile")
        who = await _from_map(storage, identifiers)
    who = who._replace(known_by=_known_by(identifiers, who))
    standing, actions = await _ask(who.profile_id, new.channel, segments, campaigns, degraded)
    return Arrival(new, Surroundings(who, identifiers, standing, actions, degraded))


async def _around(customer: OfCustomer, profiles: Profiles, segments: Segments, campaigns: Campaigns) -> Surroundings:
    degraded: list[str] = []
    found, (standing, actions) = await asyncio.gather(
        _owed("profile", profiles.find(customer.profile_id), degraded),
        _ask(customer.profile_id, "context", segments, campaigns, degraded),
    )
    traits = Traits(found.display_name, found.language, found.traits) if found else Traits()
    who = Who(customer.anchor, customer.identities, customer.profile_id, 1.0, created=False, traits=traits)
    return Surroundings(who, [], standing, actions, sorted(degraded, key=["profile", "segment", "campaign"].index))


ArrivalOf = Annotated[Arrival, Depends(_arrival)]
AroundOf = Annotated[Surroundings, Depends(_around)]


def _recognised(identifiers: Sequence[Identifier], found: Recognised | None) -> Who:
    anchor = identity_id(identifiers[0].kind, identifiers[0].value)
    if found is None:
        return Who(anchor, [anchor])
    identities = list({anchor, *(each.identity_id for each in found.identities)})
    return Who(anchor, identities, found.profile_id, found.confidence, found.created, found.profile or Traits())


def _known_by(identifiers: Sequence[Identifier], who: Who) -> list[UUID]:
    named = {identity_id(each.kind, each.value): each.kind for each in identifiers}
    if who.profile_id is None:
        # Nobody knows any of them. What several people may use leads to one only where there is nothing else.
        return [each for each, kind in named.items() if kind not in SHARED or each == who.anchor]
    # Those of somebody else, which the contact named too, lead there.
    return [who.profile_id, *(each for each in named if each in who.identities and named[each] not in SHARED)]


async def _from_map(database: Database, identifiers: Sequence[Identifier]) -> Who:
    """Without profile-service the map still knows whoever was here before."""
    async with database.pool.acquire(timeout=10) as connection:
        return await mapped(connection, identifiers)


async def mapped(connection: Connection, identifiers: Sequence[Identifier]) -> Who:
    """The customer of the strongest of these identifiers that the map knows, or nobody known under the strongest."""
    anchor = identity_id(identifiers[0].kind, identifiers[0].value)
    for identifier in identifiers:
        mapped = await identity_map.of_identity(connection, identity_id(identifier.kind, identifier.value))
        if mapped:
            identities = list({anchor, *(each.identity_id for each in mapped)})
            return Who(anchor, identities, mapped[0].profile_id, confidence(identifier.kind))
    return Who(anchor, [anchor])


async def _ask(
    profile_id: UUID | None, channel: str, segments: SegmentClient, campaigns: CampaignClient, degraded: list[str]
) -> tuple[dict[str, Any] | None, list[dict[str, Any]] | None]:
    """Standing and next actions, asked for side by side."""
    if profile_id is None:
        return None, []
    standing, actions = await asyncio.gather(
        _owed("segment", segments.standing(profile_id), degraded),
        _owed("campaign", campaigns.decide(profile_id, channel, MOMENT), degraded),
    )
    return standing, actions


async def _owed(name: str, call: Awaitable[T], degraded: list[str]) -> T | None:
    try:
        return await call
    except ServiceUnavailable:
        degraded.append(name)
        return None
