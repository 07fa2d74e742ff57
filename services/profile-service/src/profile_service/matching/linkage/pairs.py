"""From records to pairs with their probability and the weight of each field, and to clusters of one person."""

import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import pyarrow as pa
from splink.backends.duckdb import DuckDBAPI

from profile_service.matching.linkage.blocking import with_keys
from profile_service.matching.linkage.comparisons import Field, fields
from profile_service.matching.linkage.engines import Resources, as_arrow, columns, linkage_api
from profile_service.matching.linkage.households import Households, households
from profile_service.matching.linkage.records import Record, prepared
from profile_service.matching.linkage.training import learnt, prepared_linker, size_of

HOUSEHOLD: Final = "household"
_RECORDS_A_CHUNK: Final = 250_000
_NAMES: Final = frozenset({"given_name", "family_name"})


@dataclass(frozen=True, slots=True)
class Weight:
    """What a field says: `weight` is log2 of how much likelier it is for one person than for two."""

    field: str
    level: str
    weight: float


@dataclass(frozen=True, slots=True)
class Pair:
    """Two records by their numbers, `a` < `b`, and how probable it is that they are one person."""

    a: int
    b: int
    probability: float
    weights: tuple[Weight, ...]

    @property
    def corroborated(self) -> bool:
        """Whether more than the name speaks for it: two people with one name and nothing else known may be two."""
        return any(each.weight > 0 and each.field not in _NAMES for each in self.weights)


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
        size = size_of(rows)
        duck = DuckDBAPI(connection)
        chances = learnt(duck, duck.register(rows), rows, fields("duckdb"), size)
        homes = households(connection, "keyed_records", chances)
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
                found += _read(as_arrow(api, frame), compared, homes, at_least)
            progress(parts, parts)
    return sorted(found, key=lambda pair: (-pair.probability, pair.a, pair.b))


def _read(table: pa.Table, compared: Sequence[Field], homes: Households, at_least: float) -> Iterator[Pair]:
    wanted = ["unique_id_l", "unique_id_r", "match_weight"]
    for field in compared:
        wanted += [f"gamma_{field.name}", f"mw_{field.name}", f"mw_tf_adj_{field.name}"]
    for row in table.select([name for name in wanted if name in table.column_names]).to_pylist():
        levels = {field.name: _level(row, field) for field in compared}
        home = homes.weight(levels, row["match_weight"])
        probability = 1 / (1 + 2 ** -(min(max(row["match_weight"] + home, -100.0), 100.0)))
        if probability >= at_least:
            a, b = sorted((row["unique_id_l"], row["unique_id_r"]))
            yield Pair(a, b, probability, _weights(row, compared, levels, home))


def _level(row: Mapping[str, Any], field: Field) -> int | None:
    gamma = row[f"gamma_{field.name}"]
    return None if gamma < 0 else len(field.levels) - 1 - int(gamma)


def _weights(
    row: Mapping[str, Any], compared: Sequence[Field], levels: Mapping[str, int | None], home: float
) -> tuple[Weight, ...]:
    found = []
    for field in compared:
        level = levels[field.name]
        if level is not None:
            weight = row[f"mw_{field.name}"] + (row.get(f"mw_tf_adj_{field.name}") or 0.0)
            found.append(Weight(field.name, field.levels[level].name, round(weight, 2)))
    if home < -0.005:
        found.append(Weight(HOUSEHOLD, "same address", round(home, 2)))
    return tuple(found)
