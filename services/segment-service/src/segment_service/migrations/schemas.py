"""Migrations between classes as they are asked for and answered."""

from datetime import datetime
from typing import Annotated, Self
from uuid import UUID

from pydantic import BaseModel, Field, model_validator

from segment_service.money import Money
from segment_service.pyramid.rules import Basis, ValueClass
from segment_service.pyramid.schemas import CutoffsOut, Moment, PyramidPeriod, Ranked


class MigrationQuery(Ranked):
    """Two dates; the classes of each are those of the pyramid at that date."""

    from_: Annotated[Moment, Field(alias="from", description="Earlier; without a time, the end of the day in UTC")]
    to: Annotated[Moment, Field(description="Later")]

    @model_validator(mode="after")
    def _one_after_the_other(self) -> Self:
        if self.from_ >= self.to:
            raise ValueError("`from` must be before `to`")
        return self


class MoversQuery(MigrationQuery):
    """Customers of one cell of the matrix, or of a row or column of it."""

    from_class: ValueClass | None = None
    to_class: ValueClass | None = None
    limit: Annotated[int, Field(ge=1, le=500, description="How many items at most")] = 50
    cursor: Annotated[str | None, Field(max_length=1000, description="`next_cursor` of the page before")] = None


class MigrationCell(BaseModel):
    """Customers who went from one class to another, or stayed; their sales in the period before either date.

    Shares are of the customers who were in `from_class`, and of those who are in `to_class`. Profits are there when
    the basis is profit.
    """

    from_class: ValueClass
    to_class: ValueClass
    customers: int
    share_of_from: float
    share_of_to: float
    sales_from: Money
    sales_to: Money
    profit_from: Money | None = None
    profit_to: Money | None = None


class MigrationClass(BaseModel):
    """A class at both dates, as the pyramid has it."""

    value_class: ValueClass
    customers_from: int
    customers_to: int
    stayed: int
    sales_from: Money
    sales_to: Money


class Moves(BaseModel):
    """How many customers stayed in their class, and went up or down."""

    stayed: int
    up: int
    down: int


class Migration(BaseModel):
    """The matrix: `cells` has every pair of the seven classes, row by row from the best."""

    from_: Annotated[datetime, Field(serialization_alias="from", validation_alias="from")]
    to: datetime
    basis: Basis
    periods: list[PyramidPeriod]
    cutoffs: CutoffsOut
    currency: str
    customers: int
    moves: Moves
    classes: list[MigrationClass]
    cells: list[MigrationCell]


class MoverOut(BaseModel):
    """One customer at both dates."""

    profile_id: UUID
    from_class: ValueClass
    to_class: ValueClass
    sales_from: Money
    sales_to: Money
    profit_from: Money
    profit_to: Money
