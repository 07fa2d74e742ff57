"""The collector against COPY: batches of 100 order events of about 500 bytes."""

import base64
import json
import random
import time
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import asyncpg
from rapport.database import connect_arguments

from tests.benchmarks.load import measure
from tests.benchmarks.scene import alone, connected, stack
from tests.benchmarks.table import Row, of_rounds

Pair = tuple[float, float]
_ROUNDS, _BATCHES, _BATCH = 5, 200, 100
_COLUMNS = (
    *("identity_id", "occurred_at", "touchpoint_id", "received_at", "type", "name", "channel", "direction"),
    *("source", "message_id", "data", "context"),
)
_TABLE = """
    DROP TABLE IF EXISTS raw;
    CREATE TABLE raw (LIKE touchpoint);
    ALTER TABLE raw ADD PRIMARY KEY (identity_id, occurred_at, touchpoint_id);
    CREATE UNIQUE INDEX ON raw (message_id);
    CREATE INDEX ON raw USING brin (received_at);
"""


def _event(chance: random.Random) -> dict[str, Any]:
    products = [
        {
            "product_id": f"sku-{chance.randint(1, 9999)}",
            "category": "coffee",
            "price": chance.randint(100, 900) / 100,
            "quantity": 1,
        }
        for _ in range(2)
    ]
    return {
        "type": "track",
        "event": "Order Completed",
        "messageId": str(uuid4()),
        "userId": f"user-{chance.randint(1, 200_000)}",
        "timestamp": datetime.now(UTC).isoformat(),
        "properties": {
            "order_id": uuid4().hex,
            "revenue": 12.5,
            "currency": "USD",
            "store_id": "367",
            "products": products,
        },
    }


def _posts(events: Sequence[dict[str, Any]], key: str) -> list[bytes]:
    credentials = base64.b64encode(f"{key}:".encode()).decode()
    posts = []
    for start in range(0, len(events), _BATCH):
        body = json.dumps({"batch": events[start : start + _BATCH]}).encode()
        head = f"POST /v1/batch HTTP/1.1\r\nHost: x\r\nAuthorization: Basic {credentials}\r\n"
        posts.append((head + f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n").encode() + body)
    return posts


async def _copied(connection: "asyncpg.Connection[asyncpg.Record]", rows: list[tuple[Any, ...]]) -> float:
    began = time.perf_counter()
    for start in range(0, len(rows), _BATCH):
        await connection.copy_records_to_table("raw", records=rows[start : start + _BATCH], columns=_COLUMNS)
    return len(rows) / (time.perf_counter() - began)


async def _round(url: str, token: str, connection: "asyncpg.Connection[asyncpg.Record]", chance: random.Random) -> Pair:
    """Events a second through the collector, and of the rows that it stored by raw COPY."""
    count = _BATCHES * _BATCH
    posts = _posts([_event(chance) for _ in range(count)], token)
    began = datetime.now(UTC)
    outcome = await measure(url, posts, connections=4, seconds=120, once=True)
    if outcome.bad or outcome.answers != _BATCHES:
        raise RuntimeError(f"{outcome.bad} bad of {outcome.answers} answers")
    stored = await connection.fetch(
        f"SELECT {', '.join(_COLUMNS)} FROM touchpoint WHERE source = 'collector' AND received_at >= $1", began
    )
    if len(stored) != count:
        raise RuntimeError(f"{len(stored)} of {count} events are stored")
    await connection.execute(_TABLE)
    return outcome.rate * _BATCH, await _copied(connection, [tuple(row) for row in stored])


async def run() -> Sequence[Row]:
    """Rounds of the same number of events through the collector and, as the rows it stored, by raw COPY."""
    chance = random.Random(1)
    async with alone("interaction") as service:
        token = service.keys.mint(["collect"], "benchmark", timedelta(hours=1))
        connection = await asyncpg.connect(**connect_arguments(service.database_url))
        try:
            by_itself = [await _round(service.url, token, connection, chance) for _ in range(_ROUNDS)]
        finally:
            await connection.close()
    async with stack() as up, connected(up, "interaction") as connection:
        url, token = up.urls["interaction"], str(up.info["collect_token"])
        together = [await _round(url, token, connection, chance) for _ in range(_ROUNDS)]
    against = "against COPY of the same rows on one connection"
    return [
        of_rounds("collector", by_itself, goal=0.6, unit="events/s", note=f"100 a batch, one worker, {against}"),
        of_rounds(
            "collector, followed by all",
            together,
            goal=None,
            unit="events/s",
            note=f"four services on the same two cores apply them meanwhile; {against}",
        ),
    ]
