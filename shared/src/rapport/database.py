"""One PostgreSQL a service: a SQLAlchemy engine for writes and administration, a bare asyncpg pool for hot paths."""

import asyncio
import ssl
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from typing import TYPE_CHECKING, Annotated, Any, Protocol

import asyncpg
from asyncpg.pool import PoolConnectionProxy
from fastapi import Depends, Request
from sqlalchemy import text
from sqlalchemy.engine import make_url
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker, create_async_engine

from rapport import idempotency

# asyncpg's classes take parameters for type checkers only.
if TYPE_CHECKING:
    Connection = asyncpg.Connection[asyncpg.Record] | PoolConnectionProxy[asyncpg.Record]
    _PlainConnection = asyncpg.Connection[asyncpg.Record]
else:
    Connection = _PlainConnection = asyncpg.Connection

NAMING = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s",
    "pk": "pk_%(table_name)s",
}

# What a lost or restarting server raises; callers answer 503 and try again.
CONNECTION_LOST = (
    asyncpg.PostgresConnectionError,
    asyncpg.CannotConnectNowError,
    asyncpg.AdminShutdownError,
    asyncpg.CrashShutdownError,
    asyncpg.TooManyConnectionsError,
    asyncpg.InterfaceError,
    ConnectionError,
    FileNotFoundError,  # the server's socket while it restarts
    TimeoutError,
)


class LeanConnection(_PlainConnection):
    """Skips the RESET round trip on release: this pool's users leave no session state behind."""

    def get_reset_query(self) -> str:
        """Nothing to run; an open transaction is still rolled back."""
        return ""


def connect_arguments(url: str) -> dict[str, Any]:
    """asyncpg's own connect arguments for a SQLAlchemy URL."""
    parsed = make_url(url)
    query = {key: value if isinstance(value, str) else value[0] for key, value in parsed.query.items()}
    arguments: dict[str, Any] = {
        "host": query.pop("host", None) or parsed.host,
        "port": parsed.port or 5432,
        "user": parsed.username,
        "password": parsed.password,
        "database": parsed.database,
    }
    if (mode := query.pop("ssl", query.pop("sslmode", None))) is not None:
        arguments["ssl"] = mode if mode != "verify-full" else ssl.create_default_context()
    return {key: value for key, value in arguments.items() if value is not None}


class Database:
    """The engine, the sessions and the pool of one service; open it before use."""

    def __init__(self, url: str, *, pool_size: int = 10) -> None:
        self.url = url
        self._pool_size = pool_size
        self.engine = create_async_engine(url, pool_size=pool_size, max_overflow=5, pool_pre_ping=True)
        self.sessions = async_sessionmaker(self.engine, expire_on_commit=False)
        self._pool: asyncpg.Pool[asyncpg.Record] | None = None

    @property
    def pool(self) -> "asyncpg.Pool[asyncpg.Record]":
        """The bare pool; raises `RuntimeError` before `open`."""
        if self._pool is None:
            raise RuntimeError("the database is not open")
        return self._pool

    async def open(self) -> None:
        """Connect; raises the driver's error when the server cannot be reached."""
        self._pool = await asyncpg.create_pool(
            **connect_arguments(self.url),
            min_size=2,
            max_size=self._pool_size,
            connection_class=LeanConnection,
            # A bound on waiting: beyond it the caller gets 503 rather than a queue that grows.
            timeout=10,
            command_timeout=60,
            server_settings={"application_name": "rapport"},
        )

    async def close(self) -> None:
        """Give the connections back; those still busy after five seconds are cut."""
        if self._pool is not None:
            try:
                await asyncio.wait_for(self._pool.close(), 5)
            except TimeoutError:
                self._pool.terminate()
            self._pool = None
        await self.engine.dispose()

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[Connection]:
        """One transaction on a bare connection, committed at the end of the block."""
        async with self.pool.acquire(timeout=10) as connection, connection.transaction():
            yield connection

    @asynccontextmanager
    async def session(self) -> AsyncIterator[AsyncSession]:
        """One transaction as a SQLAlchemy session, committed at the end of the block."""
        async with self.sessions() as session, session.begin():
            yield session


async def bare(session: AsyncSession) -> Connection:
    """The asyncpg connection of a session, inside the session's transaction."""
    connection = await session.connection()
    # SQLAlchemy begins the driver's transaction at its first statement, not before.
    await session.execute(text("SELECT"))
    raw = await connection.get_raw_connection()
    driver = raw.driver_connection
    assert isinstance(driver, asyncpg.Connection)  # noqa: S101  the only driver in use
    return driver


def database_of(request: Request) -> Database:
    """The service's database."""
    database: Database = request.app.state.database
    return database


class Witness(Protocol):
    """Told of every call that went well: of a change in its transaction, of a read before it is answered.

    An application has one as `app.state.witness`, or none.
    """

    async def changed(self, request: Request, connection: Connection) -> None:
        """The call has changed something, which is committed next."""

    async def read(self, request: Request) -> None:
        """The call has read something, and holds no connection any more; what this raises is the answer."""


def _witness(request: Request) -> Witness | None:
    witness: Witness | None = getattr(request.app.state, "witness", None)
    return witness


async def _transaction(request: Request) -> AsyncIterator[Connection]:
    async with database_of(request).transaction() as connection:
        await idempotency.begin(request, connection)
        yield connection
        if (witness := _witness(request)) is not None:
            await witness.changed(request, connection)


async def begin(request: Request) -> Connection:
    """A connection as `Transaction` gives it, for endpoints that find out on the way whether they write."""
    # FastAPI closes this stack when the endpoint is done, before the answer leaves.
    stack: AsyncExitStack = request.scope["fastapi_function_astack"]
    connection = await stack.enter_async_context(database_of(request).transaction())
    await idempotency.begin(request, connection)
    if (witness := _witness(request)) is not None:

        async def tell(error: type[BaseException] | None, _error: object, _traceback: object) -> None:
            if error is None:
                await witness.changed(request, connection)

        stack.push_async_exit(tell)
    return connection


async def _reading(request: Request) -> AsyncIterator[Connection]:
    async with database_of(request).pool.acquire(timeout=10) as connection:
        yield connection
    if (witness := _witness(request)) is not None:
        await witness.read(request)


async def _session(request: Request) -> AsyncIterator[AsyncSession]:
    async with database_of(request).session() as session:
        if idempotency.wanted(request):
            await idempotency.begin(request, await bare(session))
        yield session


async def _database(request: Request) -> Database:
    return database_of(request)


# `scope="function"` ends the transaction before the answer leaves: what is acknowledged is committed.
Transaction = Annotated[Connection, Depends(_transaction, scope="function")]
Reading = Annotated[Connection, Depends(_reading, scope="function")]
Session = Annotated[AsyncSession, Depends(_session, scope="function")]
Storage = Annotated[Database, Depends(_database)]
