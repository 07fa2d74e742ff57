"""Treatments as they are asked for and answered."""

from typing import Annotated, Any
from uuid import UUID

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field
from rapport.text import CleanText

from segment_service.money import Money
from segment_service.pyramid.rules import ValueClass

Name = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9_-]{0,63}$")]
Text = Annotated[CleanText, Field(min_length=1, max_length=500)]


class AppliesTo(BaseModel):
    """Whom a treatment is for: customers of one of the classes who hold one of the grades of each scheme named."""

    model_config = ConfigDict(extra="forbid")

    value_class: Annotated[list[ValueClass], Field(max_length=7)] = []
    grades: Annotated[dict[Name, Annotated[list[Name], Field(min_length=1, max_length=20)]], Field(max_length=10)] = {}


class ContactBudget(BaseModel):
    """How many contacts in how many days."""

    model_config = ConfigDict(extra="forbid")

    contacts: Annotated[int, Field(ge=0, le=1_000)]
    days: Annotated[int, Field(ge=1, le=366)]


class TreatmentIn(BaseModel):
    """What customers get: service level, supply priority, account manager, visits, contacts, discounts, and its cost.

    Of several that are for a customer the one of the highest `priority` holds, then the one that asks for more.
    """

    model_config = ConfigDict(extra="forbid")

    name: Annotated[CleanText, Field(min_length=1, max_length=200)]
    applies_to: AppliesTo = AppliesTo()
    priority: Annotated[int, Field(ge=-1_000, le=1_000)] = 0
    service_level: Annotated[CleanText | None, Field(max_length=200)] = None
    supply_priority: Annotated[int | None, Field(ge=1, le=100, description="1 is served first")] = None
    account_manager: bool = False
    visit_every_days: Annotated[int | None, Field(ge=1, le=3_650)] = None
    contact_budget: ContactBudget | None = None
    max_discount_percent: Annotated[float | None, Field(ge=0, le=100)] = None
    privileges: Annotated[list[Text], Field(max_length=50)] = []
    cost_per_year: Annotated[
        float | None, Field(ge=0, le=10**9, description="For one customer, in the service's currency")
    ] = None


class TreatmentOut(TreatmentIn):
    """A treatment as it is kept."""

    key: str
    version: int
    changed_at: AwareDatetime
    changed_by: str


class Resolved(BaseModel):
    """What a customer gets, and why."""

    profile_id: UUID
    value_class: ValueClass
    grades: dict[str, str]
    treatment: dict[str, Any] | None


class BudgetLine(BaseModel):
    """A treatment's cost a year against what its customers bring in the period, scaled to a year.

    `profit` counts customers whose costs are all known, `profit_of` how many those are. `verdict`: within when cost is
    at most the profit, over when it is more, `loss` when there is no profit to pay it from, unknown without costs.
    """

    treatment: str | None
    customers: int
    cost: Money | None
    sales: Money
    profit: Money | None
    profit_of: int
    verdict: str


class Budget(BaseModel):
    """Every treatment, and who gets none (`treatment` null)."""

    as_of: AwareDatetime
    lines: list[BudgetLine]
