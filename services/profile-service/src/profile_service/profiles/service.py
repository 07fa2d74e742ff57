"""What can be done with a customer's file."""

from collections.abc import Collection, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from fastapi import Request
from rapport import feed
from rapport.concurrency import check_if_match
from rapport.database import Connection
from rapport.errors import Forbidden, Invalid
from rapport.identity import STRENGTH, Identifier, InvalidIdentifier, confidence, identity_id, normalise, strength

from profile_service.attributes import service as attributes
from profile_service.attributes.rules import Catalogue, holds
from profile_service.errors import UnknownProfile
from profile_service.facts import repository as facts
from profile_service.facts.service import told
from profile_service.facts.traits import InvalidTrait, flatten, merged, normalise_traits
from profile_service.identifiers import read_identifiers
from profile_service.ledger import repository as ledger
from profile_service.ledger.records import NOW, PROFILE, Plan, Sighting, View, star
from profile_service.ledger.repository import Reader
from profile_service.ledger.service import record
from profile_service.personal import is_personal
from profile_service.policy import Policy
from profile_service.profiles import repository
from profile_service.profiles.documents import version
from profile_service.profiles.errors import IdentifierTaken, NotOneCustomer
from profile_service.profiles.rules import Profile, assemble
from profile_service.profiles.schemas import CreateBody
from profile_service.search import service as searching
from profile_service.search.rules import Rank

_SOURCE = "api"


async def read(connection: Reader, profile_id: UUID) -> Profile:
    """The profile that goes or went by this id; raises `UnknownProfile`."""
    found = await read_many(connection, [profile_id])
    if profile_id not in found:
        raise UnknownProfile(f"There is no profile {profile_id}.")
    return found[profile_id]


async def read_many(connection: Reader, profile_ids: Collection[UUID]) -> dict[UUID, Profile]:
    """Profiles by the id asked for, in the order asked; ids that were never given are left out."""
    members = await ledger.members_of(connection, profile_ids)
    owners = {each.identity_id for rows in members.values() for each in rows}
    by_identity: dict[UUID, list[Any]] = {}
    for fact in await facts.facts_of(connection, owners):
        by_identity.setdefault(fact.identity_id, []).append(fact)
    now = datetime.now(UTC)
    return {
        asked: assemble(
            members[asked], [fact for row in members[asked] for fact in by_identity.get(row.identity_id, ())], now
        )
        for asked in profile_ids
        if asked in members
    }


async def create(connection: Connection, policy: Policy, body: CreateBody) -> Profile:
    """A new profile with what is known of the customer; raises `IdentifierTaken`, `NotOneCustomer` or `Invalid`."""
    now = datetime.now(UTC)
    defined = await attributes.catalogue(connection, body.traits)
    traits = require_fitting(defined, read_traits(body.traits, policy.country, defined))
    identifiers = _with_contact_points(read_identifiers(body.identifiers, policy.country), traits)
    if identifiers:
        sightings = [Sighting.of(each, profile_kind=body.kind) for each in identifiers]
    else:
        sightings = [await _anchor(connection, body.kind)]

    def plan(view: View) -> Plan:
        if view.identities:
            raise _taken(view)
        return Plan(evidence=star(sightings, "same_call", _SOURCE, None, confidence, view.now))

    outcome = await record(connection, policy.guards, sightings, plan)
    profiles = {outcome.after[each.identity_id] for each in sightings}
    if len(profiles) > 1:
        reasons = sorted({guard for guards in outcome.held.values() for guard in guards})
        raise NotOneCustomer(f"Guards keep them apart: {', '.join(reasons)}.", guards=reasons)
    profile_id = profiles.pop()
    await _tell(connection, profile_id, traits, now)
    return await read(connection, profile_id)


async def change(
    connection: Connection, policy: Policy, profile_id: UUID, patch: dict[str, Any], request: Request
) -> Profile:
    """The profile after a merge patch of its traits; raises `UnknownProfile`, `Stale` or `Invalid`.

    What is stated through an id stays with the identity that brought that id, whatever it is merged with.
    """
    current = (await read(connection, profile_id)).profile_id
    await repository.lock_document(connection, current)
    profile = await read(connection, profile_id)
    check_if_match(request, version(profile).strip('"'))
    now = datetime.now(UTC)
    defined = await attributes.catalogue(connection, patch)
    stated = read_traits(patch, policy.country, defined, profile.traits)
    traits = require_fitting(defined, merged(profile.traits, stated))
    await _link_contact_points(connection, policy, profile_id, profile, traits)
    await _tell(connection, profile_id, traits, now)
    if traits:
        await feed.append(connection, [told(profile.profile_id, traits, now)])
    return await read(connection, profile_id)


async def page(connection: Connection, after: UUID | None, limit: int) -> Sequence[Profile]:
    """All profiles in the order of their ids."""
    return list((await read_many(connection, await repository.page(connection, after, limit))).values())


