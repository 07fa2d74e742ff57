"""People who live together agree on much without being one person.

Fellegi and Sunter's model knows two cases, one person or two strangers, and takes relatives at one address for one
person: they share address and family name. So pairs at one address are weighed once more, against a third case, two
people of a household, by what tells those apart: given name and birth date. How many households there are among the
records is seen from the pairs at one address that differ in both.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import duckdb

# Levels of agreement between two people of one household, in the order of each field's levels.
_APART: Final[Mapping[str, tuple[float, ...]]] = {
    "given_name": (0.005, 0.0005, 0.02, 0.02, 0.0005, 0.954),
    "family_name": (0.60, 0.002, 0.02, 0.02, 0.002, 0.356),
    "birth_date": (0.01, 0.0002, 0.005, 0.02, 0.9648),
}
_STREETS: Final = 2  # the first levels of the street: same or close, same number
_PLACES: Final = 6  # all levels of the place but the last
_PERSONAL: Final = ("given_name", "birth_date")
_UNSEEN: Final = 0.01  # as many households as persons where there is nothing to see
_AT_ONE_ADDRESS: Final = """
    WITH home AS (
        SELECT unique_id, given, given_latin, coalesce(family_latin, '') AS family_latin, birth,
               hash(coalesce(number, ''), street, coalesce(postcode, city)) AS address
        FROM {table}
        WHERE street IS NOT NULL AND coalesce(postcode, city) IS NOT NULL
          AND given IS NOT NULL
        QUALIFY count(*) OVER (PARTITION BY address) BETWEEN 2 AND 50
    )
    SELECT one.birth IS NOT NULL AND other.birth IS NOT NULL AS dated,
           count(*) FILTER (one.given = other.given AND coalesce(one.birth = other.birth, true)),
           count(*) FILTER (jaro_winkler_similarity(one.given_latin, other.given_latin) < 0.85
                            AND jaro_winkler_similarity(one.given_latin, other.family_latin) < 0.85
                            AND jaro_winkler_similarity(one.family_latin, other.given_latin) < 0.85
                            AND coalesce(levenshtein(one.birth, other.birth) > 2, true))
    FROM home AS one JOIN home AS other ON one.address = other.address AND one.unique_id < other.unique_id
    GROUP BY dated
"""
_Levels = Mapping[str, int | None]


@dataclass(frozen=True, slots=True)
class Households:
    """`ratio` of pairs of a household to pairs of one person among those at one address."""

    ratio: float
    chances: Mapping[str, Sequence[tuple[float, float]]]

    def weight(self, levels: _Levels, match_weight: float) -> float:
        """What to add to a pair's weight (log2 of odds), zero or less; `levels` counts from 0, null where unknown."""
        if not together(levels):
            return 0.0
        against = math.log2(1 / self.ratio)
        for name, chances in _APART.items():
            level = levels[name]
            if level is not None:
                against += math.log2(self.chances[name][level][0] / chances[level])
        # Odds against either case add up as resistances in parallel do.
        return against - _log2_sum(against, match_weight)


def together(levels: _Levels) -> bool:
    """Whether both of a pair live at one address, as far as it is known."""
    street, place = levels["street"], levels["place"]
    return street is not None and street < _STREETS and (place is None or place < _PLACES)


def households(
    connection: duckdb.DuckDBPyConnection, table: str, chances: Mapping[str, Sequence[tuple[float, float]]]
) -> Households:
    """What pairs of the records in `table` at one address tell; `chances` are m and u of each field's levels."""
    persons = others = _UNSEEN
    for dated, same, apart in connection.execute(_AT_ONE_ADDRESS.format(table=table)).fetchall():
        told_by = _PERSONAL if dated else _PERSONAL[:1]
        both, neither = (math.prod(chances[name][end][0] for name in told_by) for end in (0, -1))
        persons += same / both
        # One person's records differ in all that tells people apart now and then; mistakes come in company.
        by_mistake = same / both * neither
        others += max(0.0, apart - 2 * by_mistake - 2 * math.sqrt(by_mistake))
    return Households(others / persons, chances)


def _log2_sum(a: float, b: float) -> float:
    high, low = max(a, b), min(a, b)
    return high + math.log2(1 + 2.0 ** max(low - high, -200.0))
