"""Every statement that reads what goes into the relations' column files."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

import asyncpg
from rapport.database import Connection

from segment_service.columns.relations import Relation

_LIMITS: Final = "SELECT name, whole_since, logged_since FROM column_part"
# No more than are worth counting.
_CHANGED: Final = "SELECT count(*) FROM column_change WHERE relation = $1 AND version > $2"
KEYS: Final = "SELECT id FROM column_change WHERE relation = $1 AND version > $2"
_SHORTEN: Final = "DELETE FROM column_change WHERE relation = $1 AND version <= $2"
_BEGINS: Final = """
    INSERT INTO column_part AS kept (name, logged_since) VALUES ($1, $2)
    ON CONFLICT (name) DO UPDATE SET logged_since = GREATEST(kept.logged_since, EXCLUDED.logged_since)
"""
_EVENT: Final = """
    SELECT identity_id, event_id, name, channel, direction, occurred_at AT TIME ZONE 'UTC', values::text FROM event
"""
NEW_EVENTS: Final = f"{_EVENT} WHERE version > $1"
MONTH_EVENTS: Final = f"{_EVENT} WHERE occurred_at >= $1 AND occurred_at < $2"


if TYPE_CHECKING:
    Reader = Connection | asyncpg.Pool[asyncpg.Record]


class Limit(NamedTuple):
    """Files made before the change `whole_since` must not be read any more; `logged_since` is where the log begins."""

    whole_since: int = 0
    logged_since: int = 0


async def limits(connection: Reader) -> dict[str, Limit]:
    """By relation or month; every month with events is there."""
    return {row["name"]: Limit(row["whole_since"], row["logged_since"]) for row in await connection.fetch(_LIMITS)}


async def shorten_log(connection: Connection, relation: str, until: int) -> None:
    """Forget changes up to `until`; whoever's files are older writes them as a whole."""
    await connection.execute(_SHORTEN, relation, until)
    await connection.execute(_BEGINS, relation, until)


async def changed(connection: Connection, relation: str, since: int) -> int:
    """How many keys have changed since a change."""
    return int(await connection.fetchval(_CHANGED, relation, since))


def every(relation: Relation) -> str:
    """All rows of a relation."""
    return f"SELECT {_columns(relation)} FROM {relation.source} AS r"


def those_changed(relation: Relation) -> str:
    """Rows of the keys that have changed; `$1` the relation's name, `$2` since which change."""
    return f"{every(relation)} WHERE r.{relation.key} = ANY (ARRAY({KEYS}))"


def _columns(relation: Relation) -> str:
    return ", ".join(f'r."{name}"' for name in relation.columns)
