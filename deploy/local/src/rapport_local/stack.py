"""The whole product on one machine: database, mail sink, keys, the four services."""

import asyncio
import contextlib
import json
import os
from collections.abc import AsyncIterator, Coroutine, Mapping, Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any, TypeVar

from rapport.tokens import KeyStore

from rapport_local.lock import HomeLock
from rapport_local.mail import MailSink
from rapport_local.migrations import migrate_if_behind
from rapport_local.postgres import EmbeddedPostgres
from rapport_local.progress import Progress
from rapport_local.service_process import ServicePlan
from rapport_local.services import SERVICES, Service, database_variable, url_variable
from rapport_local.supervisor import StackFailed, Supervisor, wait_for_port

T = TypeVar("T")

MAIL_PORT = 25
TOKEN_LIFETIME = timedelta(days=365)
SERVICE_SCOPES = {
    "profile": ("interactions:read", "segments:read", "campaigns:read", "privacy"),
    "segment": ("profiles:read", "profiles:pii", "interactions:read", "campaigns:read"),
    "campaign": (
        *("profiles:read", "profiles:write", "profiles:pii", "segments:read"),
        *("interactions:read", "interactions:write"),
    ),
    "interaction": (
        *("profiles:read", "profiles:write", "profiles:pii", "segments:read"),
        *("campaigns:read", "campaigns:write"),
    ),
}


def home_folder() -> Path:
    """Where the stack keeps everything: `RAPPORT_HOME`, else `.rapport` in the working directory."""
    return Path(os.environ.get("RAPPORT_HOME") or ".rapport").absolute()


def port_base() -> int:
    """`RAPPORT_PORT_BASE`, 8000 by default; raises `StackFailed` for what is no port."""
    text = os.environ.get("RAPPORT_PORT_BASE") or "8000"
    if not text.isdecimal() or not 0 < int(text) < 65536 - MAIL_PORT:
        raise StackFailed(f"RAPPORT_PORT_BASE is {text!r}; it has to be a number below {65536 - MAIL_PORT}")
    return int(text)


