"""The helpers that other tests lean on."""

import signal
import sys
import textwrap
from pathlib import Path

import httpx
import pytest
from fastapi import FastAPI

from tests.conftest import DatabaseFactory
from tests.support.database import connection
from tests.support.http import serve
from tests.support.polling import eventually
from tests.support.processes import SpawnedService, free_port

STAND_IN = """
from fastapi import FastAPI
app = FastAPI()

@app.get("/health/ready")
async def ready():
    return {}
"""


async def test_databases_are_apart(database: DatabaseFactory) -> None:
    first, second = await database(), await database()
    async with connection(first) as conn:
        await conn.execute("CREATE TABLE only_here (id int)")
    async with connection(second) as conn:
        assert await conn.fetchval("SELECT to_regclass('only_here')") is None


async def test_serve_answers_over_http_and_frees_the_port() -> None:
    app = FastAPI()

    @app.get("/ping")
    async def ping() -> dict[str, str]:
        return {"answer": "pong"}

    async with httpx.AsyncClient() as client:
        async with serve(app) as base:
            assert (await client.get(f"{base}/ping")).json() == {"answer": "pong"}
        with pytest.raises(httpx.ConnectError):
            await client.get(f"{base}/ping")


async def test_eventually_gives_up_with_the_last_failure() -> None:
    def never() -> bool:
        raise AssertionError("three missing")

    with pytest.raises(AssertionError, match="three missing"):
        await eventually(never, deadline=0.05)
    with pytest.raises(AssertionError, match="last gave False"):
        await eventually(lambda: False, deadline=0.05)


async def test_spawned_process_can_be_killed_and_started_again(tmp_path: Path) -> None:
    (tmp_path / "stand_in.py").write_text(textwrap.dedent(STAND_IN))
    port = free_port()
    command = [
        sys.executable,
        "-m",
        "uvicorn",
        "stand_in:app",
        "--app-dir",
        str(tmp_path),
        "--port",
        str(port),
    ]
    service = SpawnedService(command, port, {}, tmp_path / "log")
    await service.start()
    first = service.pid
    await service.kill()
    async with httpx.AsyncClient() as client:
        with pytest.raises(httpx.ConnectError):
            await client.get(f"{service.url}/health/ready")
    await service.start()
    assert service.pid != first
    assert await service.terminate() == -signal.SIGTERM
