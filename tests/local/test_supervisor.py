"""Keeping services up, and knowing when to give up."""

import asyncio
import socket
from pathlib import Path

import pytest
from rapport_local import supervisor as module
from rapport_local.service_process import ServicePlan
from rapport_local.supervisor import StackFailed, Supervisor, wait_for_port

from tests.support.launcher import stand_in_command, stand_in_stack
from tests.support.processes import free_port


async def test_gives_up_on_a_service_that_never_becomes_ready_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "ATTEMPTS", 2)
    port = free_port()
    log = tmp_path / "log" / "profile.log"
    environment = {"STAND_IN_ONCE": str(tmp_path / "marker")}
    reports: list[str] = []
    supervisor = Supervisor(None, reports.append)
    await supervisor.start_database()
    await supervisor.start_services([ServicePlan("profile", stand_in_command(port), environment, port, log)])
    try:
        await supervisor.services["profile"].stop()
        with pytest.raises(StackFailed, match="gave up after 2 attempts: profile-service ended") as failure:
            await supervisor.failed()
        assert "no second time" in str(failure.value)
        assert reports == ["profile-service ended (killed by SIGTERM); starting it again"]
    finally:
        await supervisor.stop()


async def test_a_port_in_use_is_named() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        with pytest.raises(StackFailed, match=f"port {port}, for profile-service, cannot be had: Address already"):
            await wait_for_port(port, "profile-service", seconds=0.1)
    await wait_for_port(port, "profile-service")


async def test_work_on_a_stack_ends_when_the_stack_fails(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    stack = stand_in_stack(home, 20_000)
    broken, cancelled = asyncio.Event(), asyncio.Event()

    async def failed() -> None:
        await broken.wait()
        raise StackFailed("no more")

    monkeypatch.setattr(stack, "failed", failed)

    async def work() -> str:
        try:
            await asyncio.Event().wait()
        finally:
            cancelled.set()
        return "not reached"

    async def quick() -> str:
        return "done"

    assert await stack.during(quick()) == "done"
    broken.set()
    with pytest.raises(StackFailed, match="no more"):
        await stack.during(work())
    assert cancelled.is_set()
