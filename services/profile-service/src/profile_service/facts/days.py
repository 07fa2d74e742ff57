"""Days as people and systems write them, the year first; what could mean two days is refused. Pure."""

import re
import unicodedata
from calendar import monthrange
from datetime import UTC, date, datetime
from typing import Final

_EARLIEST: Final = 1850
_REPUBLIC: Final = 1911  # 民國元年 is 1912
_plain = re.compile(r"\d{4}-\d\d-\d\d")
_written = re.compile(
    r"(?P<era>(?:中華)?民國|(?:中华)?民国)?\s*(?P<year>\d{1,4}|元)"
    r"(?:\s*年\s*(?P<m1>\d{1,2})\s*月\s*(?P<d1>\d{1,2})\s*[日號号]?|([-/.])\s*(?P<m2>\d{1,2})\5\s*(?P<d2>\d{1,2})\.?)"
)
_digits = re.compile(r"(?P<year>\d{4})(?P<month>\d\d)(?P<day>\d\d)")
_midnight = re.compile(r"[Tt ]00:?00(?::?00(?:[.,]0+)?)?\s*(?:[Zz]|[+-]\d\d:?\d\d)?")
_year_last = re.compile(r"\d{1,2}[-/. ]\d{1,2}[-/. ]\d{4}")
_FORM: Final = "Give a day that exists as YYYY-MM-DD."


def birth_date(value: str) -> str:
    """A day from 1850 to today as `YYYY-MM-DD`; raises `ValueError`.

    Also read are `1990/2/3`, `1990.2.3`, `19900203`, `1990年2月3日`, `民國79年2月3日`, and a timestamp at midnight.
    """
    year, month, day = _parts(value)
    if not 1 <= month <= 12:
        raise ValueError(f"There is no month {month}. {_FORM}")
    if not _EARLIEST <= year <= 9999:
        raise ValueError("A birth date lies between 1850 and today.")
    days = monthrange(year, month)[1]
    if not 1 <= day <= days:
        raise ValueError(f"Month {month} of {year} has {days} days. {_FORM}")
    found = date(year, month, day)
    if found > datetime.now(UTC).date():
        raise ValueError("A birth date lies between 1850 and today.")
    return found.isoformat()


def _parts(value: str) -> tuple[int, int, int]:
    if _plain.fullmatch(value) and value.isascii():
        return int(value[:4]), int(value[5:7]), int(value[8:])
    text = _day_alone(unicodedata.normalize("NFKC", value).strip())
    if found := _digits.fullmatch(text):
        return int(found["year"]), int(found["month"]), int(found["day"])
    if found := _written.fullmatch(text):
        year = 1 if found["year"] == "元" else int(found["year"])
        month, day = found["m1"] or found["m2"], found["d1"] or found["d2"]
        return _full_year(year, found["year"], era=bool(found["era"])), int(month), int(day)
    if _year_last.fullmatch(text):
        raise ValueError(f"Day and month could be either: put the year first. {_FORM}")
    raise ValueError(_FORM)


def _day_alone(text: str) -> str:
    """The day of a timestamp: systems that know nothing else send midnight; any other time hides what day is meant."""
    head, mark, rest = text[:10], text[10:11], text[10:]
    if not (_plain.fullmatch(head) and mark in {"T", "t", " "}):
        return text
    if not _midnight.fullmatch(rest):
        raise ValueError(f"Leave out the time of day. {_FORM}")
    return head


def _full_year(year: int, written: str, *, era: bool) -> int:
    if era:
        return year + _REPUBLIC
    if len(written) == 4:
        return year
    if len(written) == 3:
        raise ValueError("Write a year of the Republic as 民國, for example 民國105年2月3日, or give YYYY-MM-DD.")
    raise ValueError("Give the year with four digits, as YYYY-MM-DD.")
