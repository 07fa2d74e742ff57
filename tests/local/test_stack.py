"""The whole stack with stand-ins for the services, as a launcher of its own: up, down, killed, found again."""

import asyncio
import json
import os
import signal
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from rapport.tokens import TokenVerifier
from rapport_local.child import child_command
from rapport_local.services import inherited_environment

from tests.support.database import connection
from tests.support.polling import eventually

ROOT = Path(__file__).parents[2]


class Launcher:
    """A launcher process on a home and ports of the test's own."""

    def __init__(self, home: Path, base: int) -> None:
        self.home = home
        self.base = base
        self.process: asyncio.subprocess.Process | None = None

    async def spawn(self, **env: str) -> asyncio.subprocess.Process:
        command = [sys.executable, "-m", "tests.support.launcher", str(self.home), str(self.base)]
        self.process = await asyncio.create_subprocess_exec(
            *child_command(command, signal=signal.SIGKILL),
            cwd=ROOT,
            env=inherited_environment(env),
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
        return self.process

    async def start(self, **env: str) -> dict[str, Any]:
        """What `stack.json` says once it is there."""
        process = await self.spawn(**env)

        async def described() -> dict[str, Any] | None:
            if process.returncode is not None:
                raise RuntimeError(await self.said())
            return self.described()

        return await eventually(described, deadline=60) or {}

    def described(self) -> dict[str, Any] | None:
        """`stack.json` if it was written by the launcher that runs now."""
        try:
            info: dict[str, Any] = json.loads((self.home / "stack.json").read_text())
        except FileNotFoundError:
            return None
        return info if self.process is not None and info["launcher_pid"] == self.process.pid else None

    async def said(self) -> str:
        """All it printed, once it has ended."""
        assert self.process is not None
        output, _ = await asyncio.wait_for(self.process.communicate(), 60)
        return output.decode()

    async def end(self, number: signal.Signals) -> int:
        """Exit code after a signal."""
        assert self.process is not None
        self.process.send_signal(number)
        await self.said()
        assert self.process.returncode is not None
        return self.process.returncode


@pytest.fixture
async def launcher(home: Path, base: int) -> AsyncIterator[Launcher]:
    made = Launcher(home, base)
    yield made
    if made.process is not None and made.process.returncode is None:
        await made.end(signal.SIGKILL)
    await eventually(lambda: not processes_of(home), deadline=30)


def processes_of(home: Path) -> dict[int, str]:
    """Processes that work in `home` or were told of it, zombies left out."""
    found = {}
    for entry in Path("/proc").iterdir():
        if not entry.name.isdecimal() or int(entry.name) == os.getpid():
            continue
        try:
            command = (entry / "cmdline").read_bytes()
            told = command + (entry / "environ").read_bytes() + os.fsencode((entry / "cwd").readlink())
        except OSError:
            continue
        if os.fsencode(home) in told and command:
            found[int(entry.name)] = command.replace(b"\0", b" ").decode()
    return found


async def ready(info: dict[str, Any]) -> bool:
    """Whether all four services answer."""
    async with httpx.AsyncClient() as client:
        try:
            answers = [await client.get(f"{url}/health/ready") for url in info["services"].values()]
        except httpx.TransportError:
            return False
    return all(answer.status_code == 200 for answer in answers)


async def environment_of(url: str) -> dict[str, str]:
    """What a stand-in was given."""
    async with httpx.AsyncClient() as client:
        shown: dict[str, str] = (await client.get(f"{url}/")).json()
    return shown


async def test_describes_itself_when_ready(launcher: Launcher) -> None:
    info = await launcher.start()
    assert await ready(info)
    base = launcher.base
    assert info["services"] == {
        "profile": f"http://127.0.0.1:{base + 1}",
        "segment": f"http://127.0.0.1:{base + 2}",
        "campaign": f"http://127.0.0.1:{base + 3}",
        "interaction": f"http://127.0.0.1:{base + 4}",
    }
    assert (launcher.home / "stack.json").stat().st_mode & 0o777 == 0o600
    verifier = TokenVerifier(launcher.home / "keys" / "jwks.json")
    assert verifier.verify(info["admin_token"]).scopes == {"admin"}
    assert verifier.verify(info["collect_token"]).scopes == {"collect"}


async def test_each_service_is_told_what_it_needs(launcher: Launcher) -> None:
    info = await launcher.start()
    shown = await environment_of(info["services"]["campaign"])
    async with connection(shown["CAMPAIGN_DATABASE_URL"]) as conn:
        assert await conn.fetchval("SELECT current_database()") == "campaign"
    assert "PROFILE_DATABASE_URL" not in shown
    assert shown["RAPPORT_PROFILE_URL"] == info["services"]["profile"]
    assert shown["CAMPAIGN_PUBLIC_URL"] == info["services"]["campaign"]
    assert shown["CAMPAIGN_SMTP_URL"] == info["smtp"]
    assert shown["RAPPORT_DATA_DIR"] == str(launcher.home / "data" / "campaign")
    principal = TokenVerifier(Path(shown["RAPPORT_JWKS_FILE"])).verify(shown["RAPPORT_SERVICE_TOKEN"])
    assert principal.subject == "campaign-service"
    assert "admin" not in principal.scopes
    assert "profiles:pii" in principal.scopes


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
async def test_a_signal_leaves_nothing_behind(launcher: Launcher, number: signal.Signals) -> None:
    info = await launcher.start()
    assert len(processes_of(launcher.home)) > 5
    assert await launcher.end(number) == 0
    assert not (launcher.home / "stack.json").exists()
    assert not processes_of(launcher.home)
    assert not await ready(info)
    assert "database system is shut down" in (launcher.home / "postgres" / "postgres.log").read_text()


async def test_a_signal_while_starting_is_as_clean(launcher: Launcher) -> None:
    process = await launcher.spawn()
    await eventually((launcher.home / "postgres").exists, deadline=30)
    process.send_signal(signal.SIGINT)
    said = await launcher.said()
    assert process.returncode == 0
    assert "Traceback" not in said
    assert not processes_of(launcher.home)


async def test_a_second_launcher_is_refused(launcher: Launcher) -> None:
    info = await launcher.start()
    second = Launcher(launcher.home, launcher.base)
    process = await second.spawn()
    assert f"process {info['launcher_pid']} is already running" in await second.said()
    assert process.returncode == 1
    assert await ready(info)


async def test_a_killed_launcher_takes_all_down_and_the_next_start_finds_all(launcher: Launcher) -> None:
    info = await launcher.start()
    url = (await environment_of(info["services"]["profile"]))["PROFILE_DATABASE_URL"]
    async with connection(url) as conn:
        await conn.execute("CREATE TABLE kept (id int)")
        await conn.execute("INSERT INTO kept VALUES (7)")
    await launcher.end(signal.SIGKILL)
    again = await launcher.start()
    assert await ready(again)
    async with connection(url) as conn:
        assert await conn.fetchval("SELECT id FROM kept") == 7
    # A token given out before stays good: the keys are the same.
    TokenVerifier(launcher.home / "keys" / "jwks.json").verify(info["admin_token"])


async def test_a_service_that_dies_is_started_again(launcher: Launcher) -> None:
    info = await launcher.start()
    before = info["pids"]
    os.kill(before["segment"], signal.SIGKILL)
    after = await eventually(lambda: _changed_pids(launcher, "segment", before), deadline=30)
    assert await ready(info)
    assert after is not None
    assert {name for name, pid in after.items() if pid != before[name]} == {"segment"}


async def test_postgres_is_started_again(launcher: Launcher) -> None:
    info = await launcher.start()
    url = (await environment_of(info["services"]["profile"]))["PROFILE_DATABASE_URL"]
    os.kill(info["pids"]["postgres"], signal.SIGKILL)
    await eventually(lambda: _changed_pids(launcher, "postgres", info["pids"]), deadline=30)
    async with connection(url) as conn:
        assert await conn.fetchval("SELECT 1") == 1
    assert await launcher.end(signal.SIGTERM) == 0


def _changed_pids(launcher: Launcher, name: str, before: dict[str, int]) -> dict[str, int] | None:
    pids: dict[str, int] = (launcher.described() or {}).get("pids", before)
    return pids if pids[name] != before[name] else None


async def test_a_service_that_cannot_start_is_named_with_its_log(launcher: Launcher, tmp_path: Path) -> None:
    process = await launcher.spawn(STAND_IN_ONCE=str(tmp_path / "marker"))
    said = await launcher.said()
    # Four share one marker: the first to come takes it, the others fail.
    assert "-service ended before it was ready (exit code 1)" in said
    assert "no second time" in said
    assert "Traceback" not in said
    assert process.returncode == 1
    assert not processes_of(launcher.home)


async def test_databases_of_others_are_used_when_given(
    launcher: Launcher, database: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = await database()
    names = ("PROFILE", "SEGMENT", "CAMPAIGN", "INTERACTION")
    info = await launcher.start(**{f"{name}_DATABASE_URL": url for name in names})
    assert not (launcher.home / "postgres").exists()
    assert "postgres" not in info["pids"]
    assert (await environment_of(info["services"]["segment"]))["SEGMENT_DATABASE_URL"] == url
