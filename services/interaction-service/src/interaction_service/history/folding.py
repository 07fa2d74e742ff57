"""Folds recorded touchpoints into rollups: from the service's own outbox, so that collecting costs nothing more."""

import asyncio
from typing import Final

import msgspec
from fastapi import FastAPI
from rapport.database import Connection, Database
from rapport.feed.events import Position
from rapport.feed.server import FeedTail, read

from interaction_service.history import repository
from interaction_service.history.rules import Seen, additions
from interaction_service.touchpoints.recording import RECORDED

CONSUMER: Final = "rollups"
_EVENTS_AT_ONCE = 5_000
_PAUSE_SECONDS = 0.2
_IDLE_SECONDS = 5.0


class _Written(msgspec.Struct):
    type: str
    data: msgspec.Raw


_written = msgspec.json.Decoder(_Written).decode
_seen = msgspec.json.Decoder(Seen).decode


async def keep_rollups(app: FastAPI) -> None:
    """Follow the outbox for ever."""
    database: Database = app.state.database
    tail: FeedTail = app.state.feed_tail
    while not tail.stopping.is_set():
        at, folded = await fold(database)
        if folded < _EVENTS_AT_ONCE:
            await tail.wait_beyond(at, _IDLE_SECONDS)
            # Several batches at a time touch the rollup of a busy identity once.
            await asyncio.sleep(_PAUSE_SECONDS)


async def fold(database: Database) -> tuple[Position, int]:
    """Fold what came since the stored position, in one transaction with the new one; that and how many events."""
    async with database.transaction() as connection:
        return await _fold(connection)


async def _fold(connection: Connection) -> tuple[Position, int]:
    stored = await repository.lock_position(connection, CONSUMER)
    if stored is None:
        return Position(2**62, 0, 0), 0
    events = await read(connection, Position.parse(stored), _EVENTS_AT_ONCE)
    if not events:
        return Position.parse(stored), 0
    written = (_written(event) for _, event in events)
    await repository.add(connection, additions(_seen(each.data) for each in written if each.type == RECORDED))
    position = events[-1][0]
    await repository.move_position(connection, CONSUMER, str(position))
    return position, len(events)
