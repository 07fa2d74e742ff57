"""How every service runs its migrations: online, with a lock timeout, one at a time."""

import asyncio
import os
import time
from typing import Final

from alembic import context, op
from sqlalchemy import Connection, MetaData, pool, text
from sqlalchemy.ext.asyncio import create_async_engine

_ONE_AT_A_TIME: Final = 7_201_963
_PAUSE_SECONDS: Final = 0.1
# A migration that cannot have its lock soon gives up rather than queue every query behind it.
_LOCK_TIMEOUT: Final = "SET lock_timeout = '5s'"
_WAIT: Final = "SET lock_timeout = 0"
_INVALID: Final = """
    SELECT EXISTS (SELECT FROM pg_index WHERE indexrelid = to_regclass(:name) AND NOT indisvalid)
"""


def build_index(name: str, on: str, *, unique: bool = False) -> None:
    """Build an index without holding up those who write; `on` is what SQL says after ON: `fact (key) WHERE ...`.

    It cannot be built in a transaction: what the revision did before it is committed, so give it a revision of its own,
    or begin with it. What an attempt that failed has left is built again, and an index that is there stays.
    """
    connection = op.get_bind()
    with op.get_context().autocommit_block():
        # It waits for transactions that are open, and nobody waits for it.
        connection.execute(text(_WAIT))
        if connection.scalar(text(_INVALID), {"name": name}):
            connection.execute(text(f"DROP INDEX CONCURRENTLY {name}"))
        kind = "UNIQUE INDEX" if unique else "INDEX"
        connection.execute(text(f"CREATE {kind} CONCURRENTLY IF NOT EXISTS {name} ON {on}"))
        connection.execute(text(_LOCK_TIMEOUT))


def drop_index(name: str) -> None:
    """Drop an index without holding up anybody, as `build_index` builds one."""
    connection = op.get_bind()
    with op.get_context().autocommit_block():
        connection.execute(text(_WAIT))
        connection.execute(text(f"DROP INDEX CONCURRENTLY IF EXISTS {name}"))
        connection.execute(text(_LOCK_TIMEOUT))


def _apply(connection: Connection, metadata: MetaData) -> None:
    connection.execute(text(_LOCK_TIMEOUT))
    # Asked again and again rather than waited for: a statement that waits has a snapshot, and who builds an index
    # concurrently waits for all of those.
    while not connection.scalar(text(f"SELECT pg_try_advisory_lock({_ONE_AT_A_TIME})")):
        connection.commit()
        time.sleep(_PAUSE_SECONDS)
    connection.commit()
    context.configure(connection=connection, target_metadata=metadata, compare_type=True, include_object=_ours)
    with context.begin_transaction():
        context.run_migrations()
    connection.commit()


def _ours(_object: object, name: str | None, kind: str, reflected: bool, _compared: object) -> bool:
    # Partitions are made as time goes by; the models know their parent only.
    return not (kind == "table" and reflected and name is not None and "_p2" in name)


def run(metadata: MetaData, variable: str) -> None:
    """Migrate the database that the environment variable (or `-x url=`) names to what the scripts say."""
    url = context.get_x_argument(as_dictionary=True).get("url") or os.environ[variable]

    async def migrate() -> None:
        engine = create_async_engine(url, poolclass=pool.NullPool)
        try:
            async with engine.connect() as connection:
                await connection.run_sync(_apply, metadata)
        finally:
            await engine.dispose()

    asyncio.run(migrate())
