"""Writing the audit trail down."""

import asyncio
import logging
from collections.abc import AsyncIterator, Collection
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Final
from uuid import UUID

import asyncpg
from fastapi import FastAPI, Request
from rapport.auth import principal_of
from rapport.database import CONNECTION_LOST, Connection, Database, connect_arguments
from rapport.errors import Unauthorized
from rapport.tokens import Principal

from profile_service.audit import repository

# Where reads of many profiles at once are written down: how many there were, by whom and when.
NOBODY: Final = UUID(int=0)
_READ: Final = "read"
_CHANGE: Final = "change"
_log = logging.getLogger(__name__)

Key = tuple[UUID, str, Principal]


@dataclass(slots=True)
class _Batch:
    """Reads that are written down together: when first and how often, and those who wait for it."""

    reads: dict[Key, list[Any]] = field(default_factory=dict)
    written: asyncio.Event = field(default_factory=asyncio.Event)
    error: BaseException | None = None


class AuditTrail:
    """Told of every call that reads or changes profiles: by their id in the path, or by what the endpoint notes.

    A change is written down in its own transaction, a read before it is answered: the reads that arrive while a batch
    is being written go into the next, so that one statement serves all of them however many there are.
    """

    def __init__(self, database: Database) -> None:
        self._database = database
        # One of its own: who waits for the trail may hold a connection of the pool.
        self._connection: asyncpg.Connection[asyncpg.Record] | None = None
        self._batch = _Batch()
        self._wake = asyncio.Event()

    def note(self, request: Request, profile_ids: Collection[UUID]) -> None:
        """Note that a caller reads these profiles; `read` waits until it is written down."""
        if profile_ids:
            self._add_up(request, profile_ids, 1)

    def _add_up(self, request: Request, profile_ids: Collection[UUID], times: int) -> None:
        batch, who, action = self._batch, principal_of(request), _action(request)
        for profile_id in profile_ids:
            entry = batch.reads.setdefault((profile_id, action, who), [datetime.now(UTC), 0])
            entry[1] += times
        request.state.audit_batch = batch
        self._wake.set()

    async def read(self, request: Request, profile_ids: Collection[UUID] = ()) -> None:
        """Write down that a caller reads these profiles, the one in the path and those noted before.

        To be called with the pool's connections let go; raises what a lost database raises, and then nothing was read.
        """
        self.note(request, profile_ids or _in_path(request))
        batch: _Batch | None = getattr(request.state, "audit_batch", None)
        if batch is None:
            return
        await batch.written.wait()
        if batch.error is not None:
            raise ConnectionError("the audit trail cannot be written") from batch.error

    async def read_within(self, request: Request, connection: Connection, profile_ids: Collection[UUID]) -> None:
        """Write down, in a transaction, that a caller reads these profiles."""
        await self._add(request, connection, _READ, profile_ids)

    def copied(self, request: Request, profiles: int) -> None:
        """Note that another service has read this many profiles for the copy it keeps, under the id of nobody."""
        self._add_up(request, [NOBODY], profiles)

    async def changed(self, request: Request, connection: Connection) -> None:
        """Write down, in the transaction of the change, the profiles noted by the endpoint and the one in the path."""
        noted: set[UUID] = getattr(request.state, "audited", set())
        await self._add(request, connection, _CHANGE, {*noted, *_in_path(request)})

    async def _add(self, request: Request, connection: Connection, kind: str, profile_ids: Collection[UUID]) -> None:
        if not profile_ids:
            return
        try:
            who = principal_of(request)
        except Unauthorized:
            # The customer's own page: there is no token but the link, which is theirs.
            who = Principal("customer", frozenset(), 0)
        entry = (datetime.now(UTC), kind, _action(request), who.subject, who.token_id, who.key_id)
        await repository.add(connection, profile_ids, *entry, sorted(who.scopes))

    @asynccontextmanager
    async def kept(self) -> AsyncIterator[None]:
        """Write down what is read during the block."""
        task = asyncio.create_task(self._keep())
        try:
            yield
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
            await self._disconnect()

    async def _keep(self) -> None:
        while True:
            await self._wake.wait()
            self._wake.clear()
            batch, self._batch = self._batch, _Batch()
            try:
                await self._write(batch)
            except Exception as error:  # noqa: BLE001  whatever it is, those who wait are told
                _log.warning("reads of profiles are refused, as they cannot be written down: %s", error)
                batch.error = error
            except asyncio.CancelledError as error:
                batch.error = error
                raise
            finally:
                batch.written.set()

    async def _write(self, batch: _Batch) -> None:
        rows = [
            (at, profile, _READ, action, who.subject, who.token_id, who.key_id, " ".join(sorted(who.scopes)), times)
            for (profile, action, who), (at, times) in batch.reads.items()
        ]
        try:
            await repository.add_all(await self._connected(), rows)
        except CONNECTION_LOST:
            # Lost since the last time, perhaps long ago.
            await self._disconnect()
            await repository.add_all(await self._connected(), rows)

    async def _connected(self) -> "asyncpg.Connection[asyncpg.Record]":
        if self._connection is None or self._connection.is_closed():
            arguments = connect_arguments(self._database.url)
            self._connection = await asyncpg.connect(**arguments, timeout=10, command_timeout=10)
        return self._connection

    async def _disconnect(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            with suppress(*CONNECTION_LOST):
                await connection.close(timeout=5)


def note(request: Request, profile_ids: Collection[UUID]) -> None:
    """Say which profiles a change is about that has no profile id in its path."""
    audited: set[UUID] = getattr(request.state, "audited", set())
    request.state.audited = audited | set(profile_ids)


def trail_of(app: FastAPI) -> AuditTrail:
    """The trail of an application."""
    trail: AuditTrail = app.state.witness
    return trail


def _in_path(request: Request) -> tuple[UUID, ...]:
    value = request.path_params.get("profile_id")
    return () if value is None else (UUID(str(value)),)


def _action(request: Request) -> str:
    route = request.scope.get("route")
    return f"{request.method} {getattr(route, 'path', '')}"
