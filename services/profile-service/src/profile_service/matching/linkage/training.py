"""Learning from the records themselves how reliable each field is.

Expectation maximisation as Splink does it, unsupervised: on pairs of one birth date for all other fields, on pairs of
one name for the rest. Few records teach little, so what was learnt is weighed against what is known beforehand by the
number of cases behind it, and does not run away from it.
"""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import duckdb
import pyarrow as pa
from splink import Linker, SettingsCreator
from splink.blocking_rule_library import CustomRule
from splink.internals.exceptions import EMTrainingException

from profile_service.matching.linkage.blocking import rules
from profile_service.matching.linkage.comparisons import Field

_BLOCKS: Final = ("l.birth = r.birth", "l.names = r.names")
_SAMPLED_PAIRS: Final = 1_000_000
_TRAINING_PAIRS: Final = 1_000_000
_SEED: Final = 1

# Cases that what is known beforehand is worth.
_PRIOR_MATCHES: Final = 20.0
_PRIOR_PAIRS: Final = 20_000.0
_PRIOR_RECORDS: Final = 200.0
_FREQUENCY: Final = 0.002
_FAMILY_NAME_OF_ONE_CHARACTER: Final = 0.03  # Chinese family names are few
_COMMON_DAY: Final = 3e-4
_COMMON_DAY_RECORDS: Final = 10
_FURTHEST: Final = 20.0  # times more or less likely than known beforehand

# Shares of duplicates stored with the same names and birth date; and with the same given name, month of birth and
# address, which leaves relatives out. Then duplicates thought possible in any data.
_PLAIN_SHARES: Final = (0.45, 0.45)
_PLAIN: Final = """
    SELECT (SELECT count(*) FROM {table}),
        (SELECT coalesce(sum(n * (n - 1) // 2), 0)
         FROM (SELECT count(*) AS n FROM {table} WHERE birth IS NOT NULL AND names IS NOT NULL GROUP BY names, birth)),
        (SELECT coalesce(sum(n * (n - 1) // 2), 0)
         FROM (SELECT count(*) AS n FROM {table} WHERE birth IS NOT NULL AND given IS NOT NULL AND street IS NOT NULL
               GROUP BY given, substr(birth, 1, 6), number, street, coalesce(postcode, city)))
"""
_LEAST_SHARE: Final = 0.02
_LEAST_MATCHES: Final = 5.0
_ENOUGH_MATCHES: Final = 10.0


Chances = Mapping[str, Sequence[tuple[float, float]]]
"""m and u of each field's levels, in the order of the levels."""


@dataclass(frozen=True, slots=True)
class Size:
    """Records, and duplicate pairs expected among them."""

    records: int
    matches: float

    @property
    def pairs(self) -> float:
        """Pairs of two different records."""
        return max(1.0, self.records * (self.records - 1) / 2)


def size_of(connection: duckdb.DuckDBPyConnection, table: str) -> Size:
    """How many duplicates to expect, from those that are plain to see in one way or another."""
    rows, *plain = connection.execute(_PLAIN.format(table=table)).fetchall()[0]
    seen = max(float(pairs) / share for pairs, share in zip(plain, _PLAIN_SHARES, strict=True))
    return Size(rows, seen + min(_LEAST_MATCHES, _LEAST_SHARE * rows))


def prepared_linker(
    api: Any, frame: Any, rows: pa.Table, fields: Sequence[Field], chances: Chances, size: Size
) -> Linker:
    """A model with these probabilities, ready to compare the records of `frame`, which `rows` holds too."""
    settings = SettingsCreator(
        link_type="dedupe_only",
        comparisons=[field.settings(chances[field.name]) for field in fields],
        blocking_rules_to_generate_predictions=[CustomRule(rule) for rule in rules()],
        probability_two_random_records_match=min(0.5, size.matches / size.pairs),
        em_convergence=0.001,
        max_iterations=12,
        retain_matching_columns=True,
        retain_intermediate_calculation_columns=True,
    )
    return _opened(api, frame, rows, settings)


def _opened(api: Any, frame: Any, rows: pa.Table, settings: SettingsCreator | dict[str, Any]) -> Linker:
    linker = Linker(frame, settings, log_level=logging.ERROR, validate_settings=False)
    for column in ("given", "family", "region", "email_user"):
        table = api.register(_frequencies(rows, column))
        linker.table_management.register_term_frequency_lookup(table, column)
    linker.table_management.register_term_frequency_lookup(api.register(_common_days(rows)), "birth")
    return linker


