"""Writing column files: rows out of PostgreSQL by COPY, into Parquet by DuckDB."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final
from uuid import uuid4

import msgspec
from rapport.database import Connection

from segment_service.columns import relations, selections
from segment_service.columns.engine import Engine
from segment_service.columns.manifest import Part
from segment_service.columns.relations import EVENT, Relation, quoted

_COPY_SECONDS: Final = 3_600
# Rules name an event nearly always, and often a window: neighbours in the file are read or skipped together.
_ORDER: Final = "ORDER BY name, occurred_at"
_LEAVES: Final = """
    SELECT identity_id, event_id, name, occurred_at, path,
           CASE mark WHEN '"' THEN leaf ->> '$' WHEN '{' THEN leaf ->> 'text' END AS text,
           CASE WHEN mark IN ('"', 't', 'f') THEN NULL
                WHEN mark = '{' THEN (leaf ->> 'number')::DECIMAL(24,6)
                ELSE leaf::VARCHAR::DECIMAL(24,6) END AS number,
           CASE mark WHEN 't' THEN true WHEN 'f' THEN false END AS flag,
           CASE mark WHEN '{' THEN (leaf ->> 'at')::TIMESTAMP END AS "at"
    FROM (
        SELECT *, left(leaf::VARCHAR, 1) AS mark FROM (
            SELECT * EXCLUDE (entry), entry.key AS path, unnest(entry.value) AS leaf FROM (
                SELECT identity_id, event_id, name, occurred_at,
                       unnest(map_entries(from_json("values", '"MAP(VARCHAR, JSON[])"'))) AS entry
                FROM {rows}
            )
        )
    )
"""


@dataclass(frozen=True, slots=True)
class Writing:
    """Writes files of one refresh into a folder; `connection` holds its snapshot."""

    connection: Connection
    engine: Engine
    folder: Path

    @asynccontextmanager
    async def rows(self, query: str, arguments: tuple[Any, ...], columns: Mapping[str, str]) -> AsyncIterator[str]:
        """Rows of PostgreSQL as a source that DuckDB reads, for the length of the block."""
        path = self.folder / f"{uuid4().hex}.csv"
        try:
            await self.connection.copy_from_query(query, *arguments, output=path, format="csv", timeout=_COPY_SECONDS)
            typed = ", ".join(f"'{name}': '{kind}'" for name, kind in columns.items())
            yield (
                f"read_csv({quoted(path)}, header = false, delim = ',', quote = '\"', escape = '\"', nullstr = '', "
                f"auto_detect = false, allow_quoted_nulls = false, max_line_size = 16777216, columns = {{{typed}}})"
            )
        finally:
            await asyncio.to_thread(path.unlink, missing_ok=True)

    async def whole(
        self, name: str, query: str, arguments: tuple[Any, ...], columns: Mapping[str, str], order: str = ""
    ) -> tuple[str, int]:
        """A file of all rows that a query gives, and how many there are."""
        async with self.rows(query, arguments, columns) as rows:
            return await self.file(name, f"SELECT * FROM {rows} {order}")

    async def file(self, name: str, select: str) -> tuple[str, int]:
        """A file of what a statement gives in DuckDB, and how many rows there are."""
        target = f"{name}.{uuid4().hex}.parquet"
        path = self.folder / target
        unfinished = path.with_suffix(".tmp")
        try:
            statement = f"COPY ({select}) TO {quoted(unfinished)} (FORMAT parquet)"
            count = await self.engine.run(lambda duck: duck.execute(statement).fetchone())
            await asyncio.to_thread(unfinished.replace, path)
        finally:
            await asyncio.to_thread(unfinished.unlink, missing_ok=True)
        return target, count[0] if count else 0

    async def replace(self, relation: Relation, part: Part, since: int) -> Part:
        """A part with the rows of all keys that have changed since a change in place of those it had."""
        arguments = (relation.name, since)
        key = {relation.key: relation.columns[relation.key]}
        async with (
            self.rows(selections.KEYS, arguments, key) as keys,
            self.rows(selections.those_changed(relation), arguments, relation.columns) as rows,
        ):
            all_keys, all_rows = f"SELECT * FROM {keys}", f"SELECT * FROM {rows}"
            if part.keys is not None and part.rows is not None:
                all_keys += f" UNION SELECT * FROM {self._read(part.keys)}"
                all_rows += (
                    f' UNION ALL SELECT * FROM {self._read(part.rows)} ANTI JOIN {keys} USING ("{relation.key}")'
                )
            key_file, changed = await self.file(f"{relation.name}-keys", all_keys)
            row_file, _ = await self.file(f"{relation.name}-rows", all_rows)
        return msgspec.structs.replace(part, keys=key_file, rows=row_file, changed=changed)

    async def fold(self, relation: Relation, part: Part) -> Part:
        """A part whose base holds what its delta said."""
        select = f'SELECT * FROM ({relations.current(relation, part, self.folder)}) ORDER BY "{relation.key}"'
        base, count = await self.file(relation.name, select)
        return msgspec.structs.replace(part, base=base, count=count, rows=None, keys=None, changed=0)

    async def months(self, rows: str) -> list[str]:
        """Months (`2026-11`) of events."""
        statement = f"SELECT DISTINCT strftime(occurred_at, '%Y-%m') FROM {rows} ORDER BY 1"
        return [row[0] for row in await self.engine.run(lambda duck: duck.execute(statement).fetchall())]

    async def events(self, rows: str, name: str, *, values: bool) -> tuple[str, int]:
        """A file of events, or of their values."""
        return await self.file(name, f"{_of(rows, values=values)} {_ORDER}")

    async def append(self, rows: str, month: str, name: str, part: Part, *, values: bool) -> Part:
        """A part with the events of its month added to its delta."""
        select = _of(f"(SELECT * FROM {rows} WHERE strftime(occurred_at, '%Y-%m') = '{month}')", values=values)
        if part.rows is not None:
            select += f" UNION ALL SELECT * FROM {self._read(part.rows)}"
        file, changed = await self.file(f"{name}-rows", select)
        return msgspec.structs.replace(part, rows=file, changed=changed)

    async def join(self, part: Part, *, values: bool) -> Part:
        """A part of events whose base holds its delta."""
        both = " UNION ALL ".join(f"SELECT * FROM {self._read(each)}" for each in part.files)
        base, count = await self.file("event_value" if values else "event", f"SELECT * FROM ({both}) {_ORDER}")
        return msgspec.structs.replace(part, base=base, count=count, rows=None, changed=0)

    def _read(self, file: str) -> str:
        return f"read_parquet({quoted(self.folder / file)})"


def _of(rows: str, *, values: bool) -> str:
    if values:
        return _LEAVES.replace("{rows}", rows)
    return f"SELECT {', '.join(EVENT)} FROM {rows}"
