"""The churn file."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import BigInteger, CheckConstraint, Index, Integer, SmallInteger, func, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from segment_service.models.base import Base


class ChurnEpisode(Base):
    """A silence in which a customer lapsed, under the identity of the last order before it (at `silent_since`).

    All of it follows from orders, events and statements (`churn.rules`), and is computed anew when they change;
    `undone` is an episode that they no longer support.
    """

    __tablename__ = "churn_episode"
    __table_args__ = (
        CheckConstraint("state IN ('open', 'won_back', 'closed', 'undone')", "state"),
        Index("ix_churn_episode_identity_id", "identity_id"),
        Index("ix_churn_episode_opened_at", "opened_at", "episode_id"),
    )

    episode_id: Mapped[UUID] = mapped_column(primary_key=True, server_default=text("uuidv7()"))
    identity_id: Mapped[UUID]
    silent_since: Mapped[datetime]
    opened_at: Mapped[datetime]
    returned_at: Mapped[datetime | None]
    state: Mapped[str]
    closed_at: Mapped[datetime | None]
    reason: Mapped[str | None]
    reason_origin: Mapped[str | None]
    reason_note: Mapped[str | None]
    evidence: Mapped[list[dict[str, Any]]] = mapped_column(JSONB)
    actions: Mapped[list[dict[str, Any]]] = mapped_column(JSONB)
    outcome: Mapped[dict[str, Any] | None] = mapped_column(JSONB(none_as_null=True))
    version: Mapped[int] = mapped_column(Integer, server_default="1")
    updated_at: Mapped[datetime] = mapped_column(server_default=func.now())


class ChurnStatement(Base):
    """What somebody said of the episode that was open at `about`: its reason, actions taken, that it is closed."""

    __tablename__ = "churn_statement"
    __table_args__ = (CheckConstraint("kind IN ('reason', 'actions', 'closing')", "kind"),)

    identity_id: Mapped[UUID] = mapped_column(primary_key=True)
    about: Mapped[datetime] = mapped_column(primary_key=True)
    kind: Mapped[str] = mapped_column(primary_key=True)
    body: Mapped[dict[str, Any]] = mapped_column(JSONB)
    said_at: Mapped[datetime]
    said_by: Mapped[str]


class ChurnFollow(Base):
    """The one row of how far the file is: the newest change it has seen."""

    __tablename__ = "churn_follow"
    __table_args__ = (CheckConstraint("id = 1", "one_row"),)

    id: Mapped[int] = mapped_column(SmallInteger, primary_key=True, server_default="1", autoincrement=False)
    version: Mapped[int] = mapped_column(BigInteger)
