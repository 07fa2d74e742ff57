"""Merging and unmerging by an operator's word."""

from collections.abc import Iterable
from dataclasses import dataclass
from uuid import UUID

import asyncpg
from rapport.database import Connection
from rapport.identity import Identifier, identity_id

from profile_service.errors import UnknownProfile
from profile_service.ledger import repository as ledger
from profile_service.ledger.guards import Guards
from profile_service.ledger.records import Outcome, Plan, Sighting, View
from profile_service.ledger.rules import OPERATOR
from profile_service.ledger.service import record
from profile_service.links import repository, rules
from profile_service.links.errors import CannotSplit, SameIdentity, UnknownCannotLink, UnknownLink
from profile_service.links.repository import Word


@dataclass(frozen=True, slots=True)
class Relinked:
    """A link, the profiles of its two ends before, and what became of them."""

    link_id: UUID
    before: list[UUID]
    after: list[UUID]
    guards_overridden: list[str]


@dataclass(frozen=True, slots=True)
class Regrouped:
    """The profiles of some identities before and after."""

    before: list[UUID]
    after: list[UUID]


@dataclass(frozen=True, slots=True)
class Split:
    """A profile split: `part` is the profile of the identities taken out, `after` all that there are now."""

    before: UUID
    after: list[UUID]
    part: UUID
    retracted: list[UUID]


async def link(
    connection: Connection, guards: Guards, a: Identifier, b: Identifier, by: str, reason: str | None
) -> Relinked:
    """Say that two identifiers are one customer, known or not, whatever guards or earlier words say against it."""
    if a == b:
        raise SameIdentity("Name two different identifiers.")
    sightings = [Sighting.of(a), Sighting.of(b)]
    ends = (sightings[0].identity_id, sightings[1].identity_id)

    def plan(view: View) -> Plan:
        return rules.say(view, [ends], by, reason)

    outcome = await record(connection, guards, sightings, plan, deep=ends)
    key = (min(ends), max(ends), OPERATOR)
    return _relinked(outcome, outcome.link_ids[key], ends, outcome.overridden.get(key, ()))


async def unlink(connection: Connection, guards: Guards, link_id: UUID, by: str, reason: str | None) -> Relinked:
    """Retract a link and keep its two sides apart from now on; raises `UnknownLink`."""
    ends = await repository.ends_of(connection, link_id)
    if ends is None:
        raise UnknownLink(f"There is no link {link_id} to retract.")

    def plan(view: View) -> Plan:
        found = [each for each in view.links.values() if each.link_id == link_id]
        if not found:
            raise UnknownLink(f"There is no link {link_id} to retract.")
        return Plan([], found, [ends], view.now, by, reason)

    outcome = await record(connection, guards, (), plan, also=ends, deep=ends)
    return _relinked(outcome, link_id, ends, ())


async def withdraw(
    connection: Connection, guards: Guards, cannot_link_id: UUID, by: str, reason: str | None
) -> Regrouped:
    """Take back the word that keeps two sides apart; raises `UnknownCannotLink`.

    Evidence that was held because of it alone joins them now; links that were retracted stay so.
    """
    ends = await repository.withdraw(connection, cannot_link_id, by, reason)
    if not ends:
        raise UnknownCannotLink(f"There is no cannot-link {cannot_link_id} to withdraw.")
    outcome = await record(connection, guards, (), lambda _: Plan(), also=ends, deep=ends)
    return Regrouped(sorted({outcome.before[each] for each in ends}), sorted({outcome.after[each] for each in ends}))


async def split(
    connection: Connection, guards: Guards, profile_id: UUID, part: list[Identifier], by: str, reason: str | None
) -> Split:
    """Take identities out of a profile as a customer of their own; raises `UnknownProfile` or `CannotSplit`."""
    members = (await ledger.members_of(connection, [profile_id])).get(profile_id)
    if not members:
        raise UnknownProfile(f"There is no profile {profile_id}.")
    ids = {identity_id(each.kind, each.value): each for each in part}
    whole: set[UUID] = set()
    retracted: list[UUID] = []

    def plan(view: View) -> Plan:
        nonlocal whole, retracted
        current = next((row.profile_id for row in view.identities.values() if row.seed_profile_id == profile_id), None)
        whole = {row.identity_id for row in view.identities.values() if row.profile_id == current}
        if foreign := ids.keys() - whole:
            raise CannotSplit("Some identities are not this profile's.", errors=_pointers(part, foreign))
        if not whole - ids.keys():
            raise CannotSplit("These are all the identities of the profile; leave at least one.")
        planned = rules.split(view, set(ids), whole - ids.keys(), by, reason)
        retracted = [each.link_id for each in planned.retract]
        return planned

    outcome = await record(connection, guards, (), plan, also=[*ids, members[0].identity_id], deep=list(ids))
    before = next(outcome.before[each] for each in whole)
    after = sorted({outcome.after[each] for each in whole})
    return Split(before, after, outcome.after[next(iter(ids))], retracted)


async def ledger_of(connection: Connection, profile_id: UUID, before: UUID | None, limit: int) -> list[asyncpg.Record]:
    """Links of a profile, newest first, held and retracted ones included; raises `UnknownProfile`."""
    return await repository.page(connection, await _identities_of(connection, profile_id), before, limit)


async def words_of(connection: Connection, profile_id: UUID, before: UUID | None, limit: int) -> list[Word]:
    """What operators keep a profile apart from, newest first, withdrawn words included; raises `UnknownProfile`."""
    return await repository.words(connection, await _identities_of(connection, profile_id), before, limit)


async def _identities_of(connection: Connection, profile_id: UUID) -> list[UUID]:
    members = (await ledger.members_of(connection, [profile_id])).get(profile_id)
    if not members:
        raise UnknownProfile(f"There is no profile {profile_id}.")
    return [each.identity_id for each in members]


def _relinked(outcome: Outcome, link_id: UUID, ends: Iterable[UUID], overridden: Iterable[str]) -> Relinked:
    before = {outcome.before[each] for each in ends if each in outcome.before}
    involved = {*ends, *(identity for identity, profile in outcome.before.items() if profile in before)}
    after = {outcome.after[each] for each in involved}
    return Relinked(link_id, sorted(before), sorted(after), list(overridden))


def _pointers(part: list[Identifier], foreign: Iterable[UUID]) -> list[dict[str, str]]:
    strangers = set(foreign)
    return [
        {"pointer": f"/identities/{index}", "detail": "This identity does not belong to the profile."}
        for index, each in enumerate(part)
        if identity_id(each.kind, each.value) in strangers
    ]
