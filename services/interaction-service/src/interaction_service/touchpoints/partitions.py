"""One partition of the touchpoints a month, made ahead by a worker or at once when an event needs it."""

from collections.abc import Iterable
from datetime import UTC, datetime

import asyncpg
from rapport.database import connect_arguments

FIRST_YEAR = 2000
_LOCK = 8_004_001
_KNOWN = """
    SELECT child.relname FROM pg_inherits
    JOIN pg_class child ON child.oid = inhrelid
    WHERE inhparent = 'touchpoint'::regclass
"""


class Partitions:
    """Knows which months exist. There is no default partition: making a month would have to search it under a lock."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._known: set[int] = set()

    async def ensure(self, times: Iterable[datetime]) -> None:
        """Make the months of these times (UTC) that are missing, in a transaction of their own."""
        missing = {at.year * 12 + at.month - 1 for at in times} - self._known
        if missing:
            await self._make(missing)

    async def _make(self, months: set[int]) -> None:
        # Outside the pool: a request that holds a connection of it must not wait for another.
        connection = await asyncpg.connect(**connect_arguments(self._url), timeout=10)
        try:
            async with connection.transaction():
                # ATTACH lets reads and writes go on, where CREATE TABLE ... PARTITION OF would lock them out.
                await connection.execute("SET LOCAL lock_timeout = '5s'")
                await connection.execute("SELECT pg_advisory_xact_lock($1)", _LOCK)
                existing = {row["relname"] for row in await connection.fetch(_KNOWN)}
                for month in sorted(months):
                    if month >= FIRST_YEAR * 12 and _name(month) not in existing:
                        await connection.execute(_create(month))
        finally:
            await connection.close()
        self._known |= months


def _name(month: int) -> str:
    return f"touchpoint_p{month // 12}_{month % 12 + 1:02}"


def _start(month: int) -> str:
    return datetime(month // 12, month % 12 + 1, 1, tzinfo=UTC).isoformat()


def _create(month: int) -> str:
    name = _name(month)
    return f"""
        CREATE TABLE {name} (LIKE touchpoint INCLUDING DEFAULTS INCLUDING CONSTRAINTS INCLUDING STORAGE);
        ALTER TABLE touchpoint ATTACH PARTITION {name}
        FOR VALUES FROM ('{_start(month)}') TO ('{_start(month + 1)}')
    """
