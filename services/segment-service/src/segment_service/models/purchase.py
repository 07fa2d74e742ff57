"""Orders and refunds, under the identity they were reported with."""

from datetime import date, datetime
from decimal import Decimal
from uuid import UUID

from sqlalchemy import Computed, Index, Numeric, SmallInteger, func, text
from sqlalchemy.orm import Mapped, mapped_column

from segment_service.models.base import Base


class Purchase(Base):
    """What is known of one order of one identity, however often and in whatever order it was reported.

    `completed_at` is the first report of its completion, `amended_at` the first change that named an amount; revenue
    (with its currency) and cost are each of the newest event that names them. `twin`: another identity has an order
    with the same id, which is the same order if both belong to one profile. `refunded` sums up refunds in the order's
    own currency, `refunded_abroad` says that there are others. A cost without a currency is in the order's.
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
    cost_currency: Mapped[str | None]
    cost_at: Mapped[datetime | None]
    cost_step: Mapped[int | None] = mapped_column(SmallInteger)
    refunded: Mapped[Decimal] = mapped_column(Numeric(18, 2), server_default="0")
    refunded_abroad: Mapped[bool] = mapped_column(server_default=text("false"))
    refunded_whole: Mapped[bool] = mapped_column(server_default=text("false"))
    cancelled_at: Mapped[datetime | None]
    twin: Mapped[bool] = mapped_column(server_default=text("false"))


class Refund(Base):
    """Money given back, one row a message; without an amount, the whole order; without a currency, in the order's."""

    __tablename__ = "refund"

    identity_id: Mapped[UUID] = mapped_column(primary_key=True)
    order_id: Mapped[str] = mapped_column(primary_key=True)
    message_id: Mapped[str] = mapped_column(primary_key=True)
    amount: Mapped[Decimal | None] = mapped_column(Numeric(18, 2))
    currency: Mapped[str | None]
    refunded_at: Mapped[datetime]


class IdentityCurrency(Base):
    """Whose orders, costs or refunds are in a currency other than the service's."""

    __tablename__ = "identity_currency"
    __table_args__ = (Index("ix_identity_currency_identity_id", "identity_id"),)

    currency: Mapped[str] = mapped_column(primary_key=True)
    identity_id: Mapped[UUID] = mapped_column(primary_key=True)


class Rate(Base):
    """What one unit of a currency is worth in `own`, the service's currency, from a day on until the next rate."""

    __tablename__ = "rate"

    own: Mapped[str] = mapped_column(primary_key=True)
    currency: Mapped[str] = mapped_column(primary_key=True)
    holds_from: Mapped[date] = mapped_column(primary_key=True)
    rate: Mapped[Decimal] = mapped_column(Numeric(24, 12))
    set_at: Mapped[datetime] = mapped_column(server_default=func.now())


class Revaluation(Base):
    """Customers to be computed anew because what their orders or contacts are worth has changed.

    `subject` names the currency or channel, `after` how far the work is: identities in the order of their ids. `until`
    is the first day that is not concerned.
    """

    __tablename__ = "revaluation"

    revaluation_id: Mapped[UUID] = mapped_column(primary_key=True, server_default=text("uuidv7()"))
    kind: Mapped[str]
    subject: Mapped[str]
    since: Mapped[date]
    until: Mapped[date | None]
    after: Mapped[UUID | None]
