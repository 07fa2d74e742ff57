"""Identities, the evidence that links them, and the map to profiles that follows from it."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import ARRAY, BigInteger, CheckConstraint, DateTime, Double, Index, Sequence, Text, Uuid, func, text
from sqlalchemy.orm import Mapped, mapped_column

from profile_service.models.base import Base

ASSIGNMENT_VERSION = Sequence("assignment_version", metadata=Base.metadata)


class Identity(Base):
    """An identifier seen, and the profile it belongs to at present.

    Each identity brings a profile id of its own, its seed. A profile goes by the seed of its oldest identity, so an id
    that a merge put out of use is found again through the identity it came with, and returns when the merge is undone.
    """

    __tablename__ = "identity"

    identity_id: Mapped[UUID] = mapped_column(Uuid, primary_key=True)
    kind: Mapped[str] = mapped_column(Text)
    value: Mapped[str] = mapped_column(Text)
    seed_profile_id: Mapped[UUID] = mapped_column(Uuid, unique=True)
    profile_id: Mapped[UUID] = mapped_column(Uuid)
    profile_kind: Mapped[str | None] = mapped_column(Text)
    version: Mapped[int] = mapped_column(BigInteger, server_default=ASSIGNMENT_VERSION.next_value())
    blocked: Mapped[bool] = mapped_column(server_default=text("false"))
    first_seen: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    last_evidence_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    created_at: Mapped[datetime] = mapped_column(DateTime(timezone=True), server_default=func.now())
    assigned_at: Mapped[datetime] = mapped_column(DateTime(timezone=True), server_default=func.now())

    __table_args__ = (
        Index(None, "profile_id", "kind"),
        Index(
            "ix_identity_email_beginning",
            "value",
            postgresql_ops={"value": "text_pattern_ops"},
            postgresql_where=text("kind = 'email'"),
        ),
        Index(
            "ix_identity_phone_end", text("reverse(value) text_pattern_ops"), postgresql_where=text("kind = 'phone'")
        ),
    )


class Link(Base):
    """A piece of evidence that two identities are one customer: accepted, or held by the guards it names."""

    __tablename__ = "link"

    link_id: Mapped[UUID] = mapped_column(Uuid, primary_key=True, server_default=text("uuidv7()"))
    a: Mapped[UUID] = mapped_column(Uuid)
    b: Mapped[UUID] = mapped_column(Uuid)
    kind: Mapped[str] = mapped_column(Text)
    state: Mapped[str] = mapped_column(Text)
    guards: Mapped[list[str]] = mapped_column(ARRAY(Text), server_default=text("'{}'"))
    source: Mapped[str] = mapped_column(Text)
    event_id: Mapped[str | None] = mapped_column(Text)
    reason: Mapped[str | None] = mapped_column(Text)
    confidence: Mapped[float] = mapped_column(Double)
    evidence_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    recorded_at: Mapped[datetime] = mapped_column(DateTime(timezone=True), server_default=func.now())
    retracted_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    retracted_by: Mapped[str | None] = mapped_column(Text)
    retraction_reason: Mapped[str | None] = mapped_column(Text)

    __table_args__ = (
        CheckConstraint("a < b", name="ordered"),
        CheckConstraint("kind IN ('same_call', 'alias', 'import', 'operator', 'match')", name="kind"),
        CheckConstraint("state IN ('accepted', 'held')", name="state"),
        # Later evidence of the same kind for the same pair changes nothing: the earliest stands for all.
        Index("uq_link_standing", "a", "b", "kind", unique=True, postgresql_where=text("retracted_at IS NULL")),
        Index("ix_link_a", "a"),
        Index("ix_link_b", "b"),
        Index("ix_link_retracted", "a", "b", postgresql_where=text("retracted_at IS NOT NULL")),
        Index(
            "ix_link_held_a_since", "a", "evidence_at", postgresql_where=text("state = 'held' AND retracted_at IS NULL")
        ),
        Index(
            "ix_link_held_b_since", "b", "evidence_at", postgresql_where=text("state = 'held' AND retracted_at IS NULL")
        ),
        Index("ix_link_held_id", "link_id", postgresql_where=text("state = 'held' AND retracted_at IS NULL")),
    )


class CannotLink(Base):
    """An operator's word that two identities are two customers, in force until it is withdrawn.

    What one word keeps apart, every pair of two sides, goes by one id.
    """

    __tablename__ = "cannot_link"

    a: Mapped[UUID] = mapped_column(Uuid, primary_key=True)
    b: Mapped[UUID] = mapped_column(Uuid, primary_key=True)
    made_at: Mapped[datetime] = mapped_column(DateTime(timezone=True), primary_key=True)
    made_by: Mapped[str] = mapped_column(Text)
    link_id: Mapped[UUID | None] = mapped_column(Uuid)
    withdrawn_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    cannot_link_id: Mapped[UUID] = mapped_column(Uuid, server_default=text("uuidv7()"))
    withdrawn_by: Mapped[str | None] = mapped_column(Text)
    withdrawal_reason: Mapped[str | None] = mapped_column(Text)

    __table_args__ = (
        CheckConstraint("a < b", name="ordered"),
        Index("ix_cannot_link_b", "b"),
        Index("ix_cannot_link_id", "cannot_link_id"),
    )