async def search(
    connection: Connection, policy: Policy, query: str, after: Rank | None, limit: int
) -> list[tuple[Rank, Profile]]:
    """Profiles most like `query`, each with its rank: by any identifier in full, name, or part of a contact point."""
    known = await repository.known(connection, _readings(query, policy.country))
    ranks = await searching.find(connection, query, known.values(), after, limit)
    found = await read_many(connection, [rank[-1] for rank in ranks])
    return [(rank, found[rank[-1]]) for rank in ranks if rank[-1] in found]


async def search_attribute(
    connection: Connection, path: str, value: str, after: UUID | None, limit: int, *, pii: bool
) -> Sequence[Profile]:
    """Profiles whose current value of a searchable attribute is, or among others is, `value`, in the order of ids;
    of a repeating attribute any record counts.

    `path` is the key, dotted further for a part of an object. Raises `NotSearchable`, or `Forbidden` for what
    the caller could not read either.
    """
    attribute = await attributes.searchable(connection, path)
    if not pii and (attribute.personal or is_personal(attribute.key)):
        raise Forbidden("To search personal attributes the token needs the scope profiles:pii.", scope="profiles:pii")
    key, within = attribute.key, path[len(attribute.key) + 1 :]
    found: list[Profile] = []
    while len(found) < limit:
        holders = await attributes.holders(connection, path, value, after, limit)
        profiles = (await read_many(connection, holders)).values()
        found += [each for each in profiles if attribute.repeating or holds(each.traits.get(key), within, value)]
        if len(holders) < limit:
            break
        after = holders[-1]
    return found[:limit]


def read_traits(
    traits: dict[str, Any], country: str | None, defined: Catalogue, stored: Mapping[str, Any] | None = None
) -> dict[str, Any]:
    """Canonical traits by dotted key, null for those to be removed; raises `Invalid` that points to each fault.

    Phone numbers and postcodes belong to the country given with them, or to the one `stored`.
    """
    try:
        valid, invalid = normalise_traits(flatten(traits, whole=defined.whole), country, stored)
    except InvalidTrait as error:
        valid, invalid = {}, [error]
    _refuse(invalid)
    return valid


def require_fitting(defined: Catalogue, traits: dict[str, Any]) -> dict[str, Any]:
    """`traits` by dotted key, all of which fit what is defined; raises `Invalid` that points to each fault."""
    valid, invalid = attributes.sort_out(defined, traits)
    _refuse(invalid)
    return valid


def _refuse(invalid: Sequence[InvalidTrait]) -> None:
    if invalid:
        errors = [{"pointer": "/traits" + each.pointer, "detail": each.detail} for each in invalid]
        raise Invalid("; ".join(str(each) for each in invalid[:5]), errors=errors)


def _with_contact_points(identifiers: list[Identifier], traits: dict[str, Any]) -> list[Identifier]:
    """All identifiers, those among the traits included, strongest first."""
    found = dict.fromkeys(identifiers)
    found.update({Identifier(kind, traits[kind]): None for kind in ("email", "phone") if traits.get(kind)})
    return sorted(found, key=lambda each: (strength(each.kind), each.kind, each.value))


async def _anchor(connection: Connection, kind: str) -> Sighting:
    """The identity of a profile that has no identifier yet."""
    (profile_id,) = await ledger.new_profile_ids(connection, 1)
    return Sighting(identity_id(PROFILE, str(profile_id)), PROFILE, str(profile_id), NOW, kind, seed=profile_id)


def _taken(view: View) -> IdentifierTaken:
    rows = sorted(view.identities.values(), key=lambda row: strength(row.kind))
    taken = [{"kind": row.kind, "profile_id": str(row.profile_id)} for row in rows]
    return IdentifierTaken(str(rows[0].profile_id), taken)


async def _tell(connection: Connection, profile_id: UUID, traits: dict[str, Any], now: datetime) -> None:
    owner = await ledger.seed_identity(connection, profile_id)
    await facts.tell(
        connection, [facts.NewFact(owner, key, value, "stated", _SOURCE, now) for key, value in traits.items()]
    )


async def _link_contact_points(
    connection: Connection, policy: Policy, profile_id: UUID, profile: Profile, traits: dict[str, Any]
) -> None:
    """An e-mail address or phone number stated as a trait is evidence as well; guards apply."""
    have = {(each.kind, each.value) for each in profile.identities}
    new = [each for each in _with_contact_points([], traits) if (each.kind, each.value) not in have]
    if not new:
        return
    owner = next(each for each in profile.identities if each.seed_profile_id == profile_id)
    hub = Sighting(owner.identity_id, owner.kind, owner.value, NOW)
    sightings = [hub, *(Sighting.of(each) for each in new)]

    def plan(view: View) -> Plan:
        return Plan(evidence=star(sightings, "same_call", _SOURCE, None, confidence, view.now))

    await record(connection, policy.guards, sightings, plan)


def _readings(query: str, country: str | None) -> list[UUID]:
    """Identities that `query` may name."""
    found: list[UUID] = []
    for kind in STRENGTH:
        try:
            found.append(identity_id(kind, normalise(kind, query, country=country)))
        except InvalidIdentifier:
            continue
    return found
