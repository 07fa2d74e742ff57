"""Costs of contacts as they are given and answered."""

from datetime import date
from decimal import Decimal
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, PlainSerializer

Direction = Literal["inbound", "outbound"]
CHANNEL = r"^[A-Za-z0-9][A-Za-z0-9 ._:-]{0,99}$"


def _month(day: date) -> date:
    if not 1900 <= day.year <= 2200:
        raise ValueError("the year must lie between 1900 and 2200")
    if day.day != 1:
        raise ValueError("contacts are counted by month: give the first day of one")
    return day


Cost = Annotated[
    Decimal,
    Field(ge=0, le=10**6, max_digits=11, decimal_places=4, examples=["1.5000"]),
    PlainSerializer(lambda cost: f"{cost:.4f}", return_type=str),
]


class DatedCost(BaseModel):
    """What one contact costs in months from `from` on, until the next cost of the same direction."""

    model_config = ConfigDict(extra="forbid", populate_by_name=True)

    direction: Direction
    from_: Annotated[date, Field(alias="from"), AfterValidator(_month)]
    cost: Cost


class CostsIn(BaseModel):
    """All costs of a channel, in the service's own currency."""

    model_config = ConfigDict(extra="forbid")

    costs: Annotated[list[DatedCost], Field(min_length=1, max_length=1_000)]


class ChannelCosts(BaseModel):
    """A channel's costs by direction and month."""

    channel: str
    currency: str
    costs: list[DatedCost]
