"""Calculations over the column files."""

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, Final, NamedTuple
from uuid import UUID

from duckdb import DuckDBPyConnection

from segment_service.columns import statements
from segment_service.columns.store import Files
from segment_service.pyramid.rules import Basis, Cutoffs

_EVER: Final = datetime(9999, 12, 31, tzinfo=UTC)


class Question(NamedTuple):
    """Which customers to rank: orders from `since` on count, those after `until` are left out; None is no bound."""

    since: datetime
    until: datetime | None
    basis: Basis
    cutoffs: Cutoffs
    currency: str


class ClassSize(NamedTuple):
    """How many customers a class has and what they bought; orders without a known cost and in other currencies."""

    value_class: str
    customers: int
    sales: Decimal
    profit: Decimal
    costless: int
    elsewhere: int


class Bound(NamedTuple):
    """The last customer of a class."""

    value_class: str
    sales: Decimal
    last_order_at: datetime
    profile_id: UUID


class Quintiles(NamedTuple):
    """Upper bounds of the lower four fifths of all who ever ordered."""

    recency: list[datetime]
    frequency: list[int]
    revenue: list[Decimal]


class Ranks(NamedTuple):
    """What a ranking of everybody found; `customers` of them are in the file of scores."""

    customers: int
    bounds: list[Bound]
    quintiles: Quintiles


def class_sizes(duck: DuckDBPyConnection, files: Files, question: Question) -> list[ClassSize]:
    """The classes that have customers; in no order."""
    _rank(duck, files, question)
    sizes = [ClassSize(*row) for row in duck.execute(statements.CLASSES).fetchall()]
    found = duck.execute(
        statements.without_orders(files),
        {"as_of": _plain(question.until), **({"identities": files.identities} if files.identities else {})},
    ).fetchone()
    prospects, others = found or (0, 0)
    nothing = (Decimal(0), Decimal(0), 0, 0)
    return [
        *sizes,
        ClassSize("prospect", prospects, *nothing),
        ClassSize("suspect", others - prospects, *nothing),
    ]


def rank_everybody(duck: DuckDBPyConnection, files: Files, question: Question, target: str) -> Ranks:
    """Class and RFM scores of every customer, written to the CSV file `target`, and the bounds between them."""
    _rank(duck, files, question)
    bounds = [
        Bound(value_class, sales, last.replace(tzinfo=UTC), profile)
        for value_class, sales, last, profile in duck.execute(statements.LAST_OF_CLASS).fetchall()
    ]
    recency, frequency, revenue = (values or [] for values in duck.execute(statements.QUINTILES).fetchone() or ())
    arguments: dict[str, Any] = {
        f"{name}_{index}": value
        for name, values in (("recency", recency), ("frequency", frequency), ("revenue", revenue))
        for index, value in enumerate(values)
    }
    written = duck.execute(statements.scores((recency, frequency, revenue), target), arguments).fetchone()
    quintiles = Quintiles([each.replace(tzinfo=UTC) for each in recency], frequency, revenue)
    return Ranks(written[0] if written else 0, bounds, quintiles)


def _rank(duck: DuckDBPyConnection, files: Files, question: Question) -> None:
    arguments: dict[str, Any] = {"as_of": _plain(question.until), "from": _plain(question.since)}
    for name in ("purchases", "twins", "identities"):
        if paths := getattr(files, name):
            arguments[name] = paths
    if files.twins:
        arguments["currency"] = question.currency
    duck.execute(statements.customers(files), arguments)
    duck.execute(statements.ranked(question.basis), question.cutoffs._asdict())


def _plain(at: datetime | None) -> datetime:
    return (at or _EVER).astimezone(UTC).replace(tzinfo=None)
