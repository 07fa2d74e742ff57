"""People who live together agree on much without being one person.

Fellegi and Sunter's model knows two cases, one person or two strangers, and takes relatives at one address for one
person: they share address and family name. So pairs at one address are weighed once more, against a third case, two
people of a household, by what tells those apart: given name and birth date. How many households there are among the
records is seen from the pairs at one address that differ in both.

Namesakes are the fourth case: people of one name in one street, told apart by house number and birth date. Where more
are seen than mistakes explain, a name and a street are no proof.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import duckdb

from profile_service.matching.linkage.comparisons import Field

# Levels of agreement between two people of one household, in the order of each field's levels.
_APART: Final[Mapping[str, tuple[float, ...]]] = {
    "given_name": (0.005, 0.0005, 0.02, 0.02, 0.0005, 0.954),
    "family_name": (0.60, 0.002, 0.02, 0.02, 0.002, 0.356),
    "birth_date": (0.01, 0.0002, 0.005, 0.02, 0.9648),
}
# Same or close, same number; and any level of the place but the last.
_AT_HOME: Final = "gamma_street >= 7 AND gamma_place <> 0"
# Telephones and mailboxes are shared at home too, also by those who have moved out.
_SHARING: Final = "(gamma_email = 4 OR gamma_phone = 2)"
_FEW: Final = 0.02  # households seen for each person seen twice, below which they are chance
_LIKE_DAYS: Final = 3  # the first levels of the birth date: the same, exchanged, one digit
_NAMESAKES_FEW: Final = 0.02  # namesakes for each pair of one person in the same street
_ENOUGH: Final = 25  # persons seen twice, below which that no household is seen means nothing
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
           count(*) FILTER (one.given = other.given AND coalesce(levenshtein(one.birth, other.birth) <= 2, true)),
           count(*) FILTER (jaro_winkler_similarity(one.given_latin, other.given_latin) < 0.85
                            AND jaro_winkler_similarity(one.given_latin, other.family_latin) < 0.85
                            AND jaro_winkler_similarity(one.family_latin, other.given_latin) < 0.85
                            AND coalesce(levenshtein(one.birth, other.birth) > 2, true))
    FROM home AS one JOIN home AS other ON one.address = other.address AND one.unique_id < other.unique_id
    GROUP BY dated
"""


_IN_ONE_STREET: Final = """
    WITH namesake AS (
        SELECT unique_id, birth, number, hash(names, street, coalesce(postcode, city)) AS street
        FROM {table}
        WHERE names IS NOT NULL AND street IS NOT NULL AND coalesce(postcode, city) IS NOT NULL AND birth IS NOT NULL
        QUALIFY count(*) OVER (PARTITION BY names, street, coalesce(postcode, city)) BETWEEN 2 AND 50
    )
    SELECT count(*) FILTER (levenshtein(one.birth, other.birth) <= 2),
           count(*) FILTER (levenshtein(one.birth, other.birth) > 2 AND one.number <> other.number)
    FROM namesake AS one JOIN namesake AS other ON one.street = other.street AND one.unique_id < other.unique_id
"""


@dataclass(frozen=True, slots=True)
class Households:
    """`ratio` of pairs of a household to pairs of one person among those at one address, and how many of these.

    `namesakes` is the ratio of pairs of two people of one name to pairs of one person among those of one street.
    """

    ratio: float
    persons: float
    namesakes: float
    chances: Mapping[str, Sequence[tuple[float, float]]]

    @property
    def seen(self) -> bool:
        """Whether people of these records live together or next to namesakes, as far as anybody can tell."""
        return self.ratio >= _FEW or self.persons < _ENOUGH or self.namesakes >= _NAMESAKES_FEW

    def sql(self, compared: Sequence[Field]) -> str:
        """What to add to a pair's `match_weight` (log2 of odds), zero or less, by its `gamma_` columns."""
        against = [repr(math.log2(1 / self.ratio))]
        for field in compared:
            chances = _APART.get(field.name, ())
            cases = [
                f"WHEN {len(chances) - 1 - level} THEN {math.log2(m / apart)!r}"
                for level, (apart, (m, _)) in enumerate(zip(chances, self.chances[field.name], strict=False))
            ]
            if cases:
                against.append(f"CASE gamma_{field.name} {' '.join(cases)} ELSE 0.0 END")
        odds = f"({' + '.join(against)})"
        # Odds against either case add up as resistances in parallel do.
        together = f"greatest({odds}, match_weight) + log2(1 + pow(2.0, greatest(-abs({odds} - match_weight), -200.0)))"
        return f"CASE WHEN {_AT_HOME} OR {_SHARING} THEN {odds} - ({together}) ELSE 0.0 END"


def households(
    connection: duckdb.DuckDBPyConnection, table: str, chances: Mapping[str, Sequence[tuple[float, float]]]
) -> Households:
    """What pairs of the records in `table` at one address tell; `chances` are m and u of each field's levels."""
    persons = others = _UNSEEN
    certain = 0.0  # told by their birth dates, which tell father and son
    for dated, same, apart in connection.execute(_AT_ONE_ADDRESS.format(table=table)).fetchall():
        both, neither = chances["given_name"][0][0], chances["given_name"][-1][0]
        if dated:
            both *= sum(m for m, _ in chances["birth_date"][:_LIKE_DAYS])
            neither *= chances["birth_date"][-1][0]
            certain = same / both
        persons += same / both
        # One person's records differ in all that tells people apart now and then; mistakes come in company.
        by_mistake = same / both * neither
        others += max(0.0, apart - 2 * by_mistake - 2 * math.sqrt(by_mistake))
    same, apart = connection.execute(_IN_ONE_STREET.format(table=table)).fetchall()[0]
    return Households(others / persons, certain, apart / max(1, same), chances)
