"""One service as a process of its own."""

import asyncio
import signal
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import httpx

from rapport_local.child import child_command
from rapport_local.logs import make_room, tail
from rapport_local.services import inherited_environment

READY_SECONDS = 60.0
ASK_SECONDS = 0.05
STOP_SECONDS = 15.0


class NotReady(RuntimeError):
    """A service ended or stayed silent instead of becoming ready; the message ends with its log."""


@dataclass(frozen=True)
class ServicePlan:
    """What is needed to run a service: its `command` listens on `port` of this machine and logs to `log`."""

    name: str
    command: Sequence[str]
    environment: Mapping[str, str]
    port: int
    log: Path

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"


def describe_exit(code: int | None) -> str:
    """An exit code in words."""
    if code is not None and code < 0:
        return f"killed by {signal.Signals(-code).name}"
    return f"exit code {code}"


class ServiceProcess:
    """Runs a plan, as often as asked, one process at a time."""

    def __init__(self, plan: ServicePlan) -> None:
        self.plan = plan
        self._process: asyncio.subprocess.Process | None = None

    @property
    def pid(self) -> int | None:
        return self._process.pid if self._process is not None else None

    @property
    def running(self) -> bool:
        return self._process is not None and self._process.returncode is None

    async def spawn(self) -> None:
        """Start the process; it is not yet ready."""
        self.plan.log.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        make_room(self.plan.log)
        with self.plan.log.open("ab") as log:
            # A session of its own keeps a terminal's Ctrl-C for the launcher, which stops things in their order.
            self._process = await asyncio.create_subprocess_exec(
                *child_command(self.plan.command, signal=signal.SIGKILL),
                env=inherited_environment(self.plan.environment),
                stdin=asyncio.subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )

    async def wait_ready(self, seconds: float = READY_SECONDS) -> None:
        """Return when `/health/ready` answers 200; raises `NotReady`."""
        deadline = time.monotonic() + seconds
        said = "no answer"
        async with httpx.AsyncClient(base_url=self.plan.url, trust_env=False, verify=False) as client:  # noqa: S501
            while self.running and time.monotonic() < deadline:
                try:
                    answer = await client.get("/health/ready", timeout=5)
                except httpx.TransportError:
                    await asyncio.sleep(ASK_SECONDS)
                    continue
                if answer.status_code == httpx.codes.OK:
                    return
                said = f"{answer.status_code} {answer.text[:500]}"
                await asyncio.sleep(ASK_SECONDS)
        raise NotReady(self._why_not(said, seconds))

    def _why_not(self, said: str, seconds: float) -> str:
        what = f"was not ready after {seconds:.0f} s ({said})"
        if self._process is not None and not self.running:
            what = f"ended before it was ready ({describe_exit(self._process.returncode)})"
        return f"{self.plan.name}-service {what}; the end of {self.plan.log}:\n{tail(self.plan.log)}"

    async def wait(self) -> int:
        """Exit code, once it has ended."""
        if self._process is None:
            raise RuntimeError(f"{self.plan.name}-service was never started")
        return await self._process.wait()

    async def stop(self, seconds: float = STOP_SECONDS) -> None:
        """Ask it to end; end it when it has not after `seconds`."""
        for number in (signal.SIGTERM, signal.SIGKILL):
            if self._process is None or self._process.returncode is not None:
                return
            self._process.send_signal(number)
            try:
                await asyncio.wait_for(self._process.wait(), seconds)
            except TimeoutError:
                continue
