"""Reading profiles anew that have changed, and keeping what rules read of them."""

from collections.abc import Sequence
from datetime import datetime
from typing import Final
from uuid import UUID

from rapport.database import Connection, Database
from rapport.http import ServiceClient

from segment_service.clients import profiles as profile_service
from segment_service.clients.profiles import Found
from segment_service.columns import changes as columns
from segment_service.people import repository
from segment_service.people.repository import Copy
from segment_service.people.rules import Trait, differing, traits, words
from segment_service.standing.repository import next_version, take_turn
from segment_service.unevaluated import repository as unevaluated

_AT_ONCE: Final = 500


async def read_some(database: Database, client: ServiceClient) -> int:
    """Read profiles that are due, unless another worker is at it; how many. Raises `ServiceUnavailable`.

    Marks stay until what was read is kept, so a failure of either side, or a kill, leaves nobody out.
    """
    async with database.pool.acquire(timeout=10) as guard:
        if not await repository.guard(guard):
            return 0
        try:
            epoch = await repository.epoch(guard)
            asked = await repository.due(guard, _AT_ONCE)
            if asked:
                found = await profile_service.lookup(client, asked)
                await _keep(database, epoch, asked, found)
        finally:
            if not guard.is_closed():
                await repository.unguard(guard)
    return len(asked)


async def _keep(database: Database, epoch: int, asked: dict[UUID, int], found: Sequence[Found]) -> None:
    async with database.transaction() as connection:
        await take_turn(connection)
        if await repository.epoch(connection) != epoch:
            # Somebody was erased since these were asked for, who may be among them: they are read again.
            return
        version = await next_version(connection)
        copies = {each.current_profile_id: _copy(each) for each in found}
        causes = await keep(connection, list(copies.values()), version)
        # An id that was merged away has no copy of its own, nor has one that is not known any more.
        gone = asked.keys() - copies.keys()
        await repository.forget(connection, gone, version)
        until: dict[UUID, datetime] = {each.profile_id: each.until for each in found if each.until is not None}
        await repository.have_read(connection, asked, until)
        await unevaluated.put(connection, causes, version)


async def keep(connection: Connection, copies: Sequence[Copy], version: int) -> dict[UUID, set[str]]:
    """Keep what differs from what is there, in one's turn; by profile, what segments have to look at again."""
    if not copies:
        return {}
    before = await repository.kept(connection, [each.profile_id for each in copies])
    causes: dict[UUID, set[str]] = {}
    gone: list[tuple[UUID, str]] = []
    new: list[Copy] = []
    spoken: list[Copy] = []
    facts: list[UUID] = []
    for copy in copies:
        known = before[copy.profile_id]
        why = causes.setdefault(copy.profile_id, set())
        keys = differing(known.traits, copy.traits)
        if keys:
            had = {each.key for each in known.traits}
            gone += [(copy.profile_id, key) for key in keys & had]
            new.append(copy._replace(traits=_of(copy.traits, keys)))
            why |= {f"trait:{key}" for key in keys}
        if set(known.words) != set(copy.words):
            spoken.append(copy)
            why.add(unevaluated.CONSENT)
        if (known.kind, known.restricted) != (copy.kind, copy.restricted):
            facts.append(copy.profile_id)
            why.add(unevaluated.STANDING)
    await repository.replace_traits(connection, gone, new)
    await repository.replace_words(connection, spoken)
    await repository.keep(connection, copies)
    await columns.log(connection, "trait", [each.profile_id for each in new], version)
    await columns.log(connection, "consent", [each.profile_id for each in spoken], version)
    await columns.log(connection, "customer", facts, version)
    return {profile: why for profile, why in causes.items() if why}


def _copy(found: Found) -> Copy:
    told = [(each.channel, each.purpose, each.status, each.until) for each in found.consents]
    return Copy(
        found.current_profile_id,
        found.kind,
        found.restricted,
        found.created_at,
        traits(found.traits, found.kind),
        words(told, restricted=found.restricted),
    )


def _of(every: Sequence[Trait], keys: set[str]) -> list[Trait]:
    return [each for each in every if each.key in keys]
