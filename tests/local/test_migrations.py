"""Bringing a database to the newest version, and not bothering when it is there."""

import asyncio
from pathlib import Path

import asyncpg
import pytest
from rapport_local import migrations as module
from rapport_local.migrations import MigrationFailed, current_version, migrate, migrate_if_behind, newest_version

from tests.conftest import DatabaseFactory
from tests.support.database import connection
from tests.support.polling import eventually

INI = "[alembic]\nscript_location = %(here)s/migrations\n"
ENVIRONMENT = """
from rapport.migrations import run
from sqlalchemy import MetaData
run(MetaData(), "PROFILE_DATABASE_URL")
"""
STEP = """
from alembic import op
revision = "{revision}"
down_revision = {before!r}
def upgrade():
    op.execute("{statement}")
"""

BUILDS = """
from alembic import op
from rapport.migrations import build_index
revision = "second"
down_revision = "first"
def upgrade():
    build_index("ix_kept", "kept (id)", unique=True)
    op.execute("INSERT INTO kept VALUES (4)")
"""


def add_step(folder: Path, revision: str, before: str | None, statement: str) -> None:
    text = STEP.format(revision=revision, before=before, statement=statement)
    (folder / "migrations" / "versions" / f"{revision}.py").write_text(text)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A service's folder with one migration."""
    (tmp_path / "migrations" / "versions").mkdir(parents=True)
    (tmp_path / "alembic.ini").write_text(INI)
    (tmp_path / "migrations" / "env.py").write_text(ENVIRONMENT)
    add_step(tmp_path, "first", None, "CREATE TABLE kept (id int)")
    monkeypatch.setattr(module, "service_folder", lambda _name: tmp_path)
    return tmp_path


async def test_only_what_is_behind_is_migrated(
    folder: Path, database: DatabaseFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = await database()
    assert await current_version(url) is None
    await migrate_if_behind("profile", url)
    assert await current_version(url) == newest_version("profile") == "first"
    add_step(folder, "second", "first", "INSERT INTO kept VALUES (7)")
    await migrate_if_behind("profile", url)
    async with connection(url) as conn:
        assert await conn.fetchval("SELECT array_agg(id) FROM kept") == [7]

    async def none_needed(_service: str, _url: str) -> None:
        raise AssertionError("migrated once more")

    monkeypatch.setattr(module, "migrate", none_needed)
    await migrate_if_behind("profile", url)


async def test_a_failing_migration_says_why(folder: Path, database: DatabaseFactory) -> None:
    add_step(folder, "second", "first", "SELECT no_such_column FROM kept")
    url = await database()
    with pytest.raises(MigrationFailed, match=r"(?s)migrating profile failed.*no_such_column"):
        await migrate("profile", url)
    assert await current_version(url) is None


async def test_an_index_is_built_while_the_table_is_in_use(folder: Path, database: DatabaseFactory) -> None:
    url = await database()
    await migrate("profile", url)
    (folder / "migrations" / "versions" / "second.py").write_text(BUILDS)
    async with connection(url) as writer, connection(url) as watcher:
        # What an attempt that was interrupted leaves behind.
        await watcher.execute("INSERT INTO kept VALUES (1), (1)")
        with pytest.raises(asyncpg.UniqueViolationError):
            await watcher.execute("CREATE UNIQUE INDEX CONCURRENTLY ix_kept ON kept (id)")
        await watcher.execute("TRUNCATE kept")
        writing = writer.transaction()
        await writing.start()
        await writer.execute("INSERT INTO kept VALUES (2)")
        # Two at a time, as when two processes of a service start: the one that waits must not be waited for.
        both = [asyncio.create_task(migrate("profile", url)) for _ in range(2)]

        async def builds() -> bool:
            rows = await watcher.fetch("SELECT query FROM pg_stat_activity WHERE datname = current_database()")
            texts = [row["query"] for row in rows]
            waits = [each for each in texts if "advisory" in each or each.startswith("COMMIT")]
            return bool(waits) and any("INDEX CONCURRENTLY" in each for each in texts)

        await eventually(builds)
        await watcher.execute("SET lock_timeout = '2s'")
        await watcher.execute("INSERT INTO kept VALUES (3)")
        await writing.commit()
        await asyncio.gather(*both)
        valid = "SELECT indisvalid FROM pg_index WHERE indexrelid = 'ix_kept'::regclass"
        assert await watcher.fetchval(valid) is True
        assert await watcher.fetchval("SELECT array_agg(id ORDER BY id) FROM kept") == [2, 3, 4]
    assert await current_version(url) == "second"
