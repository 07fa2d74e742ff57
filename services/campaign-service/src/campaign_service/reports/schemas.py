"""The report's shape."""

from datetime import datetime
from typing import Literal
from uuid import UUID

from pydantic import Field

from campaign_service.campaigns.schemas import Goal
from campaign_service.values import Strict

Metric = Literal["response_rate", "conversion_rate", "revenue_per_head", "profit_per_head"]


class SignedMoney(Strict):
    """An amount that may be negative."""

    amount: str
    currency: str


class Window(Strict):
    """The time that is measured; empty before the launch."""

    from_: datetime | None = Field(alias="from")
    to: datetime | None


class Arm(Strict):
    """One arm: everybody assigned to it counts, whether or not a message reached them."""

    arm: str
    is_control: bool
    people: int
    sent: int
    delivered: int
    responded: int
    response_rate: float | None
    converted: int
    conversion_rate: float | None
    revenue: SignedMoney
    revenue_per_head: SignedMoney | None
    cost: SignedMoney | None


class Comparison(Strict):
    """An arm against the control: difference with 95 % interval; `relative` is the difference by the control's value.

    Money differences are plain numbers in the campaign's currency.
    """

    arm: str
    against: str
    metric: Metric
    difference: float
    low: float
    high: float
    relative: float | None
    p_value: float
    method: str


class Incremental(Strict):
    """What would not have happened without the campaign: differences per head times the heads treated.

    `profit` is revenue times margin less the cost of the contacts; `return_on_spend` is that profit for each unit of
    money spent.
    """

    revenue: SignedMoney
    profit: SignedMoney | None
    return_on_spend: float | None


class SampleRatio(Strict):
    """Whether the arms have the sizes that were planned; if not, the assignment or the data is broken."""

    expected: dict[str, float]
    p_value: float
    ok: bool


class Report(Strict):
    """A campaign's result."""

    campaign_id: UUID
    name: str
    goal: Goal
    state: str
    window: Window
    randomised: bool
    arms: list[Arm]
    comparisons: list[Comparison]
    incremental: Incremental | None
    sample_ratio: SampleRatio
    notes: list[str]
