"""The churn file follows customers: episodes open, close and come undone as orders and time have it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any, Final
from uuid import UUID

import asyncpg
from rapport.database import Connection, Database
from rapport.feed import Event, append

from segment_service.churn import repository
from segment_service.churn.rules import Episode, Happened, Kept, episodes, pair
from segment_service.standing import repository as customers
from segment_service.standing.repository import Rules

_AT_ONCE: Final = 500


async def follow(database: Database, rules: Rules) -> bool:
    """Take in what changed of customers since the last time; whether there is more."""
    async with database.transaction() as connection:
        # In its turn, so that no change up to this number is still under way.
        await customers.take_turn(connection)
        since = await repository.position(connection)
        newest = await customers.newest_version(connection)
        until = await repository.boundary(connection, since, _AT_ONCE) or newest
    if until <= since:
        return False
    async with database.transaction() as connection:
        await repository.take_turn(connection)
        if await repository.position(connection) != since:
            # Another worker was faster.
            return True
        profiles = await repository.concerned(connection, since, until, datetime.now(UTC))
        await settle(connection, profiles, rules)
        await repository.advance(connection, until)
    return until < newest


async def settle(connection: Connection, profiles: Sequence[UUID], rules: Rules) -> None:
    """Compute the episodes of profiles anew, in the file's turn; announce what opened and closed."""
    if not profiles:
        return
    now = datetime.now(UTC)
    rules = await customers.fitted(connection, rules)
    owners = await repository.members(connection, profiles)
    orders = await repository.orders(connection, profiles, rules.currency)
    kept: dict[UUID, list[asyncpg.Record]] = {profile: [] for profile in profiles}
    for row in await repository.kept(connection, list(owners)):
        kept[owners[row["identity_id"]]].append(row)
    placed = [order.at for each in orders.values() for order in each]
    happened = await repository.happened(connection, owners, min(placed, default=None))
    events: list[Event] = []
    for profile in profiles:
        found = episodes(
            orders.get(profile, ()),
            happened.get(profile, Happened()),
            rules.lifecycle,
            now,
            rules.lifecycle.won_back_days,
        )
        events += await _settle(connection, profile, found, kept[profile], now)
    await append(connection, events)


async def _settle(
    connection: Connection, profile: UUID, found: Sequence[Episode], kept: Sequence[asyncpg.Record], now: datetime
) -> list[Event]:
    before = {row["episode_id"]: row["state"] for row in kept}
    pairs, gone = pair(found, [_kept(row) for row in kept])
    events: list[Event] = []
    for episode, known in pairs:
        if known is None:
            episode_id = await repository.insert(connection, episode)
        else:
            episode_id = known
            await repository.update(connection, known, episode)
        state = before.get(episode_id, "undone")
        opened = (state != "open" and episode.state == "open") or state == "undone"
        closed = state in {"open", "undone"} and episode.state != "open"
        names = [name for name, so in (("churn.opened", opened), ("churn.closed", closed)) if so]
        events += [_event(name, episode_id, profile, episode, now) for name in names]
    for episode_id in gone:
        if before[episode_id] != "undone":
            await repository.undo(connection, episode_id, now)
        if before[episode_id] == "open":
            data = {"episode_id": episode_id, "profile_id": profile, "state": "undone", "closed_at": now}
            events.append(Event(type="churn.closed", time=now, subject=str(profile), data=data))
    return events


def _kept(row: asyncpg.Record) -> Kept:
    return Kept(row["episode_id"], row["identity_id"], row["silent_since"], row["returned_at"])


def _event(name: str, episode_id: UUID, profile: UUID, episode: Episode, now: datetime) -> Event:
    data: dict[str, Any] = {
        "episode_id": episode_id,
        "profile_id": profile,
        "state": episode.state,
        "opened_at": episode.opened_at,
        "closed_at": episode.closed_at,
        "reason": episode.reason,
        "reason_origin": episode.reason_origin,
    }
    return Event(type=name, time=now, subject=str(profile), data=data)
