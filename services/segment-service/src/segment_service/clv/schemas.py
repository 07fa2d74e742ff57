"""Lifetime value models as they are asked for and answered."""

from datetime import UTC, date, datetime
from typing import Annotated, Literal
from uuid import UUID

from pydantic import AfterValidator, AwareDatetime, BaseModel, ConfigDict, Field

Unit = Literal["days", "weeks", "months", "years"]


def _past(at: datetime) -> datetime:
    if at.year < 1900:
        raise ValueError("the year must not lie before 1900")
    if at > datetime.now(UTC):
        raise ValueError("the calibration must end in the past")
    return at


class FitBody(BaseModel):
    """What to fit to: orders up to `calibration_end`, now if not given; those after it are held against the model."""

    model_config = ConfigDict(extra="forbid")

    calibration_end: Annotated[AwareDatetime, AfterValidator(_past)] | None = None
    horizon_days: Annotated[int, Field(ge=1, le=3_650, description="How far ahead scores look")] = 365
    time_unit: Annotated[Unit, Field(description="The unit of alpha; 7 days, 30.4375 days, 365.25 days")] = "weeks"


class BgNbdParameters(BaseModel):
    """BG/NBD (Fader, Hardie and Lee 2005); `alpha` is in the unit of time."""

    r: float
    alpha: float
    a: float
    b: float


class GammaGammaParameters(BaseModel):
    """Gamma-Gamma (Fader and Hardie 2013); `v` is money."""

    p: float
    q: float
    v: float


class HoldoutGroup(BaseModel):
    """Customers with as many repeat purchases in the calibration as `frequency` says, 7 and more together."""

    frequency: int
    customers: int
    expected_orders: float
    actual_orders: int


class HoldoutOut(BaseModel):
    """The model against the purchase occasions of the `days` after the calibration.

    `mean_absolute_error` is of the number of one customer's.
    """

    days: int
    expected_orders: float
    actual_orders: int
    mean_absolute_error: float
    groups: list[HoldoutGroup]


class ScoresOut(BaseModel):
    """How far scores are: everybody's are for the day `as_of`, of customers who changed since as well."""

    as_of: date | None
    scored_at: datetime | None


class FitOut(BaseModel):
    """A fitted model; orders of one day (UTC) are one purchase occasion, `spenders` are behind `gamma_gamma`."""

    fit_id: UUID
    job_id: UUID
    fitted_at: datetime
    calibration_end: datetime
    horizon_days: int
    time_unit: Unit
    customers: int
    spenders: int
    log_likelihood: float
    bg_nbd: BgNbdParameters
    gamma_gamma: GammaGammaParameters | None
    holdout: HoldoutOut | None
    notes: list[str]


class ModelOut(FitOut):
    """The model in use, and the scores by it."""

    scores: ScoresOut
