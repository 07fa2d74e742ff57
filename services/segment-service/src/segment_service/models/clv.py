"""Lifetime value: models as they were fitted, and what the newest says of each customer."""

from datetime import date, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from sqlalchemy import BigInteger, CheckConstraint, Double, ForeignKey, Integer, Numeric, SmallInteger, func, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from segment_service.models.base import Base


class ClvFit(Base):
    """A fitted model; `r alpha a b` are BG/NBD's, `p q v` Gamma-Gamma's, null without enough amounts of money."""

    __tablename__ = "clv_fit"

    fit_id: Mapped[UUID] = mapped_column(primary_key=True, server_default=text("uuidv7()"))
    job_id: Mapped[UUID]
    fitted_at: Mapped[datetime] = mapped_column(server_default=func.now())
    calibration_end: Mapped[datetime]
    horizon_days: Mapped[int] = mapped_column(Integer)
    time_unit: Mapped[str]
    customers: Mapped[int] = mapped_column(BigInteger)
    spenders: Mapped[int] = mapped_column(BigInteger)
    log_likelihood: Mapped[float] = mapped_column(Double)
    r: Mapped[float] = mapped_column(Double)
    alpha: Mapped[float] = mapped_column(Double)
    a: Mapped[float] = mapped_column(Double)
    b: Mapped[float] = mapped_column(Double)
    p: Mapped[float | None] = mapped_column(Double)
    q: Mapped[float | None] = mapped_column(Double)
    v: Mapped[float | None] = mapped_column(Double)
    holdout: Mapped[dict[str, Any] | None] = mapped_column(JSONB(none_as_null=True))
    notes: Mapped[list[str]] = mapped_column(JSONB)


class ClvScore(Base):
    """What the newest model expects of a customer, by the day in `clv_scoring`; money in the service's currency.

    `by_margin`: `value` and `clv_12m` are margin, by the customer's own rate over orders whose cost is known; else
    revenue.
    """

    __tablename__ = "clv_score"

    profile_id: Mapped[UUID] = mapped_column(ForeignKey("customer.profile_id", ondelete="CASCADE"), primary_key=True)
    p_alive: Mapped[Decimal] = mapped_column(Numeric(7, 6))
    expected_orders: Mapped[Decimal] = mapped_column(Numeric(12, 4))
    value: Mapped[Decimal | None] = mapped_column(Numeric(24, 2))
    clv_12m: Mapped[Decimal | None] = mapped_column(Numeric(24, 2))
    by_margin: Mapped[bool]


class ClvScoring(Base):
    """The one row of how far scores are: by which model and for which day, and the newest change they have seen."""

    __tablename__ = "clv_scoring"
    __table_args__ = (CheckConstraint("id = 1", "one_row"),)

    id: Mapped[int] = mapped_column(SmallInteger, primary_key=True, server_default="1", autoincrement=False)
    fit_id: Mapped[UUID | None]
    scored_for: Mapped[date | None]
    scored_at: Mapped[datetime | None]
    version: Mapped[int] = mapped_column(BigInteger, server_default="0")
