"""Rules whose answers are kept up to date, and the answers."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ARRAY, BigInteger, CheckConstraint, ForeignKey, Identity, Index, Text, func, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from segment_service.models.base import Base


class WatchedRule(Base):
    """A rule that is asked about everybody, and again about whoever changes; `owner` and `key` say whose it is.

    `rule` is null for a list that somebody keeps. `reads` are the causes that can change an answer. While the state is
    `building` everybody is being asked; `failing` rules keep their last answers until they can be asked again.
    """

    __tablename__ = "watched_rule"
    __table_args__ = (
        CheckConstraint("state IN ('building', 'ready', 'failing')", "state"),
        Index("uq_watched_rule_owner_key", "owner", "key", unique=True),
    )

    rule_id: Mapped[int] = mapped_column(Identity(always=True), primary_key=True)
    owner: Mapped[str]
    key: Mapped[str]
    rule: Mapped[dict[str, Any] | None] = mapped_column(JSONB(none_as_null=True))
    reads: Mapped[list[str]] = mapped_column(ARRAY(Text()))
    revision: Mapped[int] = mapped_column(server_default="1")
    state: Mapped[str] = mapped_column(server_default="building")
    error: Mapped[str | None]
    failing_since: Mapped[datetime | None]
    retry_at: Mapped[datetime | None]
    built_at: Mapped[datetime | None]
    first_built_at: Mapped[datetime | None]
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())


class Judgement(Base):
    """Whether a rule holds for a profile since when, and from when on time alone may change that.

    There is no row for whom it does not hold and never will without a cause, but while everybody is being asked.
    """

    __tablename__ = "judgement"
    __table_args__ = (
        Index("ix_judgement_profile_id", "profile_id", postgresql_where=text("member")),
        Index("ix_judgement_due_at", "due_at", postgresql_where=text("due_at IS NOT NULL")),
        Index("ix_judgement_member", "rule_id", "profile_id", postgresql_where=text("member")),
    )

    rule_id: Mapped[int] = mapped_column(ForeignKey("watched_rule.rule_id", ondelete="CASCADE"), primary_key=True)
    profile_id: Mapped[UUID] = mapped_column(primary_key=True)
    member: Mapped[bool]
    since: Mapped[datetime]
    due_at: Mapped[datetime | None]
    version: Mapped[int] = mapped_column(BigInteger)


class Segment(Base):
    """A segment that people name; its rule and members are those of the watched rule of the same key."""

    __tablename__ = "segment"

    key: Mapped[str] = mapped_column(primary_key=True)
    name: Mapped[str]
    description: Mapped[str | None]
    version: Mapped[int] = mapped_column(server_default="1")
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())
    changed_at: Mapped[datetime] = mapped_column(server_default=func.now())
    changed_by: Mapped[str]


class Listed(Base):
    """Who was put on a list by hand, under the identity that the profile began with."""

    __tablename__ = "listed"
    __table_args__ = (Index("ix_listed_identity_id", "identity_id"),)

    key: Mapped[str] = mapped_column(ForeignKey("segment.key", ondelete="CASCADE"), primary_key=True)
    identity_id: Mapped[UUID] = mapped_column(primary_key=True)
    added_at: Mapped[datetime] = mapped_column(server_default=func.now())
    added_by: Mapped[str]
