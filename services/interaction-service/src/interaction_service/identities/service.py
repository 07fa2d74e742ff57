"""Which identities a profile has, as far as this service knows, else as profile-service says."""

from collections.abc import Sequence
from typing import NamedTuple
from uuid import UUID

from rapport.database import Connection
from rapport.identity import strength

from interaction_service.clients.profile import OwnedIdentity, ProfileClient
from interaction_service.errors import UnknownProfile
from interaction_service.identities import repository


class Customer(NamedTuple):
    """A profile by its current id, its identities, and the one that new things are stored under."""

    profile_id: UUID
    identities: list[UUID]
    anchor: UUID


async def customer(connection: Connection, profiles: ProfileClient, profile_id: UUID) -> Customer:
    """The customer that any id answers for; raises `UnknownProfile`, or `ServiceUnavailable` if nobody can tell."""
    return await mapped_customer(connection, profile_id) or await asked_customer(profiles, profile_id)


async def mapped_customer(connection: Connection, profile_id: UUID) -> Customer | None:
    """The customer as far as this service's own map knows."""
    mapped = await repository.of_profile(connection, profile_id)
    if not mapped:
        return None
    # What belongs to a profile stays with it through merges and their undoing if it lies under its own seed.
    seed = next((each.identity_id for each in mapped if each.seed_profile_id == profile_id), None)
    return Customer(mapped[0].profile_id, [each.identity_id for each in mapped], seed or _strongest(mapped))


async def asked_customer(profiles: ProfileClient, profile_id: UUID) -> Customer:
    """The customer as profile-service knows them; raises `UnknownProfile` or `ServiceUnavailable`.

    The map lags by a fraction of a second: whoever has just created a profile may read it at once.
    """
    found = await profiles.find(profile_id)
    if found is None or not found.identities:
        raise UnknownProfile(f"No profile has the id {profile_id}.")
    identities = [each.identity_id for each in found.identities]
    return Customer(found.current_profile_id, identities, _strongest(found.identities))


def _strongest(identities: Sequence[repository.Mapped | OwnedIdentity]) -> UUID:
    return min(identities, key=lambda each: (strength(each.kind), each.identity_id)).identity_id
