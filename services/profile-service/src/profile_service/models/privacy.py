"""What customers ask for by right, and what every service has done about it."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ARRAY, CheckConstraint, DateTime, ForeignKey, Index, Text, Uuid, func, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from profile_service.models.base import Base


class PrivacyRequest(Base):
    """A request of a customer; whom it is about is forgotten when an erasure is complete.

    Identities `asked` for lead to `own` ones, theirs alone, and `shared` ones, somebody else's as well; `named` are the
    values that services look for where they know no ids.
    """

    __tablename__ = "privacy_request"

    request_id: Mapped[UUID] = mapped_column(Uuid, primary_key=True, server_default=text("uuidv7()"))
    type: Mapped[str] = mapped_column(Text)
    state: Mapped[str] = mapped_column(Text, server_default="queued")
    requested_by: Mapped[str] = mapped_column(Text)
    kinds: Mapped[list[str]] = mapped_column(ARRAY(Text))
    own: Mapped[list[UUID]] = mapped_column(ARRAY(Uuid))
    shared: Mapped[list[UUID]] = mapped_column(ARRAY(Uuid), server_default=text("'{}'"))
    profiles: Mapped[list[UUID]] = mapped_column(ARRAY(Uuid))
    named: Mapped[list[str]] = mapped_column(ARRAY(Text), server_default=text("'{}'"))
    round: Mapped[int] = mapped_column(server_default="1")
    job_id: Mapped[UUID | None] = mapped_column(Uuid)
    created_at: Mapped[datetime] = mapped_column(DateTime(timezone=True), server_default=func.now())
    completed_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    lifted_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    asked: Mapped[list[UUID]] = mapped_column(ARRAY(Uuid), server_default=text("'{}'"))

    __table_args__ = (
        CheckConstraint("type IN ('access', 'portability', 'erasure', 'restriction')", name="type"),
        CheckConstraint("state IN ('queued', 'running', 'succeeded')", name="state"),
        Index("ix_privacy_request_own", "own", postgresql_using="gin"),
    )


class PrivacyReceipt(Base):
    """What one service has done: `counts` of rows by table, for an erasure by round."""

    __tablename__ = "privacy_receipt"

    request_id: Mapped[UUID] = mapped_column(ForeignKey("privacy_request.request_id"), primary_key=True)
    service: Mapped[str] = mapped_column(Text, primary_key=True)
    state: Mapped[str] = mapped_column(Text, server_default="pending")
    counts: Mapped[dict[str, Any]] = mapped_column(JSONB, server_default=text("'{}'"))
    detail: Mapped[str | None] = mapped_column(Text)
    at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))

    __table_args__ = (CheckConstraint("state IN ('pending', 'waiting', 'done')", name="state"),)


class PrivacyExport(Base):
    """Everything that one service holds of the customer who asked, kept for a month; it goes when they are erased."""

    __tablename__ = "privacy_export"

    request_id: Mapped[UUID] = mapped_column(ForeignKey("privacy_request.request_id"), primary_key=True)
    service: Mapped[str] = mapped_column(Text, primary_key=True)
    sections: Mapped[str] = mapped_column(Text)
    created_at: Mapped[datetime] = mapped_column(DateTime(timezone=True), server_default=func.now())

    __table_args__ = (Index(None, "created_at"),)
