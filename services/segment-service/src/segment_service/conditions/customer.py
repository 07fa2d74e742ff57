"""One customer as plain data: all that a rule can ask about. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Any, NamedTuple
from uuid import UUID


class Leaf(NamedTuple):
    """One value of a trait or of an event's data, in every reading that fits it."""

    text: str | None = None
    number: Decimal | None = None
    flag: bool | None = None
    at: datetime | None = None


class Happening(NamedTuple):
    """An event; `values` are the leaves at each path of its data."""

    name: str
    occurred_at: datetime
    channel: str | None = None
    direction: str | None = None
    values: Mapping[str, Sequence[Leaf]] = {}


class Word(NamedTuple):
    """What counts of the customer's consent on a channel for a purpose."""

    channel: str
    purpose: str
    granted: bool
    until: datetime | None = None


class Bond(NamedTuple):
    """A relationship, over from `until`."""

    kind: str
    other: UUID
    until: datetime | None = None


@dataclass(frozen=True, slots=True)
class Customer:
    """What is known of a profile at `now`; all times have an offset.

    `standing` has the columns of the relation `customer`, None for what there is not.
    """

    profile_id: UUID
    now: datetime
    standing: Mapping[str, Any] = field(default_factory=dict)
    traits: Mapping[str, Sequence[Leaf]] = field(default_factory=dict)
    events: Sequence[Happening] = ()
    consents: Sequence[Word] = ()
    segments: frozenset[str] = frozenset()
    grades: frozenset[tuple[str, str]] = frozenset()
    needs: frozenset[str] = frozenset()
    relationships: Sequence[Bond] = ()
