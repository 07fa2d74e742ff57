"""Writing the audit trail down."""

import asyncio
import logging
from collections.abc import AsyncIterator, Collection
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any, Final
from uuid import UUID

from fastapi import FastAPI, Request
from prometheus_client import Counter
from rapport.auth import principal_of
from rapport.database import CONNECTION_LOST, Connection, Database
from rapport.errors import Unauthorized
from rapport.telemetry.metrics import REGISTRY
from rapport.tokens import Principal

from profile_service.audit import repository

_SECONDS: Final = 0.5
# Without its database the service reads nothing, so this is reached only by a flood; it bounds the memory.
_AT_MOST: Final = 200_000
_DROPPED: Final = Counter("profile_audit_dropped", "Reads that could not be written down", registry=REGISTRY)
# Where reads of many profiles at once are written down: how many there were, by whom and when.
NOBODY: Final = UUID(int=0)
_READ: Final = "read"
_CHANGE: Final = "change"
_log = logging.getLogger(__name__)

Key = tuple[UUID, str, Principal]


class AuditTrail:
    """Told of every call that reads or changes profiles: by their id in the path, or by what the endpoint notes."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._reads: dict[Key, list[Any]] = {}

    def read(self, request: Request, profile_ids: Collection[UUID] = ()) -> None:
        """Note that a caller has read these profiles, or the one in the path; costs a dictionary entry."""
        for profile_id in profile_ids or _in_path(request):
            key = (profile_id, _action(request), principal_of(request))
            known = self._reads.get(key)
            if known is not None:
                known[1] += 1
            elif len(self._reads) < _AT_MOST:
                self._reads[key] = [datetime.now(UTC), 1]
            else:
                _DROPPED.inc()

    def copied(self, request: Request, profiles: int) -> None:
        """Note that another service has read this many profiles for the copy it keeps, under the id of nobody."""
        key = (NOBODY, _action(request), principal_of(request))
        known = self._reads.setdefault(key, [datetime.now(UTC), 0])
        known[1] += profiles

    async def changed(self, request: Request, connection: Connection) -> None:
        """Write down, in the transaction of the change, the profiles noted by the endpoint and the one in the path."""
        noted: set[UUID] = getattr(request.state, "audited", set())
        profile_ids = {*noted, *_in_path(request)}
        if not profile_ids:
            return
        try:
            who = principal_of(request)
        except Unauthorized:
            # The customer's own page: there is no token but the link, which is theirs.
            who = Principal("customer", frozenset(), 0)
        entry = (datetime.now(UTC), _CHANGE, _action(request), who.subject, who.token_id, who.key_id)
        await repository.add(connection, profile_ids, *entry, sorted(who.scopes))

    async def flush(self) -> None:
        """Write down what was read since the last time."""
        if not self._reads:
            return
        reads, self._reads = self._reads, {}
        rows = [
            (at, profile, _READ, action, who.subject, who.token_id, who.key_id, sorted(who.scopes), times)
            for (profile, action, who), (at, times) in reads.items()
        ]
        try:
            async with self._database.transaction() as connection:
                await repository.copy(connection, rows)
        except CONNECTION_LOST:
            for key, (at, times) in reads.items():
                known = self._reads.setdefault(key, [at, 0])
                known[1] += times
            raise

    @asynccontextmanager
    async def kept(self) -> AsyncIterator[None]:
        """Flush twice a second during the block, and at its end."""
        task = asyncio.create_task(self._keep())
        try:
            yield
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
            try:
                await self.flush()
            except CONNECTION_LOST as error:
                _log.warning("%d reads could not be written down: %s", len(self._reads), error)

    async def _keep(self) -> None:
        while True:
            await asyncio.sleep(_SECONDS)
            try:
                await self.flush()
            except CONNECTION_LOST as error:
                _log.warning("the audit trail waits for the database: %s", error)


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
