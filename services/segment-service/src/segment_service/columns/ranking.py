"""Calculations over the column files."""

from collections.abc import Sequence
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, Final, NamedTuple
from uuid import UUID

from duckdb import DuckDBPyConnection

from segment_service.columns import statements
from segment_service.columns.store import Files
from segment_service.pyramid.rules import Basis, Cutoffs
from segment_service.standing.rules import Bound, Quintiles, Ranks

_EVER: Final = datetime(9999, 12, 31, tzinfo=UTC)


class Question(NamedTuple):
    """Which customers to rank: orders from `since` on count, those after `until` are left out; None is no bound."""

    since: datetime
    until: datetime | None
    basis: Basis
    cutoffs: Cutoffs


class ClassSize(NamedTuple):
    """How many customers a class has and what they bought; orders without a known cost and in other currencies.

    `losing` customers have a profit below zero, together `loss`; `cost` is what contacts cost.
    """

    value_class: str
    customers: int
    sales: Decimal
    profit: Decimal
    costless: int = 0
    elsewhere: int = 0
    losing: int = 0
    loss: Decimal = Decimal(0)
    cost: Decimal = Decimal(0)


class Key(NamedTuple):
    """What customers are listed by."""

    amount: Decimal
    age: int
    profile_id: UUID


class Line(NamedTuple):
    """One customer of a list; `place` is None for those who are not active."""

    profile_id: UUID
    value_class: str
    place: int | None
    orders: int
    sales: Decimal
    profit: Decimal
    cost: Decimal
    last_order_at: datetime | None
    key: Key


class Listed(NamedTuple):
    """A page of customers, and how many there are on all pages with what they bought."""

    customers: int
    sales: Decimal
    profit: Decimal
    lines: list[Line]


def class_sizes(duck: DuckDBPyConnection, files: Files, question: Question) -> list[ClassSize]:
    """The classes that have customers; in no order."""
    place(duck, files, question)
    return [ClassSize(*row) for row in duck.execute(statements.CLASSES).fetchall()]


def listed(
    duck: DuckDBPyConnection,
    files: Files,
    question: Question,
    classes: Sequence[str],
    *,
    below_zero: bool,
    after: Key | None,
    limit: int,
) -> Listed:
    """Customers of some classes, best first or with `below_zero` the largest loss first, behind the key `after`."""
    place(duck, files, question)
    duck.execute(statements.listed(question.basis, below_zero=below_zero), {"classes": list(classes)})
    customers, sales, profit = duck.execute(statements.LISTED_SIZE).fetchone() or (0, Decimal(0), Decimal(0))
    rows = duck.execute(
        statements.listed_page(behind=after is not None), {"limit": limit, **(after._asdict() if after else {})}
    ).fetchall()
    lines = [Line._make((*row[:7], _aware(row[7]), Key(row[8], row[9], row[0]))) for row in rows]
    return Listed(customers, sales, profit, lines)


def place(duck: DuckDBPyConnection, files: Files, question: Question, name: str = "placed") -> None:
    """Make the table `name` with the class of everybody."""
    _rank(duck, files, question)
    arguments = {"identities": files.identities} if files.identities else {}
    duck.execute(statements.placed(files, name), {"as_of": _plain(question.until), **arguments})
    duck.execute("DROP TABLE ranked")
    duck.execute("DROP TABLE customer")


def bounds(duck: DuckDBPyConnection, files: Files, question: Question) -> Ranks:
    """The bounds between classes and between scores; `customers` counts those who ever ordered."""
    if question.basis == "revenue":
        # What contacts cost places nobody by revenue.
        files = files._replace(service=[])
    _rank(duck, files, question)
    found = [
        Bound(value_class, sales, last.replace(tzinfo=UTC), profile)
        for value_class, sales, last, profile in duck.execute(statements.LAST_OF_CLASS).fetchall()
    ]
    customers, recency, frequency, revenue = duck.execute(statements.QUINTILES).fetchone() or (0, None, None, None)
    quintiles = Quintiles([each.replace(tzinfo=UTC) for each in recency or []], frequency or [], revenue or [])
    return Ranks(customers, found, quintiles)


def rank_everybody(
    duck: DuckDBPyConnection, files: Files, question: Question, target: str, fixed: Quintiles | None = None
) -> Ranks:
    """Class and RFM scores of every customer, written to the CSV file `target`, and the bounds between them.

    Scores are by quintiles unless other bounds are `fixed`.
    """
    ranks = bounds(duck, files, question)
    ranks = ranks if fixed is None else ranks._replace(quintiles=fixed)
    recency, frequency, revenue = ranks.quintiles
    times = [_plain(each) for each in recency]
    arguments: dict[str, Any] = {
        f"{name}_{index}": value
        for name, values in (("recency", times), ("frequency", frequency), ("revenue", revenue))
        for index, value in enumerate(values)
    }
    written = duck.execute(statements.scores((times, frequency, revenue), target), arguments).fetchone()
    return ranks._replace(customers=written[0] if written else 0)


def _rank(duck: DuckDBPyConnection, files: Files, question: Question) -> None:
    arguments: dict[str, Any] = {"as_of": _plain(question.until), "from": _plain(question.since)}
    for name in ("purchases", "twins", "identities", "service"):
        if paths := getattr(files, name):
            arguments[name] = paths
    duck.execute(statements.customers(files), arguments)
    cutoffs = question.cutoffs._asdict()
    duck.execute(statements.ranked(question.basis, cutoffs.pop("by")), cutoffs)


def _aware(at: datetime | None) -> datetime | None:
    return None if at is None else at.replace(tzinfo=UTC)


def _plain(at: datetime | None) -> datetime:
    return (at or _EVER).astimezone(UTC).replace(tzinfo=None)