def learnt(api: Any, frame: Any, rows: pa.Table, fields: Sequence[Field], size: Size) -> Chances:
    """m and u of each field's levels, as far as these records can tell.

    At most a million pairs are looked at for each, so that this is a matter of seconds on one machine however many
    records there are and wherever they are compared afterwards.
    """
    beforehand = {field.name: [(level.m, level.u) for level in field.levels] for field in fields}
    if size.matches < _ENOUGH_MATCHES:
        return beforehand
    learner = prepared_linker(api, frame, rows, fields, beforehand, size)
    learner.training.estimate_u_using_random_sampling(_SAMPLED_PAIRS + 1, seed=_SEED, num_chunks=1)
    model: dict[str, Any] = learner.misc.save_model_to_json()
    for block in _BLOCKS:
        try:
            learner.training.estimate_parameters_using_expectation_maximisation(
                block, estimate_without_term_frequencies=True, max_pairs=_TRAINING_PAIRS
            )
        except (EMTrainingException, ValueError):
            # Nobody shares a birth date, or a name, with anybody, or a level never occurs among duplicates and its m
            # underflows: then the other block, and what is known beforehand, have to do.
            learner = _opened(api, frame, rows, model)
        else:
            model = learner.misc.save_model_to_json()
    return _weighed(model, fields, size)


def _frequencies(rows: pa.Table, column: str) -> pa.Table:
    """How common values are among people: duplicates do not make a name common, nor do few records make it rare."""
    counted = rows[column].drop_null().value_counts()
    values = counted.field("values").to_pylist()
    counts = counted.field("counts").to_pylist()
    total = sum(counts) + _PRIOR_RECORDS
    shares = [
        (count - 1 + _PRIOR_RECORDS * _usual(column, value)) / total
        for value, count in zip(values, counts, strict=True)
    ]
    return pa.table({column: pa.array(values, pa.string()), f"tf_{column}": pa.array(shares, pa.float64())})


def _common_days(rows: pa.Table) -> pa.Table:
    """Birth dates that far too many share to be theirs, such as the first of January, and how many do."""
    counted = rows["birth"].drop_null().value_counts()
    total = rows.num_rows + _PRIOR_RECORDS
    often = [
        (day, count / total)
        for day, count in zip(counted.field("values").to_pylist(), counted.field("counts").to_pylist(), strict=True)
        if count > _COMMON_DAY_RECORDS and count / total > _COMMON_DAY
    ]
    days, shares = zip(*often, strict=True) if often else ((), ())
    return pa.table({"birth": pa.array(days, pa.string()), "tf_birth": pa.array(shares, pa.float64())})


def _usual(column: str, value: str) -> float:
    if column == "region":
        return 0.2
    return _FAMILY_NAME_OF_ONE_CHARACTER if column == "family" and len(value) == 1 else _FREQUENCY


def _weighed(model: Mapping[str, Any], fields: Sequence[Field], size: Size) -> Chances:
    """What was learnt and what is known beforehand, brought together."""
    pairs = min(size.pairs, _SAMPLED_PAIRS)
    # Among random pairs some are duplicates; they must not make agreement look like chance.
    matches = pairs * min(0.5, size.matches / size.pairs)
    found = {}
    for comparison, field in zip(model["comparisons"], fields, strict=True):
        levels = [level for level in comparison["comparison_levels"] if not level.get("is_null_level")]
        ms = _bounded(
            [
                _held(_blend(level.get("m_probability"), each.m, size.matches, _PRIOR_MATCHES), each.m)
                for level, each in zip(levels, field.levels, strict=True)
            ],
            [each.most for each in field.levels],
        )
        us = _normalised(
            [
                _chance(level.get("u_probability"), each.u, m, pairs, matches)
                for level, each, m in zip(levels, field.levels, ms, strict=True)
            ]
        )
        found[field.name] = list(zip(ms, us, strict=True))
    return found


def _blend(learnt: float | None, known: float, cases: float, worth: float) -> float:
    if not isinstance(learnt, float):
        return known
    return (learnt * cases + known * worth) / (cases + worth)


def _held(value: float, known: float) -> float:
    return min(max(value, known / _FURTHEST), known * _FURTHEST)


def _chance(seen: float | None, known: float, m: float, pairs: float, matches: float) -> float:
    if not isinstance(seen, float):
        return known
    cleared = max(seen * pairs - m * matches, 0.1 * seen * pairs) / max(1.0, pairs - matches)
    return _blend(cleared, known, pairs, _PRIOR_PAIRS)


def _normalised(values: Sequence[float]) -> list[float]:
    total = sum(values)
    return [value / total for value in values]


def _bounded(values: Sequence[float], most: Sequence[float]) -> list[float]:
    """Normalised, none above its bound: what is cut off goes to those that have none."""
    shares = _normalised(values)
    over = [share > bound for share, bound in zip(shares, most, strict=True)]
    left = 1 - sum(bound for bound, is_over in zip(most, over, strict=True) if is_over)
    rest = sum(share for share, is_over in zip(shares, over, strict=True) if not is_over)
    return [bound if is_over else share * left / rest for share, bound, is_over in zip(shares, most, over, strict=True)]
