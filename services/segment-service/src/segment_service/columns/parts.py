"""Names of the column files: orders, events and costs of contacts by month, orders of several identities, the map."""

from collections.abc import Iterable
from datetime import UTC, date, datetime, timedelta
from typing import Final

TWINS: Final = "twins"
IDENTITIES: Final = "identities"
_MONTHS: Final = "purchases-"
_SERVICE: Final = "service-"
EVENTS: Final = "event-"


def month_part(at: datetime, prefix: str = _MONTHS) -> str:
    """The file that holds an order of this time."""
    at = at.astimezone(UTC)
    return f"{prefix}{at.year:04d}-{at.month:02d}"


def event_part(at: datetime) -> str:
    """The files that hold events of this time."""
    return month_part(at, EVENTS)


def month_of(part: str, prefix: str = _MONTHS) -> tuple[datetime, datetime] | None:
    """First moment of a part's month and of the next one, None for a part that is not a month."""
    if not part.startswith(prefix):
        return None
    year, month = (int(digits) for digits in part.removeprefix(prefix).split("-"))
    return datetime(year, month, 1, tzinfo=UTC), datetime(year + month // 12, month % 12 + 1, 1, tzinfo=UTC)


def service_part(month: date) -> str:
    """The file that holds what contacts of this month cost."""
    return f"{_SERVICE}{month.year:04d}-{month.month:02d}"


def service_month(part: str) -> date | None:
    """The first day of the month whose contacts a part holds, None for any other part."""
    if not part.startswith(_SERVICE):
        return None
    year, month = (int(digits) for digits in part.removeprefix(_SERVICE).split("-"))
    return date(year, month, 1)


def months_between(parts: Iterable[str], since: date, until: date | None) -> set[str]:
    """Those of `parts` that may hold orders from a day on, up to the day before `until`."""
    first = f"{_MONTHS}{since.year:04d}-{since.month:02d}"
    last = None if until is None else until - timedelta(days=1)
    end = "~" if last is None else f"{_MONTHS}{last.year:04d}-{last.month:02d}"
    return {part for part in parts if part.startswith(_MONTHS) and first <= part <= end}
