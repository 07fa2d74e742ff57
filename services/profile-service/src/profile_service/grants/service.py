"""Letting another customer use one's records, and using them."""

from collections.abc import Sequence
from datetime import UTC, datetime
from uuid import UUID

import asyncpg
from rapport.database import Connection

from profile_service.attributes.service import get
from profile_service.errors import UnknownProfile
from profile_service.grants import repository
from profile_service.grants.errors import InvalidGrant, NoGrant, UnknownGrant
from profile_service.grants.schemas import GrantBody
from profile_service.ledger import repository as ledger
from profile_service.ledger.records import IdentityRow


async def give(connection: Connection, profile_id: UUID, body: GrantBody, by: str) -> asyncpg.Record:
    """Let another customer use records; raises `UnknownProfile`, `UnknownAttribute` or `InvalidGrant`.

    The grant is between the identities that brought the two profile ids, whatever either is merged with.
    """
    found = await ledger.members_of(connection, [profile_id, body.granted_to])
    if profile_id not in found:
        raise UnknownProfile(f"There is no profile {profile_id}.")
    if body.granted_to not in found:
        raise _invalid("granted_to", f"There is no profile {body.granted_to}.")
    if found[profile_id][0].profile_id == found[body.granted_to][0].profile_id:
        raise _invalid("granted_to", "A customer needs no grant for records of their own.")
    if body.until <= datetime.now(UTC):
        raise _invalid("until", "Give a time to come.")
    if not (await get(connection, body.key)).repeating:
        raise _invalid("key", f"{body.key} has no records; it is not a repeating attribute.")
    owner, grantee = (
        next(row.identity_id for row in found[each] if row.seed_profile_id == each)
        for each in (profile_id, body.granted_to)
    )
    return await repository.add(connection, owner, grantee, body.key, body.until, body.note, by)


async def listed(
    connection: Connection, profile_id: UUID, before: UUID | None, limit: int, *, received: bool
) -> list[asyncpg.Record]:
    """Grants that a customer has given, or received, newest first; raises `UnknownProfile`."""
    identities = await _identities(connection, profile_id)
    return await repository.page(connection, identities, before, limit, received=received)


async def revoke(connection: Connection, profile_id: UUID, grant_id: UUID, by: str) -> None:
    """End a grant that this customer gave; raises `UnknownProfile` or `UnknownGrant`."""
    if not await repository.revoke(connection, grant_id, await _identities(connection, profile_id), by):
        raise UnknownGrant(f"Profile {profile_id} has given no grant {grant_id} that stands.")


async def uses(
    connection: Connection, profile_id: UUID, grant_id: UUID, before: UUID | None, limit: int
) -> list[asyncpg.Record]:
    """Who used a grant that this customer gave, newest first; raises `UnknownProfile` or `UnknownGrant`."""
    owners = await _identities(connection, profile_id)
    grant = await repository.one(connection, grant_id)
    if grant is None or grant["owner"] not in owners:
        raise UnknownGrant(f"Profile {profile_id} has given no grant {grant_id}.")
    return await repository.uses(connection, grant_id, before, limit)


async def allow(connection: Connection, owner: Sequence[IdentityRow], grantee: UUID, key: str, by: str) -> None:
    """Note that the owner's records are used for another customer; raises `NoGrant` when they may not be.

    Of two profiles that have become one neither needs a grant.
    """
    members = (await ledger.members_of(connection, [grantee])).get(grantee, [])
    if members and members[0].profile_id == owner[0].profile_id:
        return
    owners, grantees = ([each.identity_id for each in side] for side in (owner, members))
    grant_id = await repository.live(connection, owners, grantees, key)
    if grant_id is None:
        raise NoGrant(f"Profile {grantee} has no live grant for {key} of profile {owner[0].profile_id}.")
    await repository.use(connection, grant_id, by)


async def _identities(connection: Connection, profile_id: UUID) -> list[UUID]:
    members = (await ledger.members_of(connection, [profile_id])).get(profile_id)
    if not members:
        raise UnknownProfile(f"There is no profile {profile_id}.")
    return [each.identity_id for each in members]


def _invalid(member: str, detail: str) -> InvalidGrant:
    return InvalidGrant(f"/{member}: {detail}", errors=[{"pointer": f"/{member}", "detail": detail}])
