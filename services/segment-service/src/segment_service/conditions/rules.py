"""Rules as a typed tree. Pure; `parser.parse` makes it from JSON.

What a condition says of a value that is not there: nothing matches it, `ne` and `nin` neither; only `not` and
`"exists": false` turn that round. So a rule is true or false of a customer, never unknown.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Literal

from segment_service.conditions.metrics import AggregateKind
from segment_service.conditions.times import Span

Scalar = str | Decimal | bool
Operand = Scalar | tuple[Scalar, ...] | datetime | Span
Operator = Literal["eq", "ne", "in", "nin", "gt", "gte", "lt", "lte", "contains", "starts_with", "exists"]


@dataclass(frozen=True, slots=True)
class Comparison:
    """One comparison. Times are compared by `gt gte lt lte` alone, whatever word the rule used."""

    operator: Operator
    operand: Operand


@dataclass(frozen=True, slots=True)
class Comparisons:
    """Comparisons that hold together for the values in one place.

    Some one value must satisfy all of `positive`. `negative` holds what `ne` and `nin` exclude: there must be a value,
    and none that satisfies one of these. `exists` says whether there must be a value at all, or none.
    """

    positive: tuple[Comparison, ...] = ()
    negative: tuple[Comparison, ...] = ()
    exists: bool | None = None


@dataclass(frozen=True, slots=True)
class All:
    """True when every part is; of no parts, true."""

    parts: tuple["Rule", ...]


@dataclass(frozen=True, slots=True)
class Any_:  # noqa: N801  `Any` is taken
    """True when some part is; of no parts, false."""

    parts: tuple["Rule", ...]


@dataclass(frozen=True, slots=True)
class Not:
    """True when the part is not."""

    part: "Rule"


@dataclass(frozen=True, slots=True)
class Trait:
    """A trait or fact of the profile; `address.city` is a key too."""

    key: str
    tests: Comparisons


@dataclass(frozen=True, slots=True)
class Metric:
    """A figure of the customer."""

    name: str
    tests: Comparisons


@dataclass(frozen=True, slots=True)
class Rfm:
    """The customer's three scores, as one number such as 545, are among these."""

    codes: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Window:
    """Which times count: from `start` up to, not including, `end`; a span counts from now.

    An event at `now + start` is out and one at `now + end` is in, so that what counts "within 90 days" ceases to count
    exactly 90 days later. Nothing counts before its time has come.
    """

    start: datetime | Span | None = None
    end: datetime | Span | None = None


@dataclass(frozen=True, slots=True)
class Aggregate:
    """A figure over the events that count: of values at the path `of`, of times (`first`, `last`), or their number."""

    kind: AggregateKind
    of: str | None
    tests: Comparisons


@dataclass(frozen=True, slots=True)
class Event:
    """What the customer's events say together."""

    names: tuple[str, ...]
    channels: tuple[str, ...] | None = None
    directions: tuple[str, ...] | None = None
    where: tuple[tuple[str, Comparisons], ...] = ()
    window: Window = Window()
    aggregates: tuple[Aggregate, ...] = ()


@dataclass(frozen=True, slots=True)
class InClass:
    """The customer's value class is one of these."""

    classes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class InStage:
    """The customer's lifecycle stage is one of these."""

    stages: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class InSegment:
    """The customer is a member of one of these segments."""

    keys: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Consent:
    """The customer may be contacted on the channel for the purpose."""

    channel: str
    purpose: str


@dataclass(frozen=True, slots=True)
class Grade:
    """The customer's grade in a scheme is one of these."""

    scheme: str
    grades: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Need:
    """The customer belongs to one of these need groups."""

    groups: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Relationship:
    """The customer has a relationship of one of these kinds, with `other` if given."""

    kinds: tuple[str, ...]
    other: str | None = None


@dataclass(frozen=True, slots=True)
class Listed:
    """The customer is one of these profiles."""

    profiles: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Random:
    """The customer's draw for this salt is at least `low` and below `high`, of `random.SCALE`."""

    salt: str
    low: int
    high: int


Condition = (
    Trait
    | Metric
    | Rfm
    | Event
    | InClass
    | InStage
    | InSegment
    | Consent
    | Grade
    | Need
    | Relationship
    | Listed
    | Random
)
Rule = All | Any_ | Not | Condition


def conditions(rule: Rule) -> Iterator[Condition]:
    """Every condition of a rule, in the order in which they stand."""
    if isinstance(rule, All | Any_):
        for part in rule.parts:
            yield from conditions(part)
    elif isinstance(rule, Not):
        yield from conditions(rule.part)
    else:
        yield rule
