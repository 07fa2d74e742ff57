"""Profiles that may be one customer."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ARRAY, CheckConstraint, DateTime, Double, Index, Text, Uuid, func, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from profile_service.models.base import Base


class MatchCandidate(Base):
    """Two identities whose profiles may be one customer, offered for review or decided on.

    Links that guards hold are candidates too; they have a row here once somebody has decided on them, under their id.
    """

    __tablename__ = "match_candidate"

    candidate_id: Mapped[UUID] = mapped_column(Uuid, primary_key=True, server_default=text("uuidv7()"))
    a: Mapped[UUID] = mapped_column(Uuid)
    b: Mapped[UUID] = mapped_column(Uuid)
    source: Mapped[str] = mapped_column(Text, server_default="match")
    state: Mapped[str] = mapped_column(Text, server_default="open")
    probability: Mapped[float] = mapped_column(Double)
    weights: Mapped[list[Any] | None] = mapped_column(JSONB)
    guards: Mapped[list[str]] = mapped_column(ARRAY(Text), server_default=text("'{}'"))
    link_id: Mapped[UUID | None] = mapped_column(Uuid)
    job_id: Mapped[UUID | None] = mapped_column(Uuid)
    found_at: Mapped[datetime] = mapped_column(DateTime(timezone=True), server_default=func.now())
    updated_at: Mapped[datetime] = mapped_column(DateTime(timezone=True), server_default=func.now())
    decided_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    decided_by: Mapped[str | None] = mapped_column(Text)
    reason: Mapped[str | None] = mapped_column(Text)

    __table_args__ = (
        CheckConstraint("a < b", name="ordered"),
        CheckConstraint("source IN ('match', 'guard')", name="source"),
        CheckConstraint("state IN ('open', 'accepted', 'rejected')", name="state"),
        Index("uq_match_candidate", "a", "b", "source", unique=True),
        Index("ix_match_candidate_b", "b"),
    )
