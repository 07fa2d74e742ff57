"""When something happened, from three clocks of which two may be wrong."""

from datetime import UTC, datetime, timedelta

from interaction_service.collector.messages import Scalar

EARLIEST = datetime(1970, 1, 1, tzinfo=UTC)
FUTURE = timedelta(days=1)
# Below this the clocks agree and the difference is the network's.
AGREEMENT = timedelta(seconds=2)
_MILLISECONDS_FROM = 100_000_000_000


def moment(value: Scalar) -> datetime | None:
    """A time in UTC from ISO 8601 (without a zone: UTC) or from seconds or milliseconds since 1970; None for nothing.

    Raises `ValueError`.
    """
    if isinstance(value, str):
        if not value:
            return None
        at = datetime.fromisoformat(value)
        if at.tzinfo is UTC:
            return at
        try:
            return at.astimezone(UTC) if at.tzinfo else at.replace(tzinfo=UTC)
        except OverflowError as error:
            raise ValueError("it lies outside the years 1 to 9999") from error
    if value is None:
        return None
    try:
        return datetime.fromtimestamp(value / 1000 if abs(value) >= _MILLISECONDS_FROM else value, UTC)
    except (OverflowError, OSError) as error:
        raise ValueError("it lies outside the years 1 to 9999") from error


def occurred(at: datetime | None, sent_at: datetime | None, received_at: datetime) -> datetime | None:
    """When it happened by our clock, given the sender's two times; None when those are absurd.

    The sender's clock is wrong by `received_at - sent_at`, as Segment computes it. Absurd is what would lie before
    1970 or more than a day ahead.
    """
    if at is None:
        return received_at
    try:
        if sent_at is not None and abs(skew := received_at - sent_at) > AGREEMENT:
            at += skew
    except OverflowError:
        return None
    return at if EARLIEST <= at <= received_at + FUTURE else None
