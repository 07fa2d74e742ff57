"""Reading the audit trail."""

from uuid import UUID

import asyncpg
from rapport.database import Connection

from profile_service.audit import repository
from profile_service.errors import UnknownProfile
from profile_service.ledger import repository as ledger


async def listed(connection: Connection, profile_id: UUID, before: UUID | None, limit: int) -> list[asyncpg.Record]:
    """Entries about a profile under all ids that it has or had, newest first; raises `UnknownProfile`.

    The entries of somebody who was erased stay, under the id that was theirs.
    """
    members = (await ledger.members_of(connection, [profile_id])).get(profile_id, [])
    ids = {profile_id, *(each.seed_profile_id for each in members)}
    rows = await repository.page(connection, ids, before, limit)
    if not rows and not members:
        raise UnknownProfile(f"There is no profile {profile_id}.")
    return rows
