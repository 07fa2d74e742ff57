"""Names of the column files: orders by month, orders known under several identities, the map of identities."""

from datetime import UTC, datetime
from typing import Final

TWINS: Final = "twins"
IDENTITIES: Final = "identities"
_MONTHS: Final = "purchases-"


def month_part(at: datetime) -> str:
    """The file that holds an order of this time."""
    at = at.astimezone(UTC)
    return f"{_MONTHS}{at.year:04d}-{at.month:02d}"


def month_of(part: str) -> tuple[datetime, datetime] | None:
    """First moment of a part's month and of the next one, None for a part that is not a month."""
    if not part.startswith(_MONTHS):
        return None
    year, month = (int(digits) for digits in part.removeprefix(_MONTHS).split("-"))
    return datetime(year, month, 1, tzinfo=UTC), datetime(year + month // 12, month % 12 + 1, 1, tzinfo=UTC)
