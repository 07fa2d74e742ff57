"""Following another service's feed: a batch and the position after it are one transaction, so each event acts once."""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, datetime

import msgspec

from rapport.database import CONNECTION_LOST, Connection, Database
from rapport.feed.events import ReceivedEvent
from rapport.http import ServiceClient, ServiceUnavailable
from rapport.telemetry.metrics import FEED_LAG

Apply = Callable[[Connection, Sequence[ReceivedEvent]], Awaitable[None]]

_log = logging.getLogger(__name__)
_events = msgspec.json.Decoder(list[ReceivedEvent])
_TRIES = 3


class FeedConsumer:
    """Applies a feed's events in order.

    `apply` gets the connection of the open transaction and a batch, oldest first. An event that cannot be applied by
    itself after three tries is put aside in `feed_failure`, logged and counted, and does not stop those behind it.
    """

    def __init__(
        self,
        name: str,
        client: ServiceClient,
        database: Database,
        apply: Apply,
        *,
        limit: int = 1_000,
        poll_seconds: float = 10,
    ) -> None:
        self.name = name
        self._client = client
        self._database = database
        self._apply = apply
        self._limit = limit
        self._poll_seconds = poll_seconds
        self._epoch = 0

    async def run(self) -> None:
        """Follow the feed until cancelled; waits and goes on when either side is down."""
        pause = 0.1
        while True:
            try:
                await self.step()
                pause = 0.1
            except (ServiceUnavailable, *CONNECTION_LOST) as error:
                _log.warning("feed %s waits: %s", self.name, error)
                await asyncio.sleep(pause)
                pause = min(pause * 2, 5)

    async def step(self) -> int:
        """Fetch one batch and apply it; how many events it held."""
        position, self._epoch = await self._position()
        response = await self._client.get(
            "/v1/feed",
            params={
                "lastEventId": position,
                "limit": self._limit,
                "timeout": int(self._poll_seconds * 1000),
            },
            timeout=self._poll_seconds + 10,
        )
        if response.status_code != 200:
            raise ServiceUnavailable(self.name, f"the feed answered {response.status_code}: {response.text[:200]}")
        events = _events.decode(response.content)
        if events:
            await self._take(position, events)
            FEED_LAG.labels(self.name).set(max(0.0, time.time() - events[-1].time.timestamp()))
        else:
            FEED_LAG.labels(self.name).set(0)
        return len(events)

    async def _take(self, position: str, events: Sequence[ReceivedEvent]) -> None:
        try:
            await self._apply_at(position, events)
        except (*CONNECTION_LOST, asyncio.CancelledError):
            raise
        except Exception:  # noqa: BLE001  whatever it is, the others go on
            # One bad event must not hold up the others, nor take them down with it.
            _log.exception("feed %s: a batch of %d failed, going one by one", self.name, len(events))
            for event in events:
                await self._take_one(position, event)
                position = event.id

    async def _take_one(self, position: str, event: ReceivedEvent) -> None:
        for left in reversed(range(_TRIES)):
            try:
                await self._apply_at(position, [event])
            except (*CONNECTION_LOST, asyncio.CancelledError):
                raise
            except Exception as error:  # noqa: BLE001  put aside below
                if not left:
                    _log.exception("feed %s: event %s put aside", self.name, event.id)
                    await self._put_aside(position, event, error)
                else:
                    await asyncio.sleep(0.05)
            else:
                return

    async def _apply_at(self, position: str, events: Sequence[ReceivedEvent]) -> None:
        async with self._database.transaction() as connection:
            if await self._advance(connection, position, events[-1].id):
                await self._apply(connection, events)

    async def _put_aside(self, position: str, event: ReceivedEvent, error: Exception) -> None:
        async with self._database.transaction() as connection:
            if await self._advance(connection, position, event.id):
                await connection.execute(
                    "INSERT INTO feed_failure (consumer, event_id, event, error) VALUES ($1, $2, $3, $4)",
                    self.name,
                    event.id,
                    msgspec.json.encode(event).decode(),
                    f"{type(error).__name__}: {error}"[:2000],
                )

    async def _advance(self, connection: Connection, position: str, to: str) -> bool:
        # The row lock makes two workers of the same consumer take turns; the late one finds the position moved. An
        # epoch that moved means that events may have been erased since these were fetched: they are fetched again.
        moved = await connection.fetchval(
            "UPDATE feed_position SET last_event_id = $3, updated_at = $4 "
            "WHERE consumer = $1 AND last_event_id = $2 AND epoch = $5 RETURNING true",
            self.name,
            position,
            to,
            datetime.now(UTC),
            self._epoch,
        )
        return bool(moved)

    async def _position(self) -> tuple[str, int]:
        row = await self._database.pool.fetchrow(
            "SELECT last_event_id, epoch FROM feed_position WHERE consumer = $1", self.name
        )
        if row is None:
            await self._database.pool.execute(
                "INSERT INTO feed_position (consumer) VALUES ($1) ON CONFLICT DO NOTHING", self.name
            )
            return "", 0
        return str(row["last_event_id"]), int(row["epoch"])
