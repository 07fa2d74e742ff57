"""What can be done with facts."""

from collections.abc import Collection, Iterable
from datetime import UTC, datetime
from uuid import UUID

from rapport import feed
from rapport.database import Connection
from rapport.errors import Invalid
from rapport.feed import Event

from profile_service.attributes.service import catalogue
from profile_service.errors import UnknownProfile
from profile_service.facts import repository
from profile_service.facts.errors import UnknownFact
from profile_service.facts.repository import NewFact
from profile_service.facts.rules import Fact, Standing, standings
from profile_service.facts.schemas import FactBody
from profile_service.facts.traits import InvalidTrait, normalise_trait
from profile_service.ledger import repository as ledger
from profile_service.ledger.records import IdentityRow
from profile_service.policy import Policy


async def tell(connection: Connection, policy: Policy, profile_id: UUID, body: FactBody) -> tuple[Fact, Standing]:
    """Keep a fact about a customer; the fact, and where it stands. Raises `UnknownProfile` or `Invalid`.

    What is told of an id stays with the identity that brought that id, whatever it is merged with.
    """
    members = await _members(connection, profile_id)
    now = datetime.now(UTC)
    defined = await catalogue(connection, {body.key: body.value})
    try:
        value = normalise_trait(body.key, body.value, policy.country)
        defined.check(body.key, value)
    except InvalidTrait as error:
        raise Invalid(str(error), errors=[{"pointer": "/value", "detail": error.detail}]) from error
    owner = next(each for each in members if each.seed_profile_id == profile_id)
    observed_at = body.observed_at or now
    new = NewFact(
        owner.identity_id, body.key, value, body.origin, body.source, observed_at, body.confidence, body.expires_at
    )
    (fact,) = await repository.tell(connection, [new])
    await feed.append(connection, [told(members[0].profile_id, [body.key], now)])
    everything = await repository.facts_of(connection, [each.identity_id for each in members])
    return fact, standings(everything, now)[fact.fact_id]


async def listed(
    connection: Connection, profile_id: UUID, key: str | None, before: UUID | None, limit: int
) -> tuple[list[Fact], dict[UUID, Standing]]:
    """Facts about a customer, newest first, and where all of them stand; raises `UnknownProfile`."""
    identities = [each.identity_id for each in await _members(connection, profile_id)]
    found = await repository.page_of(connection, identities, key, before, limit)
    everything = await repository.facts_of(connection, identities)
    # Told between the two reads: on the next page, or the next time.
    standing = standings({fact.fact_id: fact for fact in (*found, *everything)}.values(), datetime.now(UTC))
    return found, standing


async def withdraw(connection: Connection, profile_id: UUID, fact_id: UUID, by: str, reason: str | None) -> None:
    """Take a fact back; once taken back it stays so. Raises `UnknownProfile` or `UnknownFact`."""
    members = await _members(connection, profile_id)
    fact = await repository.one_of(connection, [each.identity_id for each in members], fact_id)
    if fact is None:
        raise UnknownFact(f"Profile {profile_id} has no fact {fact_id}.")
    if fact.withdrawn_at is None:
        await repository.withdraw(connection, fact_id, by, reason)
        await feed.append(connection, [told(members[0].profile_id, [fact.key], datetime.now(UTC))])


async def _members(connection: Connection, profile_id: UUID) -> list[IdentityRow]:
    members = (await ledger.members_of(connection, [profile_id])).get(profile_id)
    if not members:
        raise UnknownProfile(f"There is no profile {profile_id}.")
    return members


def told(profile_id: UUID, keys: Iterable[str] | Collection[str], at: datetime) -> Event:
    """That traits of a profile may have changed."""
    data = {"profile_id": str(profile_id), "keys": sorted(set(keys))}
    return Event(type="profile.updated", time=at, subject=str(profile_id), data=data)
