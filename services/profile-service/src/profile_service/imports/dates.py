"""Dates written the way a list says, and telling from the values which way that is. Pure."""

import re
import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from functools import lru_cache
from typing import Final, NamedTuple

from profile_service.facts.days import birth_date

EXAMPLES: Final = ("DD/MM/YYYY", "MM/DD/YYYY", "YYYYMMDD", "DD-MMM-YYYY", "ROC/MM/DD", "%d.%m.%Y")
ISO: Final = "YYYY-MM-DD"
_REPUBLIC: Final = 1911  # 民國元年 is 1912
_ORDERS: Final = ("DD{0}MM{0}YYYY", "MM{0}DD{0}YYYY", "DD{0}MM{0}YY", "MM{0}DD{0}YY", "YY{0}MM{0}DD", "ROC{0}MM{0}DD")
_USUAL: Final = (
    *(order.format(mark) for mark in ("/", ".", "-", " ", "") for order in _ORDERS),
    *(f"{order}" for mark in ("-", " ", "/") for order in (f"DD{mark}MMM{mark}YYYY", f"DD{mark}MMM{mark}YY")),
    *("MMM DD, YYYY", "YYYYMMDD", "YYYY/DD/MM", "YYYY-DD-MM", "YYYYDDMM"),
)
_MONTHS: Final = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_FULL: Final = (
    *("january", "february", "march", "april", "may", "june", "july"),
    *("august", "september", "october", "november", "december"),
)
_DIRECTIVES: Final = {"d": "DD", "m": "MM", "Y": "YYYY", "y": "YY", "b": "MMM", "B": "MMM", "%": "%"}
_directive = re.compile(r"%(.?)")
_token = re.compile(r"YYYY|YY|ROC|MMMM?|MM?|DD?|(?P<mark>[^A-Za-z0-9%])|(?P<odd>.)", re.IGNORECASE | re.DOTALL)
_midnight = r"(?:[ T]0?0:?00(?::?00(?:[.,]0+)?)?\s*(?:Z|[+-]\d\d:?\d\d)?)?"
_iso = re.compile(r"(\d{4})-(\d\d)-(\d\d)" + _midnight, re.ASCII)
_PARTS: Final = {"YYYY": "year", "YY": "short", "ROC": "republic", "MMM": "name", "MM": "month", "DD": "day"}
_WIDTHS: Final = {"year": "4", "short": "2", "republic": "3", "month": "2", "day": "2"}
_LOOSE: Final = {"republic": "1,3", "month": "1,2", "day": "1,2"}


class Reading(NamedTuple):
    """What may be said of a column's values: the formats in which all of them are days, usual ones first."""

    values: int
    fitting: list[str]


@dataclass(frozen=True, slots=True)
class DateFormat:
    """A way to write days.

    `YYYY` year, `YY` its last two digits (the latest such year that has begun), `ROC` year of the Republic of China,
    `MM` month, `MMM` its English name, long or short, `DD` day; case does not matter, or the directives
    `%d %m %Y %y %b %B`. Between marks, leading zeros may be missing.
    """

    text: str
    pattern: re.Pattern[str]

    @classmethod
    def parse(cls, text: str) -> "DateFormat":
        """The format that a text describes; raises `ValueError`."""
        return _parsed(text)

    def read(self, value: str) -> str:
        """The day as `YYYY-MM-DD`, which is understood too where this is no such pattern; raises `ValueError`."""
        text = unicodedata.normalize("NFKC", value).strip()
        found = self.pattern.fullmatch(text)
        if found is None:
            if iso := _iso.fullmatch(text):
                return _day(*(int(part) for part in iso.groups()))
            said = "" if self.text == ISO else f"{self.text}, as the list says, or as "
            raise ValueError(f"Give a day as {said}{ISO}.")
        part = found.groupdict()
        year = int(part.get("year") or 0) or _full(part)
        month = _MONTHS.index(part["name"][:3].lower()) + 1 if "name" in part else int(part["month"])
        return _day(year, month, int(part["day"]))


