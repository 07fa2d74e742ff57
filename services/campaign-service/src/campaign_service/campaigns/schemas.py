"""Bodies of the campaign calls."""

from datetime import datetime
from decimal import Decimal
from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import AfterValidator, Field, StringConstraints, model_validator

from campaign_service.content.schemas import TemplateBody
from campaign_service.values import Amount, Currency, JsonObject, Key, Line, Money, Strict, Text, storable

CONTROL = "control"
TREATMENT = "treatment"
State = Literal["draft", "running", "paused", "stopped", "finished"]
ArmName = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9_.-]{0,49}$")]

_RULE_DEPTH, _RULE_CONDITIONS = 10, 200


def _well_formed(rule: dict[str, Any]) -> dict[str, Any]:
    storable(rule)
    if _conditions(rule, 0) > _RULE_CONDITIONS:
        raise ValueError(f"a rule has at most {_RULE_CONDITIONS} conditions")
    return rule


def _conditions(rule: Any, depth: int) -> int:
    if not isinstance(rule, dict) or not rule:
        raise ValueError("a rule is a condition, or one of all, any, not around rules")
    if depth > _RULE_DEPTH:
        raise ValueError(f"a rule is nested at most {_RULE_DEPTH} deep")
    group = next((name for name in ("all", "any", "not") if name in rule), None)
    if group is None:
        return 1
    if len(rule) > 1:
        raise ValueError(f"{group} stands alone in its object")
    inner = rule[group]
    if group == "not":
        return _conditions(inner, depth + 1)
    if not isinstance(inner, list):
        raise ValueError(f"{group} holds a list of rules")
    return sum(_conditions(each, depth + 1) for each in inner)


class Audience(Strict):
    """Who is meant: everybody a rule describes, or customers one by one."""

    rule: Annotated[dict[str, Any], AfterValidator(_well_formed)] | None = Field(
        None, examples=[{"all": [{"value_class": ["medium"]}, {"not": {"lifecycle": ["lapsed"]}}]}]
    )
    profile_ids: Annotated[list[UUID], Field(min_length=1, max_length=100_000)] | None = None

    @model_validator(mode="after")
    def _one_of_both(self) -> "Audience":
        if (self.rule is None) == (self.profile_ids is None):
            raise ValueError("give either rule or profile_ids")
        return self


class Offer(Strict):
    """What is proposed to the customer in any channel while the campaign runs."""

    offer_id: Line
    text: Annotated[Text, StringConstraints(min_length=1, max_length=2000)]


class Variant(Strict):
    """One arm of a test; `weight` is its share of those who are treated, relative to the other weights."""

    name: ArmName
    weight: Annotated[float, Field(gt=0, le=1_000_000)] = 1.0
    template: Key | TemplateBody | None = None
    offer: Offer | None = None


class Goal(Strict):
    """What the campaign wants people to do, and for how many days after their assignment it is counted."""

    event: Line = "Order Completed"
    window_days: Annotated[int, Field(ge=1, le=366)] = 14


class CampaignIn(Strict):
    """A campaign as its makers write it."""

    name: Line
    channel: Literal["email"] = "email"
    purpose: Key = "marketing"
    priority: Annotated[int, Field(ge=-1_000_000, le=1_000_000)] = 0
    audience: Audience | None = None
    template: Key | TemplateBody | None = None
    offer: Offer | None = None
    variants: Annotated[list[Variant], Field(max_length=20)] = []
    control_share: Annotated[float, Field(ge=0, le=0.9)] = 0.1
    goal: Goal = Goal()
    cost_per_contact: Money | Amount | None = None
    currency: Currency | None = None
    margin: Annotated[float, Field(ge=0, le=1, description="Share of revenue that is profit")] | None = None

    @model_validator(mode="after")
    def _consistent(self) -> "CampaignIn":
        names = [variant.name for variant in self.variants]
        if CONTROL in names or len(set(names)) < len(names):
            raise ValueError("variants have names of their own, and none is called control")
        if isinstance(self.cost_per_contact, Money):
            if self.currency is None:
                self.currency = self.cost_per_contact.currency
            if self.currency != self.cost_per_contact.currency:
                raise ValueError("cost_per_contact is in another currency than the campaign")
        return self

    @property
    def cost(self) -> Decimal | None:
        """Cost of one contact in the campaign's currency."""
        return self.cost_per_contact.amount if isinstance(self.cost_per_contact, Money) else self.cost_per_contact


class CampaignOut(Strict):
    """A campaign as it is kept."""

    campaign_id: UUID
    name: str
    state: State
    channel: str
    purpose: str
    priority: int
    audience: Audience | None
    template: str | TemplateBody | None
    offer: Offer | None
    variants: list[Variant]
    control_share: float
    goal: Goal
    cost_per_contact: Money | None
    currency: str
    margin: float | None
    salt: str
    version: int
    created_at: datetime
    updated_at: datetime
    launched_at: datetime | None
    prepared_at: datetime | None
    ended_at: datetime | None
    job_id: UUID | None


class CampaignWithSends(CampaignOut):
    """A campaign and how far its messages are, by their state."""

    sends: dict[str, int] = Field(examples=[{"pending": 10, "sent": 290}])


class Launched(Strict):
    """What a launch set going."""

    campaign_id: UUID
    state: State
    job_id: UUID


class JobOut(Strict):
    """Long work and how far it is; `done` and `total` count customers."""

    job_id: UUID
    kind: str
    campaign_id: UUID
    state: Literal["queued", "running", "succeeded", "failed", "cancelled"]
    done: int
    total: int | None
    error: str | None
    created_at: datetime
    updated_at: datetime


CampaignPatch = JsonObject
