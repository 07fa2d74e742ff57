"""How fields are compared: levels of agreement, from the same to nothing alike, with what is known of each beforehand.

Probabilities are Fellegi and Sunter's: `m` of a level among pairs of one person, `u` among pairs of two. They are where
training starts, and what stands where data are too few to tell.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

_JARO_WINKLER: Final = {"duckdb": "jaro_winkler_similarity", "spark": "jaro_winkler"}
_OVERLAP: Final = {"duckdb": "list_has_any", "spark": "arrays_overlap"}


@dataclass(frozen=True, slots=True)
class Level:
    """A level of agreement, `condition` in SQL; `frequency` names the column whose rare values weigh more."""

    name: str
    condition: str
    m: float
    u: float
    frequency: str | None = None
    frequency_weight: float = 1.0
    exact: bool = False
    most: float = 1.0  # training takes m no further: pairs of relatives and namesakes look like mistakes to it


@dataclass(frozen=True, slots=True)
class Field:
    """What is compared, and when too little is known for that."""

    name: str
    unknown: str
    levels: tuple[Level, ...]

    def settings(self, chances: Sequence[tuple[float, float]]) -> dict[str, Any]:
        """As Splink takes it; `chances` are m and u of each level."""
        null = {"sql_condition": self.unknown, "label_for_charts": "unknown", "is_null_level": True}
        levels = [_settings(level, m, u) for level, (m, u) in zip(self.levels, chances, strict=True)]
        return {"output_column_name": self.name, "comparison_levels": [null, *levels]}


def _settings(level: Level, m: float, u: float) -> dict[str, Any]:
    found: dict[str, Any] = {
        "sql_condition": level.condition,
        "label_for_charts": level.name,
        "m_probability": m,
        "u_probability": u,
    }
    if level.frequency:
        found["tf_adjustment_column"] = level.frequency
        found["tf_adjustment_weight"] = level.frequency_weight
        if not level.exact:
            found["disable_tf_exact_match_detection"] = True
    return found


def fields(dialect: str) -> list[Field]:
    """All that is compared, in SQL of `dialect` (`duckdb` or `spark`)."""
    alike, overlap = _JARO_WINKLER[dialect], _OVERLAP[dialect]
    return [
        _name("given", "family", 0.004, alike, f"{overlap}(given_formal_l, given_formal_r)"),
        _name("family", "given", 0.003, alike),
        _birth(),
        _street(alike),
        _place(alike),
        Field(
            "region",
            "region_l IS NULL OR region_r IS NULL",
            (Level("same", "region_l = region_r", 0.95, 0.3, "region", exact=True), Level("other", "ELSE", 0.05, 0.7)),
        ),
        _email(alike),
        _phone(),
    ]


def _name(this: str, other: str, u: float, alike: str, also: str | None = None) -> Field:
    """A part of the name; columns are named after it, and the other part may stand in its place."""
    close = f"{alike}({this}_latin_l, {this}_latin_r) >= 0.92" + (f" OR {also}" if also else "")
    same_first = f"substr({this}_latin_l, 1, 1) = substr({this}_latin_r, 1, 1)"
    initial = f"(length({this}_l) = 1 OR length({this}_r) = 1) AND {same_first}"
    crossed = f"{alike}({this}_latin_l, {other}_latin_r) >= 0.9 AND {alike}({other}_latin_l, {this}_latin_r) >= 0.9"
    return Field(
        f"{this}_name",
        f"{this}_l IS NULL OR {this}_r IS NULL",
        (
            Level("same", f"{this}_l = {this}_r", 0.70, u, this, exact=True),
            # Half of the adjustment: the name that stands in the other's place is hardly ever common there.
            Level("exchanged", "names_l = names_r", 0.05, u / 40, this, 0.5),
            Level("close", close, 0.15, 0.005),
            Level(
                "alike",
                f"{this}_sound_l = {this}_sound_r OR {alike}({this}_latin_l, {this}_latin_r) >= 0.85 OR {initial}",
                0.04,
                0.01,
            ),
            Level("exchanged, close", crossed, 0.02, u / 10),
            Level("other", "ELSE", 0.04, 0.98, most=0.2),
        ),
    )


def _birth() -> Field:
    exchanged = "birth_digits_l = birth_digits_r AND levenshtein(birth_l, birth_r) <= 2"
    digits = f"levenshtein(birth_l, birth_r) <= 1 OR {exchanged}"
    month, day = "substr(birth_l, 1, 6) = substr(birth_r, 1, 6)", "substr(birth_l, 5) = substr(birth_r, 5)"
    year_and_day = "substr(birth_l, 1, 4) = substr(birth_r, 1, 4) AND substr(birth_l, 7) = substr(birth_r, 7)"
    return Field(
        "birth_date",
        "birth_l IS NULL OR birth_r IS NULL",
        (
            # Days that forms fill in by themselves are common.
            Level("same", "birth_l = birth_r", 0.90, 5e-5, "birth", exact=True),
            Level("day and month exchanged", "birth_l = birth_swapped_r", 0.02, 2.5e-5),
            Level("one digit or two exchanged", digits, 0.04, 1.2e-3),
            Level("two of year, month, day", f"{month} OR {day} OR {year_and_day}", 0.02, 4e-3),
            Level("other", "ELSE", 0.02, 0.99, most=0.03),
        ),
    )


def _street(alike: str) -> Field:
    house = "coalesce(number_l, '') = coalesce(number_r, '')"
    close = f"({alike}(street_l, street_r) >= 0.9 OR {alike}(street_sorted_l, street_sorted_r) >= 0.9)"
    half = "(street_l IS NULL OR street_r IS NULL)"
    unnumbered = f"(street_l = street_r OR {close}) AND (number_l IS NULL OR number_r IS NULL)"
    return Field(
        "street",
        "(street_l IS NULL OR street_r IS NULL) AND (number_l IS NULL OR number_r IS NULL)",
        (
            Level("same", f"street_l = street_r AND {house}", 0.45, 2e-5),
            Level("close", f"{close} AND {house}", 0.25, 3e-5),
            Level("street, number unknown", unnumbered, 0.02, 5e-4),
            Level("street, other number", "street_l = street_r", 0.03, 5e-4),
            Level("close, other number", close, 0.03, 3e-3),
            Level("number, street unknown", f"number_l = number_r AND {half}", 0.03, 6e-4),
            Level("number", "number_l = number_r", 0.07, 0.015),
            Level("other number, street unknown", half, 0.01, 0.04),
            Level("other", "ELSE", 0.11, 0.94),
        ),
    )


def _place(alike: str) -> Field:
    city = f"{alike}(city_l, city_r) >= 0.88"
    digits = "levenshtein(postcode_l, postcode_r) <= 1 OR postcode_digits_l = postcode_digits_r"
    return Field(
        "place",
        "(postcode_l IS NULL OR postcode_r IS NULL) AND (city_l IS NULL OR city_r IS NULL)",
        (
            Level("same", "postcode_l = postcode_r AND city_l = city_r", 0.60, 1e-3),
            Level("postcode, city close", f"postcode_l = postcode_r AND {city}", 0.10, 1e-4),
            Level("both close", f"({digits}) AND {city}", 0.10, 3e-4),
            Level("postcode", "postcode_l = postcode_r", 0.06, 2e-3),
            Level("city", city, 0.04, 4e-3),
            Level("postcode close", digits, 0.03, 0.01),
            Level("other", "ELSE", 0.07, 0.98),
        ),
    )


def _email(alike: str) -> Field:
    # People of one name have addresses alike: what is made of the name says nothing more than the name.
    own = "coalesce(email_own_l AND email_own_r, false)"
    return Field(
        "email",
        "email_l IS NULL OR email_r IS NULL",
        (
            Level("same", "email_l = email_r", 0.55, 1e-5),
            Level("name, other provider", f"email_user_l = email_user_r AND {own}", 0.06, 5e-5, "email_user"),
            Level("close", f"{alike}(email_l, email_r) >= 0.96 AND {own}", 0.05, 5e-5),
            Level("alike as names are", "NOT coalesce(email_own_l OR email_own_r, false)", 0.14, 0.14),
            Level("other", "ELSE", 0.20, 0.86),
        ),
    )


def _phone() -> Field:
    return Field(
        "phone",
        "phone_l IS NULL OR phone_r IS NULL",
        (
            Level("same", "phone_l = phone_r", 0.55, 1e-5),
            Level("one digit", "levenshtein(phone_l, phone_r) <= 1", 0.05, 5e-5),
            Level("other", "ELSE", 0.40, 0.9999),
        ),
    )
