"""A whole stack for a benchmark, and a bare application beside it on the same PostgreSQL."""

import asyncio
import random
import shutil
import socket
import sys
import tempfile
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import NamedTuple

import asyncpg
from rapport.database import connect_arguments
from rapport.tokens import KeyStore
from rapport_local.migrations import migrate
from rapport_local.postgres import EmbeddedPostgres, socket_folder
from rapport_local.services import database_variable
from rapport_local.stack import MAIL_PORT, Stack

from tests.support.processes import SpawnedService, free_port, spawn_service


class Alone(NamedTuple):
    """Where a service by itself and its database are, and the keys it trusts."""

    url: str
    database_url: str
    keys: KeyStore


def _free(port: int) -> bool:
    try:
        socket.create_server(("127.0.0.1", port)).close()
    except OSError:
        return False
    return True


@asynccontextmanager
async def stack() -> AsyncIterator[Stack]:
    """The embedded stack with its usual settings, on free ports, in a folder that is removed afterwards."""
    folder = Path(tempfile.mkdtemp(prefix="rp-"))
    folder.chmod(0o711)
    base = next(
        number
        for number in random.sample(range(10_000, 32_000), 200)
        if all(_free(number + offset) for offset in (1, 2, 3, 4, MAIL_PORT))
    )
    try:
        made = Stack(folder / "home", base)
        async with made.running():
            yield made
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        shutil.rmtree(socket_folder(folder / "home" / "postgres"), ignore_errors=True)


@asynccontextmanager
async def alone(name: str) -> AsyncIterator[Alone]:
    """One service by itself in the role `api`, one worker, on a PostgreSQL with the stack's usual settings."""
    home = Path(tempfile.mkdtemp(prefix="rp-"))
    home.chmod(0o711)
    server, keys = EmbeddedPostgres(home / "postgres"), KeyStore(home / "keys")
    keys.ensure()
    try:
        await asyncio.to_thread(server.start)
        await migrate(name, server.url(name))
        environment = {
            database_variable(name): server.url(name),
            "RAPPORT_JWKS_FILE": str(keys.jwks_path),
            "RAPPORT_DATA_DIR": str(home),
            "RAPPORT_ROLE": "api",
        }
        async with spawn_service(name, environment) as service:
            yield Alone(service.url, server.url(name), keys)
    finally:
        await asyncio.to_thread(server.stop)
        shutil.rmtree(home, ignore_errors=True)


def database_url(of: Stack, name: str) -> str:
    """Address of one of the stack's databases."""
    return EmbeddedPostgres(of.home / "postgres").url(name)


@asynccontextmanager
async def connected(of: Stack, name: str) -> AsyncIterator["asyncpg.Connection[asyncpg.Record]"]:
    """A bare connection to one of the stack's databases."""
    connection = await asyncpg.connect(**connect_arguments(database_url(of, name)))
    try:
        yield connection
    finally:
        await connection.close()


@asynccontextmanager
async def bare(of: Stack, rows: Mapping[str, str]) -> AsyncIterator[str]:
    """Address of the bare baseline over these rows, one worker, on the stack's PostgreSQL."""
    async with connected(of, "profile") as connection:
        await connection.execute("CREATE TABLE bare (id uuid PRIMARY KEY, body text NOT NULL)")
        await connection.copy_records_to_table("bare", records=list(rows.items()))
        await connection.execute("ANALYZE bare")
    try:
        async with bare_reads(database_url(of, "profile")) as url:
            yield url
    finally:
        async with connected(of, "profile") as connection:
            await connection.execute("DROP TABLE bare")


@asynccontextmanager
async def bare_reads(url: str) -> AsyncIterator[str]:
    """Address of the bare baseline, one worker, over the table `bare` of a database."""
    port = free_port()
    command = [sys.executable, "-m", "uvicorn", "tests.benchmarks.bare:create_app", "--factory", "--port", str(port)]
    command += ["--loop", "uvloop", "--http", "httptools", "--no-access-log", "--log-level", "warning"]
    with tempfile.TemporaryDirectory(prefix="rp-") as folder:
        environment = {"BARE_DATABASE_URL": url}
        service = SpawnedService(command, port, environment, Path(folder) / "bare.log")
        try:
            await service.start()
            yield service.url
        finally:
            await service.close()
