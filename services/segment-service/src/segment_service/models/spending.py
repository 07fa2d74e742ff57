"""What people say of a customer's spending."""

from datetime import datetime
from decimal import Decimal
from uuid import UUID

from sqlalchemy import CheckConstraint, Integer, Numeric
from sqlalchemy.orm import Mapped, mapped_column

from segment_service.models.base import Base


class SpendEstimate(Base):
    """What a customer spends a year wherever they buy, as somebody said at a time; category '' is all of it."""

    __tablename__ = "spend_estimate"
    __table_args__ = (CheckConstraint("origin IN ('stated', 'estimated', 'benchmark')", "origin"),)

    identity_id: Mapped[UUID] = mapped_column(primary_key=True)
    category: Mapped[str] = mapped_column(primary_key=True)
    origin: Mapped[str] = mapped_column(primary_key=True)
    at: Mapped[datetime] = mapped_column(primary_key=True)
    amount: Mapped[Decimal] = mapped_column(Numeric(17, 2))
    currency: Mapped[str]
    source: Mapped[str | None]


class Competitor(Base):
    """Who else serves a customer; `share` of all that they buy, `amount` a year, if known."""

    __tablename__ = "competitor"

    identity_id: Mapped[UUID] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(primary_key=True)
    share: Mapped[Decimal | None] = mapped_column(Numeric(7, 6))
    amount: Mapped[Decimal | None] = mapped_column(Numeric(17, 2))
    currency: Mapped[str | None]
    source: Mapped[str | None]
    at: Mapped[datetime]


class SpendBenchmark(Base):
    """What customers of a kind, size and class usually spend a year, in a currency; the first that fits counts."""

    __tablename__ = "spend_benchmark"

    own: Mapped[str] = mapped_column(primary_key=True)
    position: Mapped[int] = mapped_column(Integer, primary_key=True)
    kind: Mapped[str | None]
    size: Mapped[str | None]
    value_class: Mapped[str | None]
    amount: Mapped[Decimal] = mapped_column(Numeric(17, 2))
