"""One PostgreSQL for each test worker, fresh databases and tokens for each test."""

import asyncio
import shutil
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from rapport.tokens import KeyStore
from rapport_local.postgres import EmbeddedPostgres

from tests.support.database import Databases

TEST_SETTINGS = {"shared_buffers": "64MB", "max_wal_size": "512MB", "checkpoint_timeout": "30min"}

DatabaseFactory = Callable[..., Awaitable[str]]
TokenFactory = Callable[..., str]


@pytest.fixture(scope="session")
def postgres() -> Iterator[EmbeddedPostgres]:
    """A running server of this worker's own; its data may be lost with the machine."""
    home = Path(tempfile.mkdtemp(prefix="rp-"))
    home.chmod(0o711)
    server = EmbeddedPostgres(home, TEST_SETTINGS, databases=(), durable=False)
    try:
        server.start()
        yield server
    finally:
        server.stop()
        shutil.rmtree(home, ignore_errors=True)


@pytest.fixture(scope="session")
def databases(postgres: EmbeddedPostgres) -> Databases:
    """Makes and drops databases; a test that needs one for itself takes `database`."""
    return Databases(postgres)


@pytest.fixture
async def database(databases: Databases) -> AsyncIterator[DatabaseFactory]:
    """`await database("profile")` is the address of a fresh migrated database, `database()` an empty one."""
    made: list[str] = []

    async def make(service: str | None = None) -> str:
        made.append(await databases.fresh(service))
        return made[-1]

    yield make
    await asyncio.gather(*(databases.drop(url) for url in made))


@pytest.fixture(scope="session")
def keys(tmp_path_factory: pytest.TempPathFactory) -> KeyStore:
    """Signing keys of this worker."""
    store = KeyStore(tmp_path_factory.mktemp("keys"))
    store.ensure()
    return store


@pytest.fixture(scope="session")
def token(keys: KeyStore) -> TokenFactory:
    """`token("profiles:read", "profiles:pii")` is a bearer token with these scopes."""

    def mint(*scopes: str, subject: str = "tester", lifetime: timedelta = timedelta(hours=1)) -> str:
        return keys.mint(scopes, subject, lifetime)

    return mint
