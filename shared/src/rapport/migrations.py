"""How every service runs its migrations: online, with a lock timeout, one at a time."""

import asyncio
import os

from alembic import context
from sqlalchemy import Connection, MetaData, pool, text
from sqlalchemy.ext.asyncio import create_async_engine

_ONE_AT_A_TIME = 7_201_963


def _apply(connection: Connection, metadata: MetaData) -> None:
    # A migration that cannot have its lock soon gives up rather than queue every query behind it.
    connection.execute(text("SET lock_timeout = '5s'"))
    connection.execute(text(f"SELECT pg_advisory_lock({_ONE_AT_A_TIME})"))
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
