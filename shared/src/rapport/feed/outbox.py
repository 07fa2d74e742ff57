"""The outbox: one row holds the events that one call appended, so a batch of a hundred costs one insert."""

from collections.abc import Sequence
from typing import Any

import msgspec
from sqlalchemy import (
    BigInteger,
    Column,
    DateTime,
    Identity,
    Integer,
    MetaData,
    String,
    Table,
    Text,
    func,
    text,
)
from sqlalchemy.types import UserDefinedType

from rapport.database import Connection
from rapport.feed.events import Event
from rapport.idempotency import idempotency_table

_INSERT = "INSERT INTO outbox (count, events) VALUES ($1, $2)"
_encode = msgspec.json.Encoder().encode


class Xid8(UserDefinedType[int]):
    """PostgreSQL's 64-bit transaction id."""

    cache_ok = True

    def get_col_spec(self, **_: Any) -> str:
        """The type's name in DDL."""
        return "xid8"


def common_tables(metadata: MetaData) -> None:
    """Add the tables that every service has: outbox, feed positions and failures, idempotency."""
    Table(
        "outbox",
        metadata,
        Column("xid", Xid8, primary_key=True, server_default=text("pg_current_xact_id()")),
        Column("sequence", BigInteger, Identity(always=True), primary_key=True),
        Column("time", DateTime(timezone=True), nullable=False, server_default=func.now()),
        Column("count", Integer, nullable=False),
        Column("events", Text, nullable=False),
    )
    Table(
        "feed_position",
        metadata,
        Column("consumer", String, primary_key=True),
        Column("last_event_id", String, nullable=False, server_default=""),
        # Moves when events that a consumer may have fetched already are erased.
        Column("epoch", BigInteger, nullable=False, server_default="0"),
        Column("updated_at", DateTime(timezone=True), nullable=False, server_default=func.now()),
    )
    Table(
        "feed_failure",
        metadata,
        Column("consumer", String, primary_key=True),
        Column("event_id", String, primary_key=True),
        Column("event", Text, nullable=False),
        Column("error", Text, nullable=False),
        Column("failed_at", DateTime(timezone=True), nullable=False, server_default=func.now()),
    )
    idempotency_table(metadata)


async def append(connection: Connection, events: Sequence[Event]) -> None:
    """Write events in the caller's transaction, in this order; nothing for an empty list."""
    if events:
        await connection.execute(_INSERT, len(events), _encode(events).decode())
