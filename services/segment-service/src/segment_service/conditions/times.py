"""Times in rules: dates, moments, and spans of time before or after now. Pure.

A date stands for its whole day in UTC. Units of a span: `h` hours, `d` days of 24 hours, `w` weeks, `m` calendar
months, `y` calendar years; a month added to the 31st ends on the last day of a shorter month.
"""

import re
from calendar import monthrange
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final, NamedTuple

_LEAP: Final = r"(?:[12][0-9](?:0[48]|[2468][048]|[13579][26])|(?:12|16|20|24|28)00)-02-29"
_COMMON: Final = (
    r"[12][0-9]{3}-(?:(?:0[13578]|1[02])-(?:0[1-9]|[12][0-9]|3[01])|(?:0[469]|11)-(?:0[1-9]|[12][0-9]|30)"
    r"|02-(?:0[1-9]|1[0-9]|2[0-8]))"
)
_DAY: Final = rf"(?:{_COMMON}|{_LEAP})"
_CLOCK: Final = r"(?:[01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9](?:\.[0-9]{1,6})?"
_OFFSET: Final = r"(?:Z|[+-](?:[01][0-9]|2[0-3]):[0-5][0-9])"
_SPAN: Final = r"(?:[0-9]{1,6}h|[0-9]{1,5}d|[0-9]{1,4}w|[0-9]{1,3}m|[0-9]{1,2}y)"

# The same patterns check rules here and stand in the published schema.
MOMENT: Final = rf"^{_DAY}(?:T{_CLOCK}{_OFFSET})?$"
SPAN: Final = rf"^{_SPAN}$"
RELATIVE: Final = rf"^[+-]?{_SPAN}$"
PAST: Final = rf"^-{_SPAN}$"

# `$` of the schema's dialect is the end of the text; in Python a line feed may still follow.
_moment = re.compile(MOMENT[1:-1])
_span = re.compile(rf"([+-]?)({_SPAN})")

_HOURS: Final = {"h": 1, "d": 24, "w": 168}
_MONTHS: Final = {"m": 1, "y": 12}
_MICROSECOND: Final = timedelta(microseconds=1)
_FIRST: Final = datetime.min.replace(tzinfo=UTC)
_LAST: Final = datetime.max.replace(tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Span:
    """So many hours, or so many calendar months, from now; below zero is before now."""

    hours: int = 0
    months: int = 0

    @property
    def longest(self) -> timedelta:
        """At least as long, as a duration."""
        return timedelta(hours=abs(self.hours), days=31 * abs(self.months))

    def __neg__(self) -> "Span":
        return Span(-self.hours, -self.months)


class Moment(NamedTuple):
    """From `start` up to, not including, `end`: a whole day, or one microsecond."""

    start: datetime
    end: datetime


def read_moment(text: str) -> Moment | None:
    """The day or moment of a text; None when it is neither."""
    if _moment.fullmatch(text) is None:
        return None
    if len(text) == 10:
        day = datetime.fromisoformat(text).replace(tzinfo=UTC)
        return Moment(day, day + timedelta(days=1))
    at = datetime.fromisoformat(text).astimezone(UTC)
    return Moment(at, at + _MICROSECOND)


def read_span(text: str) -> Span | None:
    """The span of a text such as `-30d`; None when it is none."""
    found = _span.fullmatch(text)
    if found is None:
        return None
    sign, amount = found.groups()
    number = int(amount[:-1]) * (-1 if sign == "-" else 1)
    unit = amount[-1]
    return Span(hours=number * _HOURS[unit]) if unit in _HOURS else Span(months=number * _MONTHS[unit])


def later(at: datetime, span: Span) -> datetime:
    """The time that is `span` after `at`, the first or last that there is when it lies beyond."""
    try:
        months = at.year * 12 + at.month - 1 + span.months
        year, month = divmod(months, 12)
        moved = at.replace(year=year, month=month + 1, day=min(at.day, monthrange(year, month + 1)[1]))
        return moved + timedelta(hours=span.hours)
    except (ValueError, OverflowError):
        return _LAST if (span.months or span.hours) > 0 else _FIRST
