"""Which pairs are compared at all: those that share a key, unless so many share it that it tells nothing."""

from collections.abc import Iterable
from typing import Final

import duckdb
import pyarrow as pa

# Each key finds what the others miss: names exchanged or as they sound, whole birth dates or parts, parts of addresses.
_SOUNDS: Final = "least(given_sound, family_sound) || '|' || greatest(given_sound, family_sound)"
_DAY: Final = "least(birth, birth_swapped)"
KEYS: Final = (
    "names",
    _DAY,
    _SOUNDS,
    f"given_sound || {_DAY}",
    f"family_sound || {_DAY}",
    f"{_DAY} || '|' || postcode_digits",
    f"{_DAY} || '|' || city",
    "given || '|' || postcode_digits",
    "family || '|' || postcode_digits",
    "given || '|' || city",
    "family || '|' || city",
    "given || '|' || street",
    "family || '|' || street",
    "given || '|' || substr(birth, 1, 4)",
    "family || '|' || substr(birth, 1, 4)",
    "given || '|' || substr(birth, 5)",
    "family || '|' || substr(birth, 5)",
    "given_sound || '|' || number || '|' || coalesce(region, '')",
    "family_sound || '|' || number || '|' || coalesce(region, '')",
    "number || '|' || street",
    "street || '|' || postcode_digits",
    "street || '|' || city",
    "number || '|' || postcode_digits",
    "number || '|' || city",
    "email_user",
    "phone",
)
_LEAST_PAIRS: Final = 3_000_000
_PAIRS_A_RECORD: Final = 4


def with_keys(connection: duckdb.DuckDBPyConnection, table: str) -> pa.Table:
    """The rows of `table` with a column for each key, null where more pairs would share it than are worth comparing."""
    count = _single(connection, f"SELECT count(*) FROM {table}")
    budget = max(_LEAST_PAIRS, _PAIRS_A_RECORD * count)
    connection.execute(
        f"CREATE TEMP TABLE keyed AS SELECT *, {', '.join(f'hash({key}) AS hashed_{name}' for name, key in _named())} "
        f"FROM {table}"
    )
    columns = []
    for name, key in _named():
        hashed = f"hashed_{name}"
        known = f"({key}) IS NOT NULL"
        most = _largest_block(connection, name, key, budget)
        if most is not None:
            common = f"SELECT {hashed} FROM keyed WHERE {known} GROUP BY {hashed} HAVING count(*) > {most}"
            known += f" AND {hashed} NOT IN ({common})"
        columns.append(f"CASE WHEN {known} THEN CAST({hashed} >> 1 AS BIGINT) END AS {name}")
    hashed = ", ".join(f"hashed_{name}" for name, _ in _named())
    found = connection.sql(f"SELECT * EXCLUDE ({hashed}), {', '.join(columns)} FROM keyed").to_arrow_table()
    connection.execute("DROP TABLE keyed")
    return found


def rules() -> list[str]:
    """Conditions under which two records are compared; records compared before are not again."""
    return [f"l.{name} = r.{name} AND (l.changed OR r.changed)" for name, _ in _named()]


def _named() -> Iterable[tuple[str, str]]:
    return [(f"key_{number}", key) for number, key in enumerate(KEYS)]


def _largest_block(connection: duckdb.DuckDBPyConnection, name: str, key: str, budget: int) -> int | None:
    """Records that may share a value, so that all pairs that share one stay within `budget`; None when all may."""
    sizes = connection.execute(
        f"SELECT size, count(*) FROM (SELECT count(*) AS size FROM keyed WHERE ({key}) IS NOT NULL "
        f"GROUP BY hashed_{name}) GROUP BY size ORDER BY size"
    ).fetchall()
    pairs, most = 0, 1
    for size, blocks in sizes:
        pairs += size * (size - 1) // 2 * blocks
        if pairs > budget:
            return most
        most = size
    return None


def _single(connection: duckdb.DuckDBPyConnection, query: str) -> int:
    rows = connection.execute(query).fetchall()
    return int(rows[0][0])
