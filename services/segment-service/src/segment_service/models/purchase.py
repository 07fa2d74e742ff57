"""Orders and refunds, under the identity they were reported with."""

from datetime import datetime
from decimal import Decimal
from uuid import UUID

from sqlalchemy import Computed, Index, Numeric, SmallInteger, text
from sqlalchemy.orm import Mapped, mapped_column

from segment_service.models.base import Base


class Purchase(Base):
    """What is known of one order of one identity, however often and in whatever order it was reported.

    `completed_at` is the first report of its completion, `amended_at` the first change that named an amount; revenue
    (with its currency) and cost are each of the newest event that names them. `twin`: another identity has an order
    with the same id, which is the same order if both belong to one profile.
    """

    __tablename__ = "purchase"
    __table_args__ = (
        Index("ix_purchase_order_id", "order_id"),
        Index("ix_purchase_ordered_at", "ordered_at"),
        Index("ix_purchase_twin", "identity_id", postgresql_where=text("twin")),
    )

    identity_id: Mapped[UUID] = mapped_column(primary_key=True)
    order_id: Mapped[str] = mapped_column(primary_key=True)
    completed_at: Mapped[datetime | None]
    amended_at: Mapped[datetime | None]
    ordered_at: Mapped[datetime | None] = mapped_column(Computed("COALESCE(completed_at, amended_at)", persisted=True))
    revenue: Mapped[Decimal | None] = mapped_column(Numeric(18, 2))
    currency: Mapped[str | None]
    revenue_at: Mapped[datetime | None]
    revenue_step: Mapped[int | None] = mapped_column(SmallInteger)
    cost: Mapped[Decimal | None] = mapped_column(Numeric(18, 2))
    cost_at: Mapped[datetime | None]
    cost_step: Mapped[int | None] = mapped_column(SmallInteger)
    refunded: Mapped[Decimal] = mapped_column(Numeric(18, 2), server_default="0")
    refunded_whole: Mapped[bool] = mapped_column(server_default=text("false"))
    cancelled_at: Mapped[datetime | None]
    twin: Mapped[bool] = mapped_column(server_default=text("false"))


class Refund(Base):
    """Money given back, one row a message; without an amount, the whole order."""

    __tablename__ = "refund"

    identity_id: Mapped[UUID] = mapped_column(primary_key=True)
    order_id: Mapped[str] = mapped_column(primary_key=True)
    message_id: Mapped[str] = mapped_column(primary_key=True)
    amount: Mapped[Decimal | None] = mapped_column(Numeric(18, 2))
    refunded_at: Mapped[datetime]
