"""Column files kept up with the tables: only what changed is written anew, whatever is lost is written again.

The tables are the truth. A file's name holds the number of the newest change in it, so a file that is behind, or was
never finished, or belongs to a restored database, is simply not found.
"""

import asyncio
import shutil
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final, NamedTuple
from uuid import uuid4

from rapport.database import Connection, Database

from segment_service.columns import repository
from segment_service.columns.engine import Engine
from segment_service.columns.parts import IDENTITIES, TWINS, month_of, service_month
from segment_service.standing import repository as turns

# Another process may still be reading the version before.
_KEPT_SECONDS: Final = 300
_COPY_SECONDS: Final = 3_600
# Number of the layout of the files: another one is another folder.
_LAYOUT: Final = 2

_MONTH: Final = {"identity_id": "UUID", "ordered_at": "TIMESTAMP", "net": "DECIMAL(18,2)", "margin": "DECIMAL(18,2)"}
_TWIN: Final = {"profile_id": "UUID", "ordered_at": "TIMESTAMP", "net": "DECIMAL(18,2)", "margin": "DECIMAL(18,2)"}
_SERVICE: Final = {"identity_id": "UUID", "month": "TIMESTAMP", "cost": "DECIMAL(18,4)"}
_IDENTITY: Final = {"identity_id": "UUID", "profile_id": "UUID", "contacted_at": "TIMESTAMP"}


class Files(NamedTuple):
    """Column files that together hold everything up to the change `version`; `costed`: a cost of contacts is known."""

    version: int
    purchases: list[str]
    twins: list[str]
    identities: list[str]
    service: list[str] = []
    costed: bool = False


class ColumnStore:
    """The column files of one database in a folder of their own."""

    def __init__(self, root: Path, database: Database, engine: Engine, currency: str) -> None:
        self._root = root
        self._database = database
        self._engine = engine
        self._currency = currency
        self._folder: Path | None = None
        self._refreshing = asyncio.Lock()

    async def refresh(self) -> Files:
        """Write what is behind; the files as of one moment."""
        async with self._refreshing:
            folder = await self._open()
            async with self._database.pool.acquire(timeout=10) as connection:
                version, wanted, costed = await self._moment(connection, folder)
            await asyncio.to_thread(tidy, folder, set(wanted.values()))
        months = [str(path) for name, path in sorted(wanted.items()) if month_of(name)]
        return Files(
            version,
            months,
            [str(wanted[TWINS])] if TWINS in wanted else [],
            [str(wanted[IDENTITIES])] if IDENTITIES in wanted else [],
            [str(path) for name, path in sorted(wanted.items()) if costed and service_month(name)],
            costed,
        )

    async def _moment(self, connection: Connection, folder: Path) -> tuple[int, Mapping[str, Path], bool]:
        # The snapshot is taken while nobody changes anything, so that the number says exactly what it holds.
        await turns.take_long_turn(connection)
        waiting = True
        try:
            async with connection.transaction(isolation="repeatable_read", readonly=True):
                version = await turns.newest_version(connection)
                parts = await repository.parts(connection)
                costed = await repository.is_costed(connection)
                await turns.end_turn(connection)
                waiting = False
                wanted = {name: folder / f"{name}.v{number}.parquet" for name, number in parts.items()}
                for name, path in wanted.items():
                    if not path.exists():
                        await self._write(connection, name, path)
        finally:
            if waiting:
                await turns.end_turn(connection)
        return version, wanted, costed

    async def _write(self, connection: Connection, name: str, path: Path) -> None:
        query, arguments, columns = self._source(name)
        unfinished = path.with_name(f"{name}.{uuid4().hex}.tmp")
        rows = unfinished.with_suffix(".csv")
        try:
            await connection.copy_from_query(query, *arguments, output=rows, format="csv", timeout=_COPY_SECONDS)
            await self._engine.run(lambda duck: duck.execute(_to_parquet(columns, unfinished), {"rows": str(rows)}))
            await asyncio.to_thread(unfinished.replace, path)
        finally:
            rows.unlink(missing_ok=True)
            unfinished.unlink(missing_ok=True)

    def _source(self, name: str) -> tuple[str, tuple[Any, ...], Mapping[str, str]]:
        month = month_of(name)
        if month is not None:
            return repository.MONTH_ROWS, (*month, self._currency), _MONTH
        served = service_month(name)
        if served is not None:
            return repository.SERVICE_ROWS, (served,), _SERVICE
        if name == TWINS:
            return repository.TWIN_ROWS, (self._currency,), _TWIN
        return repository.IDENTITY_ROWS, (), _IDENTITY

    async def _open(self) -> Path:
        if self._folder is None or not self._folder.exists():
            store = await repository.store_id(self._database.pool)
            # Files of an earlier layout are not read, and hold what must not outlive an erasure.
            await asyncio.to_thread(shutil.rmtree, self._root / f"{store}-{self._currency}", ignore_errors=True)
            self._folder = self._root / f"{store}-{self._currency}-{_LAYOUT}"
            self._folder.mkdir(parents=True, exist_ok=True)
        return self._folder


def _to_parquet(columns: Mapping[str, str], target: Path) -> str:
    typed = ", ".join(f"'{name}': '{kind}'" for name, kind in columns.items())
    place = str(target).replace("'", "''")
    return (
        f"COPY (SELECT * FROM read_csv($rows, header = false, delim = ',', quote = '\"', escape = '\"', "
        f"nullstr = '', auto_detect = false, columns = {{{typed}}})) TO '{place}' (FORMAT parquet)"
    )


def tidy(folder: Path, wanted: set[Path]) -> None:
    """Remove files that nobody reads any more, those that a killed process left behind too."""
    old = time.time() - _KEPT_SECONDS
    for path in folder.iterdir():
        if path not in wanted and path.stat().st_mtime < old:
            if path.is_dir():
                shutil.rmtree(path, ignore_errors=True)
            else:
                path.unlink(missing_ok=True)
