"""From records to pairs with their probability and the weight of each field."""

import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, Final

import duckdb
import pyarrow as pa
import pyarrow.compute as pc
from splink.backends.duckdb import DuckDBAPI

from profile_service.matching.linkage.blocking import with_keys
from profile_service.matching.linkage.clusters import consistent
from profile_service.matching.linkage.comparisons import Field, fields
from profile_service.matching.linkage.engines import Resources, columns, linkage_api, readable
from profile_service.matching.linkage.households import Households, households
from profile_service.matching.linkage.pair import Pair, Weight
from profile_service.matching.linkage.records import Record, prepared
from profile_service.matching.linkage.requirements import lacking, rare_name
from profile_service.matching.linkage.training import learnt, prepared_linker, size_of

HOUSEHOLD: Final = "household"
_RECORDS_A_CHUNK: Final = 250_000
_ROWS_AT_ONCE: Final = 10_000


Progress = Callable[[int, int], None]


def pairs_of(
    records: Iterable[Record],
    *,
    at_least: float = 0.5,
    resources: Resources | None = None,
    progress: Progress = lambda _done, _total: None,
) -> list[Pair]:
    """Pairs that are one person with a probability of `at_least` (0 to 1), the surest first.

    Model after Fellegi and Sunter, "A Theory for Record Linkage" (1969), trained by Splink. `progress` is told how many
    parts of how many are compared, and may raise to stop.
    """
    resources = resources or Resources()
    with columns(resources) as connection:
        connection.register("records", prepared(records))
        rows = with_keys(connection, "records")
        connection.unregister("records")
        if rows.num_rows < 2:
            return []
        connection.register("keyed_records", rows)
        size = size_of(connection, "keyed_records")
        duck = DuckDBAPI(connection)
        chances = learnt(duck, duck.register(rows), rows, fields("duckdb"), size)
        homes = households(connection, "keyed_records", chances)
        rare = rare_name(size.records)
        compared = fields(resources.engine)
        with linkage_api(resources, connection) as api:
            linker = prepared_linker(api, api.register(rows), rows, compared, chances, size)
            found: list[Pair] = []
            parts = math.ceil(rows.num_rows / _RECORDS_A_CHUNK)
            for part in range(parts):
                progress(part, parts)
                frame = linker.inference.predict_chunk(
                    (part + 1, parts), (1, 1), threshold_match_probability=at_least, warning_mode="never"
                )
                with readable(api, frame, connection) as predicted:
                    found += _read(connection, predicted, compared, homes, rare, at_least)
                frame.drop_table_from_database_and_remove_from_cache()
            progress(parts, parts)
    found.sort(key=lambda pair: (-pair.probability, pair.a, pair.b))
    return list(consistent(found, _births(rows, found))) if homes.seen else found


def _births(rows: pa.Table, pairs: Sequence[Pair]) -> dict[int, str]:
    """Birth dates, where known, of records that are in pairs."""
    ends = sorted({end for pair in pairs for end in (pair.a, pair.b)})
    # Rows come in any order.
    some = rows.filter(pc.is_in(rows["unique_id"], pa.array(ends, pa.int64())))
    births = zip(some["unique_id"].to_pylist(), some["birth"].to_pylist(), strict=True)
    return {record: birth for record, birth in births if birth}


def _read(
    connection: duckdb.DuckDBPyConnection,
    table: str,
    compared: Sequence[Field],
    homes: Households,
    rare: float,
    at_least: float,
) -> Iterator[Pair]:
    """Pairs of `table` that stay probable when households are thought of: few, while relatives are many."""
    known = {name for (name, *_) in connection.execute(f"DESCRIBE {table}").fetchall()}
    wanted = ["unique_id_l", "unique_id_r", "match_weight"]
    for field in compared:
        wanted += [f"gamma_{field.name}", f"mw_{field.name}", f"mw_tf_adj_{field.name}"]
    found = connection.execute(
        f"SELECT {', '.join(name for name in wanted if name in known)}, {homes.sql(compared)} AS home "
        f"FROM {table} WHERE match_weight + home >= ?",
        [math.log2(at_least / (1 - at_least)) if at_least < 1 else math.inf],
    )
    names = [column[0] for column in found.description or ()]
    while rows := found.fetchmany(_ROWS_AT_ONCE):
        for row in rows:
            yield _pair(dict(zip(names, row, strict=True)), compared, homes, rare)


def _pair(row: Mapping[str, Any], compared: Sequence[Field], homes: Households, rare: float) -> Pair:
    a, b = sorted((row["unique_id_l"], row["unique_id_r"]))
    probability = 1 / (1 + 2 ** -(min(max(row["match_weight"] + row["home"], -100.0), 100.0)))
    levels = {field.name: _level(row, field) for field in compared}
    weights = [
        Weight(
            field.name,
            level,
            round(row[f"mw_{field.name}"] + (row.get(f"mw_tf_adj_{field.name}") or 0.0), 2),
        )
        for field in compared
        if (level := levels[field.name]) is not None
    ]
    lacks = lacking(levels, {each.field: each.weight for each in weights}, households=homes.seen, rare=rare)
    if row["home"] < -0.005:
        weights.append(Weight(HOUSEHOLD, "same address or contact", round(row["home"], 2)))
    return Pair(a, b, probability, tuple(weights), lacks)


def _level(row: Mapping[str, Any], field: Field) -> str | None:
    gamma = row[f"gamma_{field.name}"]
    return None if gamma < 0 else field.levels[-1 - int(gamma)].name
