"""One PostgreSQL for each test worker; fresh databases, homes, ports and tokens for each test."""

import asyncio
import random
import shutil
import socket
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from rapport.tokens import KeyStore
from rapport_local.postgres import EmbeddedPostgres, socket_folder
from rapport_local.stack import MAIL_PORT

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


@pytest.fixture
def home() -> Iterator[Path]:
    """A folder for a server or a stack, removed afterwards."""
    folder = Path(tempfile.mkdtemp(prefix="rp-"))
    folder.chmod(0o711)
    home = folder / "home"
    yield home
    shutil.rmtree(folder)
    # A launcher that was killed cannot remove these.
    for server in (home, home / "postgres"):
        shutil.rmtree(socket_folder(server), ignore_errors=True)


def _free(port: int) -> bool:
    try:
        socket.create_server(("127.0.0.1", port)).close()
    except OSError:
        return False
    return True


@pytest.fixture
def base() -> int:
    """A port base whose ports are free; below the range that the system gives out by itself."""
    for _ in range(100):
        number = random.randrange(10_000, 32_000)
        if all(_free(number + offset) for offset in (1, 2, 3, 4, MAIL_PORT)):
            return number
    raise RuntimeError("no free ports")
