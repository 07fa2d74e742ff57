"""How customers moved between classes, computed from the column files."""

from decimal import Decimal
from typing import Any, NamedTuple
from uuid import UUID

from duckdb import DuckDBPyConnection

from segment_service.columns import statements
from segment_service.columns.ranking import Question, place
from segment_service.columns.store import Files


class Cell(NamedTuple):
    """Customers who were in one class and are in another (or the same), and what they bought in either period."""

    from_class: str
    to_class: str
    customers: int
    sales_from: Decimal
    sales_to: Decimal
    profit_from: Decimal
    profit_to: Decimal


class Mover(NamedTuple):
    """One customer, with the amount by which they are listed."""

    profile_id: UUID
    from_class: str
    to_class: str
    sales_from: Decimal
    sales_to: Decimal
    profit_from: Decimal
    profit_to: Decimal
    amount: Decimal


class Wanted(NamedTuple):
    """Which movers: of these classes (None is any), behind the amount and id of one."""

    from_class: str | None
    to_class: str | None
    behind: tuple[Decimal, UUID] | None
    limit: int


def matrix(duck: DuckDBPyConnection, files: Files, before: Question, after: Question) -> list[Cell]:
    """The pairs of classes that have customers; in no order."""
    _move(duck, files, before, after)
    return [Cell(*row) for row in duck.execute(statements.MATRIX).fetchall()]


def movers(duck: DuckDBPyConnection, files: Files, before: Question, after: Question, wanted: Wanted) -> list[Mover]:
    """Customers of some cells, those who bought most in both periods first."""
    _move(duck, files, before, after)
    arguments: dict[str, Any] = {"from_class": wanted.from_class, "to_class": wanted.to_class, "limit": wanted.limit}
    if wanted.behind is not None:
        arguments |= {"amount": wanted.behind[0], "profile_id": wanted.behind[1]}
    rows = duck.execute(statements.movers(behind=wanted.behind is not None), arguments).fetchall()
    return [Mover(*row) for row in rows]


def _move(duck: DuckDBPyConnection, files: Files, before: Question, after: Question) -> None:
    place(duck, files, before, "class_before")
    place(duck, files, after, "class_after")
    duck.execute(statements.MOVED)
