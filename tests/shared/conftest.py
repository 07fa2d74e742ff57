"""A running toy service."""

from collections.abc import AsyncIterator

import asyncpg
import httpx
import pytest
from rapport.database import connect_arguments
from rapport.tokens import KeyStore

from tests.conftest import DatabaseFactory, TokenFactory
from tests.shared.toy import prepare, toy_app
from tests.support.http import serve


class Toy:
    def __init__(self, url: str, database_url: str, token: TokenFactory) -> None:
        self.database_url = database_url
        self.client = httpx.AsyncClient(
            base_url=url, headers={"Authorization": f"Bearer {token('profiles:read', 'profiles:write')}"}
        )

    async def value(self, sql: str) -> object:
        connection = await asyncpg.connect(**connect_arguments(self.database_url))
        try:
            return await connection.fetchval(sql)
        finally:
            await connection.close()


@pytest.fixture
async def toy(database: DatabaseFactory, keys: KeyStore, token: TokenFactory) -> AsyncIterator[Toy]:
    url = await prepare(await database())
    async with serve(toy_app(url, keys.jwks_path)) as base:
        toy = Toy(base, url, token)
        async with toy.client:
            yield toy
