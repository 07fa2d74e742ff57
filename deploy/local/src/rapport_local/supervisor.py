"""Keeps PostgreSQL and the services up, and takes them down in order."""

import asyncio
import socket
import time
from collections.abc import Callable, Sequence

from rapport_local.postgres import POLL_SECONDS, EmbeddedPostgres, PostgresError
from rapport_local.service_process import NotReady, ServicePlan, ServiceProcess, describe_exit

STEADY_SECONDS = 10.0
FIRST_PAUSE = 0.25
LONGEST_PAUSE = 10.0
ATTEMPTS = 5
WATCH_SECONDS = 0.1
PORT_SECONDS = 5.0


class StackFailed(RuntimeError):
    """The stack cannot come up or be kept up; the message is for people."""


async def wait_for_port(port: int, what: str, seconds: float = PORT_SECONDS) -> None:
    """Return once `port` is free, which it is soon after a launcher was killed; raises `StackFailed`."""
    deadline = time.monotonic() + seconds
    while True:
        try:
            socket.create_server(("127.0.0.1", port)).close()
        except OSError as error:
            if time.monotonic() > deadline:
                raise StackFailed(
                    f"port {port}, for {what}, cannot be had: {error.strerror}; "
                    "end the program that uses it, or set RAPPORT_PORT_BASE to another number"
                ) from error
            await asyncio.sleep(WATCH_SECONDS)
        else:
            return


class Supervisor:
    """Runs the database server, if there is one to run, and the services; starts again what dies.

    Args:
        postgres: the server, None where the services use others.
        report: takes one line for people.
        changed: called when a process was replaced by another.
    """

    def __init__(
        self,
        postgres: EmbeddedPostgres | None,
        report: Callable[[str], None],
        changed: Callable[[], None] = lambda: None,
    ) -> None:
        self.postgres = postgres
        self.services: dict[str, ServiceProcess] = {}
        self._report = report
        self._changed = changed
        self._keepers: list[asyncio.Task[None]] = []
        self._failure: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._database_up = asyncio.Event()

    @property
    def pids(self) -> dict[str, int | None]:
        """Process ids by name, `postgres` among them."""
        found = {name: service.pid for name, service in self.services.items()}
        return found if self.postgres is None else {"postgres": self.postgres.pid, **found}

    async def start_database(self) -> None:
        """Bring PostgreSQL up and keep it so from now on; raises `PostgresError` or `AlreadyRunning`."""
        if self.postgres is not None:
            await self._bring_up(self.postgres)
            self._keepers.append(asyncio.create_task(self._keep_database(self.postgres)))
        self._database_up.set()

    async def start_services(self, plans: Sequence[ServicePlan]) -> None:
        """Start all at once, return when all are ready, keep them up from now on; raises `StackFailed`."""
        self.services = {plan.name: ServiceProcess(plan) for plan in plans}
        try:
            async with asyncio.TaskGroup() as group:
                for service in self.services.values():
                    group.create_task(self._first_start(service))
        except* NotReady as failures:
            raise StackFailed("\n".join(str(each) for each in failures.exceptions)) from None
        self._keepers += [asyncio.create_task(self._keep(each)) for each in self.services.values()]

    async def failed(self) -> None:
        """Wait until something cannot be kept up; raises `StackFailed`."""
        await asyncio.shield(self._failure)

    async def stop(self) -> None:
        """Services first, all at once, then PostgreSQL."""
        for keeper in self._keepers:
            keeper.cancel()
        await asyncio.gather(*self._keepers, return_exceptions=True)
        await asyncio.gather(*(service.stop() for service in self.services.values()))
        if self.postgres is not None:
            await asyncio.to_thread(self.postgres.stop)
        self._failure.cancel()

    async def _first_start(self, service: ServiceProcess) -> None:
        await service.spawn()
        await service.wait_ready()

    async def _bring_up(self, postgres: EmbeddedPostgres) -> None:
        # In this thread, which lives as long as the launcher: the server ends with the thread that starts it.
        postgres.launch()
        while not postgres.is_ready():  # noqa: ASYNC110
            await asyncio.sleep(POLL_SECONDS)

    async def _keep_database(self, postgres: EmbeddedPostgres) -> None:
        while True:
            while postgres.running:  # noqa: ASYNC110
                await asyncio.sleep(WATCH_SECONDS)
            self._database_up.clear()
            self._report("PostgreSQL ended by itself; starting it again")
            try:
                await self._bring_up(postgres)
            except PostgresError as error:
                self._fail(str(error))
                return
            self._database_up.set()
            self._report("PostgreSQL is back")
            self._changed()

    async def _keep(self, service: ServiceProcess) -> None:
        pause = 0.0
        while True:
            ready_at = time.monotonic()
            code = await service.wait()
            self._report(f"{service.plan.name}-service ended ({describe_exit(code)}); starting it again")
            steady = time.monotonic() - ready_at > STEADY_SECONDS
            pause = 0.0 if steady else _longer(pause)
            await asyncio.sleep(pause)
            if not await self._start_again(service):
                return
            self._report(f"{service.plan.name}-service is back")
            self._changed()

    async def _start_again(self, service: ServiceProcess) -> bool:
        pause = 0.0
        for attempt in range(1, ATTEMPTS + 1):
            await self._database_up.wait()
            await service.spawn()
            try:
                await service.wait_ready()
            except NotReady as error:
                await service.stop()
                if attempt == ATTEMPTS:
                    self._fail(f"gave up after {ATTEMPTS} attempts: {error}")
                    return False
                pause = _longer(pause)
                await asyncio.sleep(pause)
            else:
                return True
        return False

    def _fail(self, message: str) -> None:
        if not self._failure.done():
            self._failure.set_exception(StackFailed(message))
            # Nobody may be waiting yet; the exception is then taken when somebody does.
            self._failure.exception()


def _longer(pause: float) -> float:
    return min(max(FIRST_PAUSE, pause * 2), LONGEST_PAUSE)
