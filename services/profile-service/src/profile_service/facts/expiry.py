"""Announcing traits that change by nothing but time: a fact that counted has expired."""

import asyncio
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Final
from uuid import UUID

from fastapi import FastAPI
from rapport import feed
from rapport.database import Connection, Database

from profile_service.facts import repository
from profile_service.facts.repository import Mark
from profile_service.facts.rules import Fact, winners
from profile_service.facts.service import told
from profile_service.ledger import repository as ledger
from profile_service.names.rules import NAMES
from profile_service.search.repository import look_again

BATCH: Final = 1_000
_PAUSE_SECONDS: Final = 1.0
_ALWAYS: Final = datetime(1900, 1, 1, tzinfo=UTC)


async def follow_expiry(app: FastAPI) -> None:
    """Announce what expires as it does, for as long as the process runs."""
    database: Database = app.state.database
    while True:
        async with database.transaction() as connection:
            found = await announce(connection, BATCH)
        if not found:
            await asyncio.sleep(_PAUSE_SECONDS)


async def announce(connection: Connection, most: int) -> int:
    """Announce the traits changed by the next facts, `most` at most, to have expired; how many facts these were.

    How far it is stands in the database and moves with the announcement: each change is told once, whatever dies when.
    """
    since = await repository.expired_until(connection)
    if since is None:
        return 0
    expired = await repository.expired_after(connection, since, most)
    if not expired:
        return 0
    until = expired[-1].mark
    await repository.set_expired_until(connection, until)
    profiles = await ledger.profiles_of(connection, {each.identity_id for each in expired})
    members = await ledger.members_of(connection, set(profiles.values()))
    owners = {row.identity_id: profile for profile, rows in members.items() for row in rows}
    facts: dict[UUID, list[Fact]] = {}
    for fact in await repository.facts_of(connection, list(owners), {each.key for each in expired}):
        facts.setdefault(owners[fact.identity_id], []).append(fact)
    changed = {profile: keys for profile, about in facts.items() if (keys := _changed(about, since, until))}
    now = datetime.now(UTC)
    await feed.append(connection, [told(profile, keys, now) for profile, keys in changed.items()])
    await look_again(connection, [profile for profile, keys in changed.items() if not keys.isdisjoint(NAMES)])
    return len(expired)


def _changed(facts: Sequence[Fact], since: Mark, until: Mark) -> set[str]:
    """Keys whose value is another after `until` than it was after `since`."""
    before, after = _values(facts, since), _values(facts, until)
    return {key for key in before.keys() | after.keys() if before.get(key) != after.get(key)}


def _values(facts: Sequence[Fact], mark: Mark) -> Mapping[str, Any]:
    counting = [
        fact
        for fact in facts
        if fact.expires_at is None or (fact.expires_at > fact.recorded_at and (fact.expires_at, fact.fact_id) > mark)
    ]
    return {key: fact.value for key, fact in winners(counting, _ALWAYS).items() if fact.value is not None}
