"""Column files of the relations kept up by what changed: a base, a delta, a manifest that says which belong together.

The tables are the truth. A refresh reads from them what changed since the one before, by the numbers of changes, and
adds it to small files; these are folded into their base when they have grown. What is not in the manifest is not read.
"""

import asyncio
import logging
from collections.abc import Callable, Mapping
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Final, NamedTuple, TypeVar

from duckdb import DuckDBPyConnection, IOException
from rapport.database import Connection, Database
from rapport.errors import Overloaded

from segment_service.columns import manifest as manifests
from segment_service.columns import relations, selections
from segment_service.columns.engine import Engine
from segment_service.columns.manifest import Manifest, Part
from segment_service.columns.parts import EVENTS, month_of
from segment_service.columns.relations import EVENT, EVENT_VALUE, RELATIONS, VALUES, Relation
from segment_service.columns.repository import store_id
from segment_service.columns.store import tidy
from segment_service.columns.writing import Writing
from segment_service.standing import repository as turns

T = TypeVar("T")

_log = logging.getLogger(__name__)

_EVENT_COLUMNS: Final = {**EVENT, "values": "VARCHAR"}


class Copied(NamedTuple):
    """Column files that together hold everything up to the change `version`, as of a moment."""

    version: int
    as_of: datetime
    views: list[str]


class RelationStore:
    """The relations of one database as column files in a folder of their own."""

    def __init__(self, root: Path, database: Database, engine: Engine) -> None:
        self._root = root
        self._database = database
        self._engine = engine
        self._folder: Path | None = None
        self._refreshing = asyncio.Lock()
        self._tasks: set[asyncio.Task[Copied]] = set()

    async def refresh(self) -> Copied:
        """Take in what changed; the files as of one moment."""
        async with self._refreshing:
            folder = await self._open()
            before = await asyncio.to_thread(manifests.load, folder)
            async with self._database.pool.acquire(timeout=10) as connection:
                forbidden = await self._forbidden(connection, before)
                after, as_of = await self._moment(connection, folder, before)
            await asyncio.to_thread(manifests.save, folder, after, before)
            await self._shorten_logs(before, after)
            wanted = {folder / each for each in after.files | {manifests.NAME}}
            if forbidden:
                await asyncio.to_thread(_clear, folder, wanted)
            await asyncio.to_thread(tidy, folder, wanted)
        return Copied(after.version, as_of, relations.views(after, folder))

    async def read(self, calculation: Callable[[DuckDBPyConnection, Copied], T], engine: Engine | None = None) -> T:
        """What a calculation gives that finds the relations as views, refreshed; on another engine if one is given.

        Files with somebody who is erased go at once, whoever is about to read them: they are asked for again then.
        """
        try:
            return await self._read(calculation, engine or self._engine)
        except IOException:
            return await self._read(calculation, engine or self._engine)

    async def read_at(
        self, copied: Copied, calculation: Callable[[DuckDBPyConnection, Copied], T], engine: Engine | None = None
    ) -> T:
        """What a calculation gives on the files of a moment; raises `IOException` when they are there no more."""

        def calculate(duck: DuckDBPyConnection) -> T:
            for view in copied.views:
                duck.execute(view)
            return calculation(duck, copied)

        return await (engine or self._engine).run(calculate)

    async def read_soon(
        self, calculation: Callable[[DuckDBPyConnection, Copied], T], engine: Engine, seconds: float
    ) -> T:
        """As `read`, on the newest files there are when taking in what changed since takes longer than `seconds`.

        Raises `Overloaded` while there are none yet.
        """
        refreshing = asyncio.create_task(self.refresh())
        self._tasks.add(refreshing)
        refreshing.add_done_callback(self._tasks.discard)
        refreshing.add_done_callback(_say_failed)
        with suppress(TimeoutError):
            await asyncio.wait_for(asyncio.shield(refreshing), seconds)
        present = refreshing.result() if refreshing.done() else await self._present()
        if present is None:
            raise Overloaded("The customers are being read for the first time; try again shortly.", retry_after=5)
        try:
            return await self.read_at(present, calculation, engine)
        except IOException:
            return await self.read(calculation, engine)

    async def overdue(self) -> bool:
        """Whether files that are there must not be kept any longer."""
        folder = await self._open()
        before = await asyncio.to_thread(manifests.load, folder)
        return bool(before.parts) and await self._forbidden(self._database.pool, before)

    async def _present(self) -> Copied | None:
        """The files as they are; None when there are none, or none that may be read."""
        folder = await self._open()
        found = await asyncio.to_thread(manifests.load, folder)
        if found.as_of is None or await self._forbidden(self._database.pool, found):
            return None
        return Copied(found.version, found.as_of, relations.views(found, folder))

    async def _read(self, calculation: Callable[[DuckDBPyConnection, Copied], T], engine: Engine) -> T:
        return await self.read_at(await self.refresh(), calculation, engine)

    async def _forbidden(self, connection: "selections.Reader", before: Manifest) -> bool:
        limits = await selections.limits(connection)
        named = ((name.replace(VALUES, EVENTS, 1), part) for name, part in before.parts.items())
        return any(part.made < limits[name].whole_since for name, part in named if name in limits)

    async def _moment(self, connection: Connection, folder: Path, before: Manifest) -> tuple[Manifest, datetime]:
        # The snapshot is taken while nobody changes anything, so that the number says exactly what it holds.
        await turns.take_long_turn(connection)
        waiting = True
        try:
            async with connection.transaction(isolation="repeatable_read", readonly=True):
                version = await turns.newest_version(connection)
                as_of = datetime.now(UTC)
                limits = await selections.limits(connection)
                await turns.end_turn(connection)
                waiting = False
                if before.version > version:
                    # The database is an older one, restored.
                    before = Manifest()
                refresh = _Refresh(Writing(connection, self._engine, folder), before, version, limits)
                return Manifest(version, as_of, await refresh.parts()), as_of
        finally:
            if waiting:
                await turns.end_turn(connection)

    async def _shorten_logs(self, before: Manifest, after: Manifest) -> None:
        """What is in a base that is new need not be logged any longer."""
        for relation in RELATIONS:
            was, now = before.parts.get(relation.name), after.parts[relation.name]
            if was is None or was.base != now.base:
                async with self._database.transaction() as connection:
                    await selections.shorten_log(connection, relation.name, after.version)

    async def _open(self) -> Path:
        if self._folder is None or not self._folder.exists():
            self._folder = self._root / f"{await store_id(self._database.pool)}-relations"
            self._folder.mkdir(parents=True, exist_ok=True)
        return self._folder


