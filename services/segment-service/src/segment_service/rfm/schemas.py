"""The scoring rule as it is given and answered."""

from datetime import datetime
from decimal import Decimal
from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from segment_service.money import Money

Method = Literal["quintiles", "bounds"]
Days = Annotated[int, Field(ge=1, le=36_500)]
Orders = Annotated[int, Field(ge=1, le=1_000_000)]
Amount = Annotated[Decimal, Field(ge=0, le=10**12, decimal_places=2, max_digits=15)]


class RfmRule(BaseModel):
    """Scores 1 to 5 by quintiles of all who ever ordered, or by bounds that the firm fixes.

    Of bounds there are four each, from low to high. R is 5 within fewer days than the first since the last order, 1
    from the last on. F is 1 up to the first number of orders, 5 beyond the last; M the same of revenue, over all time
    and in the service's own currency.
    """

    model_config = ConfigDict(extra="forbid")

    method: Method
    recency_days: Annotated[list[Days], Field(min_length=4, max_length=4, examples=[[30, 90, 180, 365]])] | None = None
    frequency: Annotated[list[Orders], Field(min_length=4, max_length=4, examples=[[1, 2, 5, 10]])] | None = None
    monetary: Annotated[list[Amount], Field(min_length=4, max_length=4, examples=[[50, 100, 250, 1000]])] | None = None

    @model_validator(mode="after")
    def _whole(self) -> Self:
        given = (self.recency_days, self.frequency, self.monetary)
        if self.method == "quintiles":
            if any(each is not None for each in given):
                raise ValueError("quintiles have no bounds of their own")
            return self
        for each in given:
            if each is None:
                raise ValueError("bounds need recency_days, frequency and monetary")
            rising: list[Decimal] = sorted({Decimal(bound) for bound in each})
            if rising != each:
                raise ValueError("bounds must rise")
        return self


class RfmGroup(BaseModel):
    """The customers of a named group, and what they bought over all time."""

    group: str
    customers: int
    share_of_customers: float
    revenue: Money


class RfmOut(BaseModel):
    """The rule, the bounds in force (empty before the first ranking), and the groups, largest first."""

    method: Method
    recency_days: list[float]
    frequency: list[int]
    monetary: list[Money]
    ranked_at: datetime | None
    groups: list[RfmGroup]