class Stack:
    """Everything started in order, described in `<home>/stack.json` while it is up, and stopped in order.

    Args:
        home: folder of data, keys, logs and mail.
        base: the services listen on `base` + 1, 2, ..., the mail sink on `base` + 25.
        services: which to run.
        progress: told what happens.
    """

    def __init__(
        self,
        home: Path | None = None,
        base: int | None = None,
        *,
        services: Sequence[Service] = SERVICES,
        progress: Progress | None = None,
        postgres_settings: Mapping[str, str] | None = None,
    ) -> None:
        self.home = (home or home_folder()).absolute()
        self.base = port_base() if base is None else base
        self.progress = progress or Progress()
        self.info: dict[str, Any] = {}
        self.keys = KeyStore(self.home / "keys")
        self.mail = MailSink(self.home / "mail", self.base + MAIL_PORT)
        self._services = {service.name: service for service in services}
        self._ports = {name: self.base + number for number, name in enumerate(self._services, start=1)}
        self._postgres_settings = postgres_settings
        self._lock = HomeLock(self.home / "lock")
        self._supervisor: Supervisor | None = None
        self._ready = False

    @property
    def urls(self) -> dict[str, str]:
        """Base address of each service."""
        return {name: f"http://127.0.0.1:{port}" for name, port in self._ports.items()}

    @property
    def description(self) -> Path:
        return self.home / "stack.json"

    async def start(self) -> dict[str, Any]:
        """Bring everything up and give what `stack.json` says; what had started is stopped when something fails."""
        try:
            self.home.mkdir(mode=0o711, parents=True, exist_ok=True)
            self._lock.acquire()
        except OSError as error:
            raise StackFailed(f"{self.home} cannot be used: {error.strerror}; set RAPPORT_HOME to another") from error
        try:
            self.description.unlink(missing_ok=True)
            await self._start()
        except BaseException:
            await self.stop()
            raise
        return self.info

    async def stop(self) -> None:
        """Take everything down, the services first."""
        if not self._lock.held:
            return
        self._ready = False
        self.description.unlink(missing_ok=True)
        try:
            if self._supervisor is not None:
                with self.progress.step("Stopping"):
                    await self._supervisor.stop()
        finally:
            self.mail.stop()
            self._lock.release()

    async def failed(self) -> None:
        """Wait until the stack cannot be kept up; raises `StackFailed`."""
        if self._supervisor is None:
            raise StackFailed("the stack was never started")
        await self._supervisor.failed()

    async def during(self, work: Coroutine[Any, Any, T]) -> T:
        """What `work` gives, given up with `StackFailed` when the stack fails under it."""
        task, failure = asyncio.create_task(work), asyncio.create_task(self.failed())
        try:
            await asyncio.wait({task, failure}, return_when=asyncio.FIRST_COMPLETED)
            if not task.done():
                await failure
            return await task
        finally:
            task.cancel()
            failure.cancel()
            await asyncio.gather(task, failure, return_exceptions=True)

    @contextlib.asynccontextmanager
    async def running(self) -> AsyncIterator[dict[str, Any]]:
        """`start`, then `stop` on leaving."""
        info = await self.start()
        try:
            yield info
        finally:
            await self.stop()

    async def _start(self) -> None:
        for name, port in self._ports.items():
            await wait_for_port(port, f"{name}-service")
        await wait_for_port(self.mail.port, "the mail sink")
        self.keys.ensure()
        databases = {name: os.environ.get(database_variable(name)) for name in self._services}
        postgres = None
        if not all(databases.values()):
            postgres = EmbeddedPostgres(self.home / "postgres", self._postgres_settings)
        self._supervisor = Supervisor(postgres, self.progress.say, self._describe)
        with self.progress.step("Starting PostgreSQL" if postgres else "Using the databases given"):
            await self._supervisor.start_database()
        urls = {name: url or (postgres.url(name) if postgres else "") for name, url in databases.items()}
        with self.progress.step("Bringing the tables up to date"):
            await asyncio.gather(*(self._migrate(name, url) for name, url in urls.items()))
        with self.progress.step("Starting the services"):
            await self.mail.start()
            await self._supervisor.start_services([self._plan(name, url) for name, url in urls.items()])
        self._ready = True
        self._describe()

    async def _migrate(self, name: str, url: str) -> None:
        if self._services[name].migrates:
            await migrate_if_behind(name, url)

    def _plan(self, name: str, database: str) -> ServicePlan:
        data = self.home / "data" / name
        data.mkdir(mode=0o700, parents=True, exist_ok=True)
        environment = {
            database_variable(name): database,
            "RAPPORT_JWKS_FILE": str(self.keys.jwks_path),
            "RAPPORT_SERVICE_TOKEN": self._mint(f"{name}-service", SERVICE_SCOPES.get(name, ())),
            "RAPPORT_DATA_DIR": str(data),
            "CAMPAIGN_SMTP_URL": os.environ.get("CAMPAIGN_SMTP_URL") or self.mail.url,
            "CAMPAIGN_MAIL_FROM": os.environ.get("CAMPAIGN_MAIL_FROM") or "news@example.com",
            "PROFILE_PUBLIC_URL": os.environ.get("PROFILE_PUBLIC_URL") or self.urls.get("profile", ""),
            "CAMPAIGN_PUBLIC_URL": os.environ.get("CAMPAIGN_PUBLIC_URL") or self.urls.get("campaign", ""),
        }
        environment |= {url_variable(other): url for other, url in self.urls.items()}
        port = self._ports[name]
        return ServicePlan(
            name, self._services[name].command(port), environment, port, self.home / "log" / f"{name}.log"
        )

    def _mint(self, subject: str, scopes: Sequence[str]) -> str:
        return self.keys.mint(scopes, subject, TOKEN_LIFETIME)

    def _describe(self) -> None:
        """Write `stack.json` whole, for its owner only; not before everything is ready."""
        if not self._ready:
            return
        if not self.info:
            self.info = {
                "services": self.urls,
                "admin_token": self._mint("local-admin", ["admin"]),
                "collect_token": self._mint("local-collector", ["collect"]),
                "home": str(self.home),
                "mail": str(self.mail.folder),
                "smtp": self.mail.url,
                "launcher_pid": os.getpid(),
            }
        self.info["pids"] = self._supervisor.pids if self._supervisor else {}
        part = self.description.with_suffix(".part")
        part.unlink(missing_ok=True)
        with os.fdopen(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
            json.dump(self.info, file, indent=2)
        part.replace(self.description)