def _say_failed(task: "asyncio.Task[Copied]") -> None:
    if not task.cancelled() and (error := task.exception()) is not None:
        _log.warning("column files could not be brought up to date: %s", error)


def _clear(folder: Path, wanted: set[Path]) -> None:
    """Remove files that are not read any more without waiting for those who may be reading them."""
    for path in folder.glob("*.parquet"):
        if path not in wanted:
            path.unlink(missing_ok=True)


class _Refresh(NamedTuple):
    """One refresh: what is written, from what there was, up to a change."""

    writing: Writing
    before: Manifest
    version: int
    limits: Mapping[str, selections.Limit]

    async def parts(self) -> dict[str, Part]:
        """Every part as it is now."""
        found = {each.name: await self._relation(each) for each in RELATIONS}
        return {**found, **await self._events()}

    async def _relation(self, relation: Relation) -> Part:
        part = self.before.parts.get(relation.name)
        limit = self.limits.get(relation.name, selections.Limit())
        signature = _signature(relation.columns)
        if part is None or part.signature != signature or part.made < limit.whole_since:
            return await self._whole(relation, signature)
        if self.before.version < limit.logged_since:
            return await self._whole(relation, signature)
        changed = await selections.changed(self.writing.connection, relation.name, self.before.version)
        if not changed:
            return part
        if changed > max(manifests.SMALL, part.count // 2):
            return await self._whole(relation, signature)
        part = await self.writing.replace(relation, part, self.before.version)
        return await self.writing.fold(relation, part) if part.grown else part

    async def _whole(self, relation: Relation, signature: str) -> Part:
        name, count = await self.writing.whole(
            relation.name, selections.every(relation), (), relation.columns, f'ORDER BY "{relation.key}"'
        )
        return Part(name, self.version, count, signature)

    async def _events(self) -> dict[str, Part]:
        months = {name: limit for name, limit in self.limits.items() if month_of(name, EVENTS)}
        found: dict[str, Part] = {}
        for name, limit in months.items():
            for each, columns in ((name, EVENT), (_values(name), EVENT_VALUE)):
                part = self.before.parts.get(each)
                if part is not None and part.made >= limit.whole_since and part.signature == _signature(columns):
                    found[each] = part
        whole = {name for name in months if name not in found or _values(name) not in found}
        if months.keys() - whole:
            await self._append(found, whole)
        for name in sorted(whole):
            found.update(await self._month(name))
        return found

    async def _append(self, found: dict[str, Part], whole: set[str]) -> None:
        """Add events that were kept since to the months that are not written as a whole."""
        async with self.writing.rows(selections.NEW_EVENTS, (self.before.version,), _EVENT_COLUMNS) as rows:
            for month in await self.writing.months(rows):
                name = f"{EVENTS}{month}"
                if name in found and name not in whole:
                    for each, values in ((name, False), (_values(name), True)):
                        part = await self.writing.append(rows, month, each, found[each], values=values)
                        found[each] = await self.writing.join(part, values=values) if part.grown else part

    async def _month(self, name: str) -> dict[str, Part]:
        bounds = month_of(name, EVENTS)
        async with self.writing.rows(selections.MONTH_EVENTS, bounds or (), _EVENT_COLUMNS) as rows:
            files = {each: await self.writing.events(rows, each, values=each != name) for each in (name, _values(name))}
        return {
            each: Part(file, self.version, count, _signature(EVENT if each == name else EVENT_VALUE))
            for each, (file, count) in files.items()
        }


def _values(name: str) -> str:
    return name.replace(EVENTS, VALUES, 1)


def _signature(columns: Mapping[str, str]) -> str:
    return ",".join(f"{name} {kind}" for name, kind in columns.items())
