"""Brings a service's database to the newest version of its tables."""

import asyncio
import signal
import sys
from typing import cast

from alembic.config import Config
from alembic.script import ScriptDirectory
from sqlalchemy import NullPool, text
from sqlalchemy.ext.asyncio import create_async_engine

from rapport_local.child import child_command
from rapport_local.services import database_variable, inherited_environment, service_folder


class MigrationFailed(RuntimeError):
    """A migration ended with an error; the message holds what it said."""


def newest_version(service: str) -> str | None:
    """Revision that the service's code expects, None where it has no migration yet."""
    folder = service_folder(service)
    config = Config(folder / "alembic.ini")
    return ScriptDirectory.from_config(config).get_current_head()


async def current_version(url: str) -> str | None:
    """Revision that the database at `url` is at, None before the first migration."""
    engine = create_async_engine(url, poolclass=NullPool)
    try:
        async with engine.connect() as connection:
            if await connection.scalar(text("SELECT to_regclass('alembic_version')")) is None:
                return None
            return cast("str | None", await connection.scalar(text("SELECT version_num FROM alembic_version")))
    finally:
        await engine.dispose()


async def migrate_if_behind(service: str, url: str) -> None:
    """Run the migrations of `service` unless the database is there already; a process saved at every start."""
    newest = await asyncio.to_thread(newest_version, service)
    if newest is None or await current_version(url) != newest:
        await migrate(service, url)


async def migrate(service: str, url: str) -> None:
    """Run the migrations of `service` on the database at `url`, in a process of their own."""
    # Of its own because a migration's environment starts an event loop and reads process-wide settings.
    process = await asyncio.create_subprocess_exec(
        *child_command([sys.executable, "-m", "alembic", "upgrade", "head"], signal=signal.SIGKILL),
        cwd=service_folder(service),
        env=inherited_environment({database_variable(service): url}),
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
        start_new_session=True,
    )
    said, _ = await process.communicate()
    if process.returncode != 0:
        raise MigrationFailed(f"migrating {service} failed\n{said.decode(errors='replace').strip()}")
