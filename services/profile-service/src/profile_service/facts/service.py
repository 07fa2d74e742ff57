"""What can be done with facts."""

from collections.abc import Collection, Iterable
from datetime import UTC, datetime
from uuid import UUID

from rapport import feed
from rapport.database import Connection
from rapport.errors import Invalid
from rapport.feed import Event

from profile_service.errors import UnknownProfile
from profile_service.facts import repository
from profile_service.facts.repository import NewFact
from profile_service.facts.rules import Fact, winners
from profile_service.facts.schemas import FactBody
from profile_service.facts.traits import InvalidTrait, normalise_trait
from profile_service.ledger import repository as ledger
from profile_service.policy import Policy


async def tell(connection: Connection, policy: Policy, profile_id: UUID, body: FactBody) -> tuple[Fact, bool]:
    """Keep a fact about a customer; the fact, and whether it wins. Raises `UnknownProfile` or `Invalid`."""
    members = (await ledger.members_of(connection, [profile_id])).get(profile_id)
    if not members:
        raise UnknownProfile(f"There is no profile {profile_id}.")
    now = datetime.now(UTC)
    try:
        value = normalise_trait(body.key, body.value, policy.country)
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
    return fact, winners(everything, now).get(fact.key) == fact


async def listed(
    connection: Connection, profile_id: UUID, key: str | None, before: UUID | None, limit: int
) -> tuple[list[Fact], set[UUID]]:
    """Facts about a customer, newest first, and which of them win; raises `UnknownProfile`."""
    members = (await ledger.members_of(connection, [profile_id])).get(profile_id)
    if not members:
        raise UnknownProfile(f"There is no profile {profile_id}.")
    identities = [each.identity_id for each in members]
    everything = await repository.facts_of(connection, identities)
    winning = {fact.fact_id for fact in winners(everything, datetime.now(UTC)).values()}
    return await repository.page_of(connection, identities, key, before, limit), winning


def told(profile_id: UUID, keys: Iterable[str] | Collection[str], at: datetime) -> Event:
    """That traits of a profile may have changed."""
    data = {"profile_id": str(profile_id), "keys": sorted(set(keys))}
    return Event(type="profile.updated", time=at, subject=str(profile_id), data=data)
