"""Batches carried into the database one behind the other, two at a time.

While one settles who is who, which waits for the ledger's locks, the facts of the next go in already. They are
committed in order, each with its place in the file. Where two get in each other's way, or somebody else in theirs, the
later one steps back, and whoever was disturbed begins again by itself.
"""

import asyncio
from dataclasses import dataclass, field
from typing import Final

import asyncpg
from rapport.database import Connection, Database

from profile_service.imports import taking
from profile_service.imports.preparing import Batch
from profile_service.imports.taking import List
from profile_service.jobs.worker import RunningJob

_TRIES: Final = 5


class _Disturbed(Exception):
    """The batch before this one begins again, so this one has to let go of what it holds."""


_AGAIN: Final = (_Disturbed, asyncpg.DeadlockDetectedError, asyncpg.UniqueViolationError)


def _set() -> asyncio.Event:
    event = asyncio.Event()
    event.set()
    return event


@dataclass(slots=True)
class _Turn:
    """A batch on its way: when the next may begin, when its end or a failure is clear, while it holds nothing."""

    batch: Batch
    total: int | None
    begun: asyncio.Event = field(default_factory=asyncio.Event)
    clear: asyncio.Event = field(default_factory=asyncio.Event)
    idle: asyncio.Event = field(default_factory=_set)
    failed: bool = False
    task: "asyncio.Task[None] | None" = None
    behind: "_Turn | None" = None

    async def end(self) -> None:
        """Wait for its end; raises what it ended with."""
        if self.task is not None:
            await asyncio.shield(self.task)


class Conveyor:
    """Takes the batches of one list in; to be closed whatever happens."""

    def __init__(self, database: Database, job: RunningJob, listed: List) -> None:
        self._database = database
        self._job = job
        self._listed = listed
        self._ahead: list[_Turn] = []

    async def put(self, batch: Batch, total: int | None) -> None:
        """Begin with a batch as soon as there is room; raises what an earlier one ended with."""
        if len(self._ahead) > 1:
            await self._first_out()
        before = self._ahead[-1] if self._ahead else None
        if before is not None:
            await before.begun.wait()
        turn = _Turn(batch, total)
        if before is not None:
            before.behind = turn
        turn.task = asyncio.create_task(self._carry(turn, before))
        self._ahead.append(turn)

    async def finish(self) -> None:
        """Wait until all is in."""
        while self._ahead:
            await self._first_out()

    async def close(self) -> None:
        """Give up what is under way."""
        tasks = [turn.task for turn in self._ahead if turn.task is not None]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _first_out(self) -> None:
        await self._ahead[0].end()
        del self._ahead[0]

    async def _carry(self, turn: _Turn, before: _Turn | None) -> None:
        try:
            if before is not None and before.failed:
                await before.end()
                before = None
            if await self._in_passing(turn, before):
                return
            if before is not None:
                await before.end()
            if turn.behind is not None:
                await turn.behind.idle.wait()
            await self._by_itself(turn)
        finally:
            turn.begun.set()
            turn.clear.set()

    async def _in_passing(self, turn: _Turn, before: _Turn | None) -> bool:
        """Take a batch in while the one before it is being finished; False when that did not go well."""
        turn.idle.clear()
        try:
            async with self._database.transaction() as connection:
                people = await taking.tell(connection, self._listed, turn.batch)
                turn.begun.set()
                if before is not None:
                    await before.clear.wait()
                    if before.failed:
                        raise _Disturbed
                    await before.end()
                await taking.settle(connection, people)
                await self._advance(connection, turn)
        except _AGAIN:
            turn.failed = True
            turn.begun.set()
            turn.clear.set()
            return False
        finally:
            turn.idle.set()
        return True

    async def _by_itself(self, turn: _Turn) -> None:
        for left in reversed(range(_TRIES)):
            try:
                async with self._database.transaction() as connection:
                    people = await taking.tell(connection, self._listed, turn.batch, careful=left < _TRIES - 1)
                    await taking.settle(connection, people)
                    await self._advance(connection, turn)
            except (asyncpg.DeadlockDetectedError, asyncpg.UniqueViolationError):
                if not left:
                    raise
            else:
                return

    async def _advance(self, connection: Connection, turn: _Turn) -> None:
        last = turn.batch.last
        await self._job.advance(connection, last, turn.total, {"row": last})
