"""What is known of customers, and what they allow; all of it stored under the identity it came with."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import CheckConstraint, DateTime, Double, Index, LargeBinary, Text, Uuid, func, text, true
from sqlalchemy.dialects.postgresql import ARRAY, JSONB
from sqlalchemy.orm import Mapped, mapped_column

from profile_service.models.base import Base


class Fact(Base):
    """A value somebody stated, or that was observed or inferred; the same fact told again only grows newer."""

    __tablename__ = "fact"

    fact_id: Mapped[UUID] = mapped_column(Uuid, primary_key=True, server_default=text("uuidv7()"))
    identity_id: Mapped[UUID] = mapped_column(Uuid)
    key: Mapped[str] = mapped_column(Text)
    value: Mapped[Any] = mapped_column(JSONB(none_as_null=False), nullable=False)
    digest: Mapped[bytes] = mapped_column(LargeBinary)
    origin: Mapped[str] = mapped_column(Text)
    source: Mapped[str] = mapped_column(Text)
    confidence: Mapped[float] = mapped_column(Double)
    first_observed_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    observed_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    expires_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    import_id: Mapped[UUID | None] = mapped_column(Uuid)
    recorded_at: Mapped[datetime] = mapped_column(DateTime(timezone=True), server_default=func.now())
    withdrawn_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    withdrawn_by: Mapped[str | None] = mapped_column(Text)
    withdrawal_reason: Mapped[str | None] = mapped_column(Text)
    search: Mapped[list[str] | None] = mapped_column(ARRAY(Text))

    __table_args__ = (
        CheckConstraint("origin IN ('stated', 'observed', 'inferred')", name="origin"),
        Index("uq_fact_told", "identity_id", "key", "origin", "source", "digest", unique=True),
        Index("ix_fact_expiry", "expires_at", "fact_id", postgresql_where=text("expires_at IS NOT NULL")),
        Index("ix_fact_search", "search", postgresql_using="gin", postgresql_where=text("search IS NOT NULL")),
    )


class FactExpiry(Base):
    """One row: up to which fact, in the order in which they expire, followers have been told."""

    __tablename__ = "fact_expiry"

    single: Mapped[bool] = mapped_column(primary_key=True, server_default=true())
    expires_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    fact_id: Mapped[UUID] = mapped_column(Uuid)

    __table_args__ = (CheckConstraint("single", name="single"),)


class Consent(Base):
    """An entry in the history of what a customer allows; `at` is when first said, `confirmed_at` when last."""

    __tablename__ = "consent"

    consent_id: Mapped[UUID] = mapped_column(Uuid, primary_key=True, server_default=text("uuidv7()"))
    identity_id: Mapped[UUID] = mapped_column(Uuid)
    channel: Mapped[str] = mapped_column(Text)
    purpose: Mapped[str] = mapped_column(Text)
    status: Mapped[str] = mapped_column(Text)
    lawful_basis: Mapped[str | None] = mapped_column(Text)
    source: Mapped[str] = mapped_column(Text)
    proof: Mapped[str | None] = mapped_column(Text)
    at: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    confirmed_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    recorded_at: Mapped[datetime] = mapped_column(DateTime(timezone=True), server_default=func.now())

    __table_args__ = (
        CheckConstraint("status IN ('granted', 'denied', 'withdrawn')", name="status"),
        Index(None, "identity_id", "channel", "purpose", "confirmed_at"),
    )


class Suppression(Base):
    """Do not contact this identifier, on one channel or (null) on any; it need not belong to anybody known."""

    __tablename__ = "suppression"

    suppression_id: Mapped[UUID] = mapped_column(Uuid, primary_key=True, server_default=text("uuidv7()"))
    identity_id: Mapped[UUID] = mapped_column(Uuid)
    kind: Mapped[str] = mapped_column(Text)
    value: Mapped[str] = mapped_column(Text)
    channel: Mapped[str | None] = mapped_column(Text)
    reason: Mapped[str | None] = mapped_column(Text)
    source: Mapped[str] = mapped_column(Text)
    jurisdiction: Mapped[str | None] = mapped_column(Text)
    expires_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    created_at: Mapped[datetime] = mapped_column(DateTime(timezone=True), server_default=func.now())

    __table_args__ = (
        Index("uq_suppression", "identity_id", "channel", unique=True, postgresql_nulls_not_distinct=True),
    )
