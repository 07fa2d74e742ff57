"""`GET /v1/feed`: long polling over the outbox, never ahead of a transaction that is still open."""

import asyncio
from typing import Annotated

import msgspec
from fastapi import APIRouter, Query, Request, Response

from rapport.auth import needs
from rapport.database import Connection, Database, Storage
from rapport.errors import documented
from rapport.feed.events import Position

MEDIA_TYPE = "application/cloudevents-batch+json"
_POLL_SECONDS = 0.05
_ROWS_AT_ONCE = 50

# Rows of transactions at or above the oldest running one may still get neighbours that sort before them.
_READ = """
    SELECT outbox.xid::text AS position, sequence, events
    FROM outbox
    WHERE (xid, sequence) >= ($1::text::xid8, $2)
      AND xid < pg_snapshot_xmin(pg_current_snapshot())
    ORDER BY outbox.xid, sequence
    LIMIT $3
"""
_NEWEST = """
    SELECT outbox.xid::text AS position, sequence, count
    FROM outbox
    WHERE xid < pg_snapshot_xmin(pg_current_snapshot())
    ORDER BY outbox.xid DESC, sequence DESC
    LIMIT 1
"""
_rows = msgspec.json.Decoder(list[msgspec.Raw])


class FeedTail:
    """Wakes long polls: one look at the newest row serves all who wait in this process."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._waiting = 0
        self._newest = Position(0, 0, -1)
        self._moved = asyncio.Condition()
        self._watch: asyncio.Task[None] | None = None
        self.stopping = asyncio.Event()

    async def wait_beyond(self, position: Position, seconds: float) -> None:
        """Return when there is something after `position`, the time is up or the service stops."""
        self._waiting += 1
        try:
            if self._watch is None or self._watch.done():
                self._watch = asyncio.create_task(self._look())
            async with asyncio.timeout(seconds), self._moved:
                await self._moved.wait_for(lambda: self._newest > position or self.stopping.is_set())
        except TimeoutError:
            return
        finally:
            self._waiting -= 1

    async def close(self) -> None:
        """Let everybody go who waits."""
        self.stopping.set()
        async with self._moved:
            self._moved.notify_all()
        if self._watch is not None:
            self._watch.cancel()
            await asyncio.gather(self._watch, return_exceptions=True)

    async def _look(self) -> None:
        while self._waiting and not self.stopping.is_set():
            row = await self._database.pool.fetchrow(_NEWEST)
            if row is not None:
                newest = Position(int(row["position"]), row["sequence"], row["count"] - 1)
                if newest != self._newest:
                    self._newest = newest
                    async with self._moved:
                        self._moved.notify_all()
            await asyncio.sleep(_POLL_SECONDS)
        async with self._moved:
            self._moved.notify_all()


async def read(connection: Connection, after: Position, limit: int) -> list[tuple[Position, bytes]]:
    """Up to `limit` events after a position, each as its id and its JSON object without the id."""
    found: list[tuple[Position, bytes]] = []
    xid, sequence = after.xid, after.sequence
    while len(found) < limit:
        rows = await connection.fetch(_READ, str(xid), sequence, _ROWS_AT_ONCE)
        for row in rows:
            xid, sequence = int(row["position"]), row["sequence"]
            for index, event in enumerate(_rows.decode(row["events"])):
                position = Position(xid, sequence, index)
                if position > after and len(found) < limit:
                    found.append((position, bytes(event)))
        if len(rows) < _ROWS_AT_ONCE:
            break
        sequence += 1
    return found


def render(source: str, events: list[tuple[Position, bytes]]) -> bytes:
    """A CloudEvents batch; the members that all share are added here rather than stored."""
    head = f'{{"specversion":"1.0","source":"urn:rapport:{source}","datacontenttype":"application/json","id":"'
    opening = head.encode()
    return b"[" + b",".join(opening + str(at).encode() + b'",' + body[1:] for at, body in events) + b"]"


def feed_router(source: str, *scopes: str) -> APIRouter:
    """The feed endpoint of a service, open to tokens with one of `scopes`."""
    router = APIRouter(tags=["feed"])

    @router.get(
        "/v1/feed",
        dependencies=[needs(*scopes)],
        responses={
            200: {
                "description": "Events after `lastEventId`, oldest first",
                "content": {MEDIA_TYPE: {"schema": {"type": "array", "items": {"type": "object"}}}},
            },
            **documented(400, 401, 403, 422, 503),
        },
        response_class=Response,
    )
    async def feed(
        request: Request,
        storage: Storage,
        last_event_id: Annotated[str | None, Query(alias="lastEventId", max_length=100)] = None,
        limit: Annotated[int, Query(ge=1, le=10_000)] = 1_000,
        timeout: Annotated[int, Query(ge=0, le=60_000, description="Long polling, ms")] = 0,  # noqa: ASYNC109  HTTP Feeds names it so
    ) -> Response:
        """What changed, by the HTTP Feeds convention: poll with the id of the last event you have applied."""
        after = Position.parse(last_event_id)
        async with storage.pool.acquire(timeout=10) as connection:
            events = await read(connection, after, limit)
        if not events and timeout:
            tail: FeedTail = request.app.state.feed_tail
            await tail.wait_beyond(after, timeout / 1000)
            async with storage.pool.acquire(timeout=10) as connection:
                events = await read(connection, after, limit)
        return Response(render(source, events), media_type=MEDIA_TYPE, headers={"Cache-Control": "no-store"})

    return router
