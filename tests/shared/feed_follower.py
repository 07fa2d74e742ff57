"""Follows a feed and counts what it applies, as a process to be killed."""

import asyncio
import sys
from collections.abc import Sequence

import msgspec
from rapport.database import Connection, Database
from rapport.feed import FeedConsumer, ReceivedEvent
from rapport.http import ServiceClient


class _Data(msgspec.Struct):
    writer: int
    number: int


_decode = msgspec.json.Decoder(_Data).decode


async def apply(connection: Connection, events: Sequence[ReceivedEvent]) -> None:
    """Add to each writer's sum, and keep what was applied in the order it came."""
    found = [_decode(event.data) for event in events]
    for each in found:
        await connection.execute(
            "INSERT INTO effect VALUES ($1, $2, 1) ON CONFLICT (writer) "
            "DO UPDATE SET total = effect.total + excluded.total, count = effect.count + 1",
            each.writer,
            each.number,
        )


async def follow(base_url: str, token: str, database_url: str) -> None:
    database = Database(database_url, pool_size=4)
    await database.open()
    client = ServiceClient("toy", base_url, token)
    await FeedConsumer("toy", client, database, apply, limit=700, poll_seconds=2).run()


if __name__ == "__main__":
    asyncio.run(follow(*sys.argv[1:4]))
