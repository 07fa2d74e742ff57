"""Which days a change of dated figures concerns: pure rules."""

from collections.abc import Mapping
from datetime import date
from typing import Any, NamedTuple


class Days(NamedTuple):
    """From `since` up to the day before `until`, for ever if that is None."""

    since: date
    until: date | None


def concerned(before: Mapping[date, Any], after: Mapping[date, Any]) -> Days | None:
    """The days on which what holds is another figure now; each figure holds from its date up to the next one's."""
    dates = sorted({*before, *after})
    differing: list[int] = []
    was = now = None
    for place, day in enumerate(dates):
        was, now = before.get(day, was), after.get(day, now)
        if was != now:
            differing.append(place)
    if not differing:
        return None
    end = differing[-1] + 1
    return Days(dates[differing[0]], dates[end] if end < len(dates) else None)
