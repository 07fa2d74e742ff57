"""Rollups and what is answered from them. Pure."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

import msgspec


class Share(msgspec.Struct):
    """A channel's part of a history."""

    channel: str
    count: int
    first_at: datetime
    last_at: datetime


class Seen(msgspec.Struct):
    """What the fold needs of a recorded touchpoint."""

    identity_id: UUID
    channel: str
    type: str
    occurred_at: datetime


class Addition(NamedTuple):
    """What a rollup grows by."""

    identity_id: UUID
    channel: str
    type: str
    touchpoints: int
    first_at: datetime
    last_at: datetime


class Totals(msgspec.Struct):
    """A history in figures; `by_channel` counts touchpoints."""

    touchpoints: int
    first_at: datetime | None
    last_at: datetime | None
    by_channel: dict[str, int]


def additions(touchpoints: Iterable[Seen]) -> list[Addition]:
    """Touchpoints in any order, folded into one addition for each identity, channel and type."""
    folded: dict[tuple[UUID, str, str], tuple[int, datetime, datetime]] = {}
    for each in touchpoints:
        key, at = (each.identity_id, each.channel, each.type), each.occurred_at
        count, first, last = folded.get(key, (0, at, at))
        folded[key] = (count + 1, min(first, at), max(last, at))
    return [Addition(*key, *value) for key, value in folded.items()]


def totals(rolled: Sequence[Share], counted: Sequence[Share]) -> Totals:
    """The figures of a history: as counted, where rollups were short enough for that, else as rolled up.

    A count that stopped at its limit still comes nearer than rollups that are far behind.
    """
    shares = counted or rolled
    return Totals(
        sum(each.count for each in shares),
        min((each.first_at for each in shares), default=None),
        max((each.last_at for each in shares), default=None),
        {each.channel: each.count for each in sorted(shares, key=lambda each: (-each.count, each.channel))},
    )
