"""Keeping the index of names up to date, and asking it."""

import asyncio
from collections.abc import Collection, Iterable, Mapping
from datetime import UTC, datetime
from typing import Final
from uuid import UUID

from fastapi import FastAPI
from rapport.database import Connection, Database

from profile_service.facts import repository as facts
from profile_service.facts.rules import Fact, winners
from profile_service.names.rules import NAMES
from profile_service.search import repository, rules
from profile_service.search.rules import Indexed, Rank

BATCH: Final = 1_000
AT_ONCE: Final = 200  # what a search takes in by itself whoever else is at it
PATIENCE_SECONDS: Final = 1.0  # how long a search works on a longer queue that no worker is at
_PAUSE_SECONDS: Final = 0.2
_CONTACTS: Final = 200


async def keep_up(app: FastAPI) -> None:
    """Take in changes of names as they come, for as long as the process runs."""
    database: Database = app.state.database
    while True:
        if not await repository.waiting(database.pool, 1):
            await asyncio.sleep(_PAUSE_SECONDS)
            continue
        async with database.pool.acquire() as connection:
            await take_in(connection, BATCH)


async def take_in(connection: Connection, most: int, *, wait: bool = True) -> bool:
    """Bring the index up to date with up to `most` changes, the oldest first; unless to `wait`, not while somebody
    else does. Whether it was done."""
    async with connection.transaction():
        profiles = await repository.take(connection, most, wait=wait)
        if profiles is None:
            return False
        identities = [identity for members in profiles.values() for identity in members]
        told: dict[UUID, list[Fact]] = {}
        for fact in await facts.facts_of(connection, identities, NAMES):
            told.setdefault(fact.identity_id, []).append(fact)
        now = datetime.now(UTC)
        await repository.replace(
            connection,
            {
                profile: _indexed([fact for each in members for fact in told.get(each, ())], now)
                for profile, members in profiles.items()
            },
        )
    return True


async def catch_up(connection: Connection) -> None:
    """Take in what has just been told, so that a search finds it; a long queue is the worker's where there is one.

    Where there is none, as with the role `api` alone, searches work it off, each for about a second.
    """
    clock = asyncio.get_running_loop()
    end = clock.time() + PATIENCE_SECONDS
    while waiting := await repository.waiting(connection, AT_ONCE + 1):
        if not await take_in(connection, BATCH, wait=waiting <= AT_ONCE) or clock.time() > end:
            break


async def find(
    connection: Connection, text: str, exact: Collection[UUID], after: Rank | None, limit: int
) -> list[Rank]:
    """The customers most like `text`, best first, at most the likeliest thousand in all; `exact` are among the best.

    What is found first for a name everybody has is an arbitrary thousand of the equally like.
    """
    await catch_up(connection)
    query = rules.read(text)
    ranks: dict[UUID, Rank] = {}
    async with connection.transaction():
        if query.words:
            _keep(ranks, await _named(connection, query.words))
        if query.email:
            found = await repository.with_email(connection, query.email, _CONTACTS)
            _keep(ranks, [rules.rank_contact(profile, query.email, value) for profile, value in found])
        if query.digits:
            found = await repository.with_phone(connection, query.digits, _CONTACTS)
            _keep(ranks, [rules.rank_contact(profile, query.digits, value) for profile, value in found])
    _keep(ranks, [(0, -1.0, 0, profile) for profile in exact])
    ordered = sorted(each for each in ranks.values() if after is None or each > after)
    return ordered[:limit]


async def _named(connection: Connection, asked: tuple[str, ...]) -> list[Rank]:
    """Customers with all words as written; with all of them somehow spelt; failing that, with all but one of three."""
    found = await repository.having(connection, [[word] for word in asked], repository.WINDOW)
    meant: list[Mapping[str, float]] = [{word: 1.0} for word in asked]
    if len(found) < repository.WINDOW:
        near = await repository.spellings(connection, asked)
        meant = [rules.nearest(word, near[word]) for word in asked]
        found |= await repository.having(connection, meant, repository.WINDOW)
    if not found and len(asked) > 2:
        for left_out in range(len(asked)):
            rest = [each for number, each in enumerate(meant) if number != left_out]
            found |= await repository.having(connection, rest, repository.WINDOW // len(asked))
    return [rules.rank(profile, each, meant) for profile, each in found.items()]


def _keep(ranks: dict[UUID, Rank], found: Iterable[Rank]) -> None:
    for each in found:
        ranks[each[-1]] = min(each, ranks.get(each[-1], each))


def _indexed(told: list[Fact], now: datetime) -> Indexed:
    winning = winners(told, now)
    past = [
        str(fact.value)
        for fact in told
        if fact.value is not None and fact.withdrawn_at is None and winning.get(fact.key) != fact
    ]
    return rules.index({key: fact.value for key, fact in winning.items()}, past)