def fitting(values: Sequence[str], *, birth: bool, given: DateFormat | None = None) -> Reading:
    """In which formats all `values` are days (of birth: not to come); what is a day in none of them counts for nothing.

    `YYYY-MM-DD` stands for what is understood without a format.
    """
    plain = {value for value in values if _is_day(None, value, birth=birth)}
    tried = dict.fromkeys([given] if given is not None else [])
    tried |= dict.fromkeys(map(DateFormat.parse, _USUAL))
    read = {
        each.text: {value for value in values if _is_day(each, value, birth=birth)}
        for each in tried
        if any(map(each.pattern.fullmatch, values))
    }
    days = plain.union(*read.values())
    if not days:
        return Reading(0, [])
    if plain == days:
        return Reading(
            len(days), [ISO, *(text for text in read if given and text == given.text and read[text] == days)]
        )
    return Reading(len(days), [text for text, found in read.items() if found == days])


def _is_day(how: DateFormat | None, value: str, *, birth: bool) -> bool:
    try:
        day = value if how is None and birth else (how or DateFormat.parse(ISO)).read(value)
        if birth:
            birth_date(day)
    except ValueError:
        return False
    return True


def _day(year: int, month: int, day: int) -> str:
    try:
        return date(year, month, day).isoformat()
    except ValueError:
        raise ValueError(f"There is no day {day} in month {month} of {year}.") from None


def _full(part: dict[str, str]) -> int:
    if "republic" in part:
        return int(part["republic"]) + _REPUBLIC
    this = datetime.now(UTC).year
    year = this // 100 * 100 + int(part["short"])
    return year if year <= this else year - 100


@lru_cache(maxsize=256)
def _parsed(text: str) -> DateFormat:
    plain = _directive.sub(_plain, text) if "%" in text else text
    found = list(_tokens(plain))
    names = [name for name, _ in found if name]
    years = sum(name in {"year", "short", "republic"} for name in names)
    months = sum(name in {"month", "name"} for name in names)
    if (years, months, names.count("day")) != (1, 1, 1):
        raise ValueError(
            "A date format has one year (YYYY, YY or ROC), one month (MM or MMM) and one day (DD), "
            f"for example {', '.join(EXAMPLES)}."
        )
    pattern = "".join(_piece(found, place) for place in range(len(found)))
    return DateFormat(text, re.compile(pattern + _midnight, re.ASCII | re.IGNORECASE))


def _plain(found: re.Match[str]) -> str:
    try:
        return _DIRECTIVES[found[1]]
    except KeyError:
        raise ValueError(f"A date format has no directive {found[0]}; it has %d %m %Y %y %b %B.") from None


def _tokens(text: str) -> Iterator[tuple[str, str]]:
    """Names of parts, and the marks between them, which have none."""
    for found in _token.finditer(text):
        token = found[0].upper()
        if found["odd"]:
            raise ValueError(
                f"A date format has no {found[0]!r}; it is made of YYYY YY ROC MM MMM DD and marks, "
                f"for example {', '.join(EXAMPLES)}."
            )
        name = "" if found["mark"] else _PARTS[{"MMMM": "MMM", "M": "MM", "D": "DD"}.get(token, token)]
        yield name, found[0]


def _piece(found: Sequence[tuple[str, str]], place: int) -> str:
    name, mark = found[place]
    if not name:
        return r"\s+" if mark.isspace() else re.escape(mark)
    if name == "name":
        return f"(?P<name>{'|'.join((*_FULL, *_MONTHS, 'sept'))})" + r"\.?"
    # Between marks the figures end where the mark is; side by side only their number tells.
    beside = [found[each][0] for each in (place - 1, place + 1) if 0 <= each < len(found)]
    width = _WIDTHS[name] if any(each not in {"", "name"} for each in beside) else _LOOSE.get(name, _WIDTHS[name])
    return rf"(?P<{name}>\d{{{width}}})"


def texts_of(values: Iterable[object]) -> list[str]:
    """Values that may be dates, as text, each once."""
    found = (str(value).strip() for value in values if isinstance(value, str | int) and not isinstance(value, bool))
    return list(dict.fromkeys(each for each in found if each))
