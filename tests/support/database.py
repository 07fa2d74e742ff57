"""Fresh, migrated databases on a server of this test worker."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from itertools import count

import asyncpg
from rapport_local.migrations import migrate
from rapport_local.postgres import PORT, SUPERUSER, EmbeddedPostgres


class Databases:
    """Copies of a template that is migrated once for each service."""

    def __init__(self, postgres: EmbeddedPostgres) -> None:
        self._postgres = postgres
        self._numbers = count(1)
        self._templates: dict[str, asyncio.Lock] = {}
        self._ready: set[str] = set()

    async def fresh(self, service: str | None = None) -> str:
        """Address of a new database with the tables of `service`, or an empty one."""
        template = "template0" if service is None else await self._template(service)
        name = f"{service or 'empty'}_{next(self._numbers)}"
        await self._execute(f'CREATE DATABASE "{name}" TEMPLATE "{template}"')
        return self._postgres.url(name)

    async def drop(self, url: str) -> None:
        """Remove what `fresh` gave, whoever is still connected."""
        name = url.partition("@/")[2].partition("?")[0]
        await self._execute(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')

    async def _template(self, service: str) -> str:
        name = f"template_{service}"
        async with self._templates.setdefault(service, asyncio.Lock()):
            if service not in self._ready:
                await self._execute(f'CREATE DATABASE "{name}"')
                await migrate(service, self._postgres.url(name))
                self._ready.add(service)
        return name

    async def _execute(self, statement: str) -> None:
        async with connection(self._postgres.url("postgres")) as conn:
            await conn.execute(statement)


@asynccontextmanager
async def connection(url: str) -> AsyncIterator["asyncpg.Connection[asyncpg.Record]"]:
    """A bare asyncpg connection to the database at a SQLAlchemy `url` on the test server's socket."""
    name, _, query = url.partition("@/")[2].partition("?host=")
    conn = await asyncpg.connect(user=SUPERUSER, host=query, port=PORT, database=name)
    try:
        yield conn
    finally:
        await conn.close()
