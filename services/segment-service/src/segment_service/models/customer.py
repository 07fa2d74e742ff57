"""Customers as they stand, and what that is read from."""

from datetime import date, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from sqlalchemy import (
    ARRAY,
    BigInteger,
    CheckConstraint,
    DateTime,
    Identity,
    Index,
    Integer,
    Numeric,
    SmallInteger,
    Text,
    Uuid,
    func,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from segment_service.models.base import Base


class IdentityMap(Base):
    """Which profile an identity belongs to now; `seed_profile_id` is the profile id it began with."""

    __tablename__ = "identity_map"
    __table_args__ = (
        Index("ix_identity_map_profile_id", "profile_id"),
        Index("ix_identity_map_seed_profile_id", "seed_profile_id"),
    )

    identity_id: Mapped[UUID] = mapped_column(primary_key=True)
    profile_id: Mapped[UUID]
    seed_profile_id: Mapped[UUID | None]
    version: Mapped[int] = mapped_column(BigInteger)


class Contact(Base):
    """When an identity was in touch with the firm, and when it first gave consent to anything."""

    __tablename__ = "contact"

    identity_id: Mapped[UUID] = mapped_column(primary_key=True)
    contacts: Mapped[int] = mapped_column(BigInteger)
    first_at: Mapped[datetime | None]
    last_at: Mapped[datetime | None]
    consented_at: Mapped[datetime | None]


class ContactMonth(Base):
    """How often an identity was in touch, or was contacted, by channel and direction in a month (its first day)."""

    __tablename__ = "contact_month"
    __table_args__ = (Index("ix_contact_month_month", "month"),)

    identity_id: Mapped[UUID] = mapped_column(primary_key=True)
    month: Mapped[date] = mapped_column(primary_key=True)
    channel: Mapped[str] = mapped_column(primary_key=True)
    direction: Mapped[str] = mapped_column(primary_key=True)
    contacts: Mapped[int] = mapped_column(BigInteger)


class ServiceCost(Base):
    """What one contact costs, from a month on."""

    __tablename__ = "service_cost"

    channel: Mapped[str] = mapped_column(primary_key=True)
    direction: Mapped[str] = mapped_column(primary_key=True)
    holds_from: Mapped[date] = mapped_column(primary_key=True)
    cost: Mapped[Decimal] = mapped_column(Numeric(11, 4))


class Customer(Base):
    """One profile's standing, kept up with every change of its orders, its identities and time.

    Money is in the service's own currency. The stage at any later time follows from `established_at`, `returned_at`,
    `won_back_until`, `at_risk_from` and `lapsed_from` until the next order. `due_at`: when time alone changes it.
    `repeat_days` and `repeat_revenue`: days with orders after the first one on which money was spent, and how much.
    """

    __tablename__ = "customer"
    __table_args__ = (
        CheckConstraint(
            "value_class IN ('top', 'large', 'medium', 'small', 'inactive', 'prospect', 'suspect')", "value_class"
        ),
        CheckConstraint(
            "lifecycle IN ('prospect', 'new', 'established', 'at_risk', 'lapsed', 'won_back')", "lifecycle"
        ),
        Index("ix_customer_value_class", "value_class", "profile_id"),
        Index("ix_customer_version", "version"),
        Index("ix_customer_due_at", "due_at", postgresql_where=text("due_at IS NOT NULL")),
    )

    profile_id: Mapped[UUID] = mapped_column(primary_key=True)
    version: Mapped[int] = mapped_column(BigInteger)
    orders: Mapped[int] = mapped_column(Integer)
    order_days: Mapped[int] = mapped_column(Integer)
    orders_elsewhere: Mapped[int] = mapped_column(Integer)
    revenue: Mapped[Decimal] = mapped_column(Numeric(24, 2))
    profit: Mapped[Decimal | None] = mapped_column(Numeric(24, 2))
    cost_to_serve: Mapped[Decimal | None] = mapped_column(Numeric(24, 2))
    first_order_at: Mapped[datetime | None]
    last_order_at: Mapped[datetime | None]
    period_orders: Mapped[int] = mapped_column(Integer)
    period_revenue: Mapped[Decimal] = mapped_column(Numeric(24, 2))
    contacted_at: Mapped[datetime | None]
    value_class: Mapped[str]
    r: Mapped[int | None] = mapped_column(SmallInteger)
    f: Mapped[int | None] = mapped_column(SmallInteger)
    m: Mapped[int | None] = mapped_column(SmallInteger)
    lifecycle: Mapped[str]
    lifecycle_since: Mapped[datetime | None]
    established_at: Mapped[datetime | None]
    returned_at: Mapped[datetime | None]
    won_back_until: Mapped[datetime | None]
    at_risk_from: Mapped[datetime | None]
    lapsed_from: Mapped[datetime | None]
    due_at: Mapped[datetime | None]
    repeat_days: Mapped[int] = mapped_column(Integer, server_default="0")
    repeat_revenue: Mapped[Decimal] = mapped_column(Numeric(24, 2), server_default="0")


class StandingChange(Base):
    """A class and stage as they were announced: what anybody was taken for at the time, whatever is known since."""

    __tablename__ = "standing_change"
    __table_args__ = (Index("ix_standing_change_profile_id_change_id", "profile_id", "change_id"),)

    change_id: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True)
    profile_id: Mapped[UUID]
    at: Mapped[datetime]
    value_class: Mapped[str]
    lifecycle: Mapped[str]


class Ranking(Base):
    """The one row of what the last ranking found: who is last in top, large and medium, and the quintile bounds.

    Between rankings a customer who changes is placed by these. `version` is the newest change it has seen, `rules` the
    settings that the customers were computed with, `store_id` names the folder of this database's column files. With
    `rfm_days` the firm has fixed the bounds of scores, which no ranking changes; then `recency_bounds` is empty.
    """

    __tablename__ = "ranking"
    __table_args__ = (CheckConstraint("id = 1", "one_row"),)

    id: Mapped[int] = mapped_column(SmallInteger, primary_key=True, server_default="1", autoincrement=False)
    store_id: Mapped[UUID] = mapped_column(server_default=text("uuidv7()"))
    version: Mapped[int] = mapped_column(BigInteger, server_default="0")
    ranked_at: Mapped[datetime | None]
    rules: Mapped[dict[str, Any] | None] = mapped_column(JSONB(none_as_null=True))
    sales: Mapped[list[Decimal | None]] = mapped_column(ARRAY(Numeric(24, 2)), server_default="{}")
    last_order_at: Mapped[list[datetime | None]] = mapped_column(ARRAY(DateTime(timezone=True)), server_default="{}")
    profile_id: Mapped[list[UUID | None]] = mapped_column(ARRAY(Uuid()), server_default="{}")
    classes: Mapped[list[str]] = mapped_column(ARRAY(Text()), server_default="{}")
    rfm_version: Mapped[int] = mapped_column(Integer, server_default="0")
    rfm_days: Mapped[list[int]] = mapped_column(ARRAY(Integer), server_default="{}")
    recency_bounds: Mapped[list[datetime]] = mapped_column(ARRAY(DateTime(timezone=True)), server_default="{}")
    frequency_bounds: Mapped[list[int]] = mapped_column(ARRAY(BigInteger), server_default="{}")
    revenue_bounds: Mapped[list[Decimal]] = mapped_column(ARRAY(Numeric(24, 2)), server_default="{}")
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())
