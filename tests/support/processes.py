"""Services as processes of their own, to be killed."""

import asyncio
import contextlib
import signal
import socket
import tempfile
from collections.abc import AsyncIterator, Mapping, Sequence
from pathlib import Path

import httpx
from rapport_local.child import child_command
from rapport_local.services import inherited_environment, service_command

from tests.support.polling import eventually


def free_port() -> int:
    """A port of this machine that nobody listens on."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])


class SpawnedService:
    """A command that listens on `port` and can be killed and started again on the same one."""

    def __init__(self, command: Sequence[str], port: int, env: Mapping[str, str], log: Path) -> None:
        self.command = list(command)
        self.port = port
        self.url = f"http://127.0.0.1:{port}"
        self.env = dict(env)
        self.log = log
        self._process: asyncio.subprocess.Process | None = None

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    async def start(self, deadline: float = 60) -> None:
        """Start it and wait until it says that it is ready."""
        with self.log.open("ab") as output:
            self._process = await asyncio.create_subprocess_exec(
                *child_command(self.command, signal=signal.SIGKILL),
                env=inherited_environment(self.env),
                stdin=asyncio.subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,
            )
        async with httpx.AsyncClient(base_url=self.url) as client:
            await eventually(lambda: self._ready(client), deadline=deadline, every=0.1)

    async def kill(self) -> None:
        """End it with SIGKILL."""
        await self._end(signal.SIGKILL)

    async def terminate(self) -> int:
        """End it with SIGTERM, which uvicorn sends itself once more after a clean end: -15."""
        return await self._end(signal.SIGTERM)

    async def _end(self, number: signal.Signals) -> int:
        assert self._process is not None
        if self._process.returncode is None:
            self._process.send_signal(number)
        return await asyncio.wait_for(self._process.wait(), 60)

    async def _ready(self, client: httpx.AsyncClient) -> bool:
        assert self._process is not None
        if self._process.returncode is not None:
            raise RuntimeError(f"ended with {self._process.returncode}\n{self.log.read_text()}")
        try:
            return (await client.get("/health/ready")).status_code == 200
        except httpx.TransportError:
            return False

    async def close(self) -> None:
        """End it if it still runs."""
        if self._process is not None and self._process.returncode is None:
            await self.kill()


@contextlib.asynccontextmanager
async def spawn_service(name: str, env: Mapping[str, str]) -> AsyncIterator[SpawnedService]:
    """A service, started and ready on a free port, ended on leaving."""
    port = free_port()
    with tempfile.TemporaryDirectory(prefix="rp-") as folder:
        service = SpawnedService(service_command(name, port), port, env, Path(folder) / f"{name}.log")
        try:
            await service.start()
            yield service
        finally:
            await service.close()
