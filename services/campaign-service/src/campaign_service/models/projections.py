"""What this service keeps of the others' feeds."""

from datetime import datetime
from decimal import Decimal
from uuid import UUID

from sqlalchemy import BigInteger, Index, Numeric, text
from sqlalchemy.orm import Mapped, mapped_column

from campaign_service.models.base import Base


class IdentityMap(Base):
    """Which profile an identity belongs to now; `seed_profile_id` is the profile id it began with."""

    __tablename__ = "identity_map"
    __table_args__ = (
        Index("ix_identity_map_profile", "profile_id"),
        Index("ix_identity_map_seed", "seed_profile_id"),
    )

    identity_id: Mapped[UUID] = mapped_column(primary_key=True)
    profile_id: Mapped[UUID]
    seed_profile_id: Mapped[UUID | None]
    version: Mapped[int] = mapped_column(BigInteger)


class Purchase(Base):
    """An order, counted once however often it is reported; its parts may arrive in any order."""

    __tablename__ = "purchase"
    __table_args__ = (Index("ix_purchase_ordered", "ordered_at", postgresql_where=text("ordered_at IS NOT NULL")),)

    order_id: Mapped[str] = mapped_column(primary_key=True)
    identity_id: Mapped[UUID]
    ordered_at: Mapped[datetime | None]
    amount: Mapped[Decimal | None] = mapped_column(Numeric(20, 4))
    amount_at: Mapped[datetime | None]
    currency: Mapped[str | None]
    cancelled_at: Mapped[datetime | None]


class Refund(Base):
    """Money given back for an order; without an amount, all of it."""

    __tablename__ = "refund"

    order_id: Mapped[str] = mapped_column(primary_key=True)
    message_id: Mapped[str] = mapped_column(primary_key=True)
    amount: Mapped[Decimal | None] = mapped_column(Numeric(20, 4))
    at: Mapped[datetime]


class GoalEvent(Base):
    """An event, other than an order, that a campaign wanted to bring about."""

    __tablename__ = "goal_event"
    __table_args__ = (Index("ix_goal_event_name", "name", "occurred_at"),)

    touchpoint_id: Mapped[UUID] = mapped_column(primary_key=True)
    name: Mapped[str]
    identity_id: Mapped[UUID]
    occurred_at: Mapped[datetime]


class CampaignResponse(Base):
    """Somebody came to us and named the campaign."""

    __tablename__ = "response"
    __table_args__ = (Index("ix_response_campaign", "campaign_id", "occurred_at"),)

    touchpoint_id: Mapped[UUID] = mapped_column(primary_key=True)
    campaign_id: Mapped[UUID]
    identity_id: Mapped[UUID]
    name: Mapped[str]
    occurred_at: Mapped[datetime]


class Case(Base):
    """A complaint or suggestion as far as it matters for selling."""

    __tablename__ = "customer_case"
    __table_args__ = (
        Index("ix_customer_case_open", "identity_id", postgresql_where=text("open AND kind = 'complaint'")),
    )

    case_id: Mapped[UUID] = mapped_column(primary_key=True)
    identity_id: Mapped[UUID]
    kind: Mapped[str]
    severity: Mapped[str | None]
    open: Mapped[bool]
    since: Mapped[datetime]
