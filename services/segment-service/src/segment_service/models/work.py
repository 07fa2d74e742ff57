"""Long work, who waits to be looked at, and which column files are behind the tables."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ARRAY, BigInteger, CheckConstraint, Index, Text, false, func, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from segment_service.models.base import Base


class Job(Base):
    """A piece of long work; `checkpoint` is where the next attempt goes on, `lease` whose turn it is."""

    __tablename__ = "job"
    __table_args__ = (
        CheckConstraint("state IN ('queued', 'running', 'succeeded', 'failed', 'cancelled')", "state"),
        Index("ix_job_waiting", "kind", "job_id", postgresql_where=text("state IN ('queued', 'running')")),
    )

    job_id: Mapped[UUID] = mapped_column(primary_key=True, server_default=text("uuidv7()"))
    kind: Mapped[str]
    state: Mapped[str] = mapped_column(server_default="queued")
    spec: Mapped[dict[str, Any]] = mapped_column(JSONB, server_default=text("'{}'"))
    done: Mapped[int] = mapped_column(BigInteger, server_default="0")
    total: Mapped[int | None] = mapped_column(BigInteger)
    checkpoint: Mapped[dict[str, Any] | None] = mapped_column(JSONB)
    result: Mapped[dict[str, Any] | None] = mapped_column(JSONB)
    error: Mapped[str | None]
    attempts: Mapped[int] = mapped_column(server_default="0")
    cancel_requested: Mapped[bool] = mapped_column(server_default=false())
    lease: Mapped[UUID | None]
    leased_until: Mapped[datetime | None]
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())
    started_at: Mapped[datetime | None]
    finished_at: Mapped[datetime | None]


class Part(Base):
    """A column file and the last change to its rows; a file with an older number is written anew before it is read."""

    __tablename__ = "part"

    name: Mapped[str] = mapped_column(primary_key=True)
    version: Mapped[int] = mapped_column(BigInteger)


class Unevaluated(Base):
    """A profile that segments have to look at again, and why; `version` is the change that put it here last."""

    __tablename__ = "unevaluated"
    __table_args__ = (Index("ix_unevaluated_since", "since"),)

    profile_id: Mapped[UUID] = mapped_column(primary_key=True)
    causes: Mapped[list[str]] = mapped_column(ARRAY(Text()))
    since: Mapped[datetime] = mapped_column(server_default=func.now())
    version: Mapped[int] = mapped_column(BigInteger)


class ColumnChange(Base):
    """The last change of a profile (of `identity`: an identity) that column files may lack, gone rows included."""

    __tablename__ = "column_change"
    __table_args__ = (Index("ix_column_change_version", "relation", "version"),)

    relation: Mapped[str] = mapped_column(primary_key=True)
    id: Mapped[UUID] = mapped_column(primary_key=True)
    version: Mapped[int] = mapped_column(BigInteger)


class ColumnPart(Base):
    """A relation, or a month of events, and the numbers before which its files, or the log, say nothing any more."""

    __tablename__ = "column_part"

    name: Mapped[str] = mapped_column(primary_key=True)
    whole_since: Mapped[int] = mapped_column(BigInteger, server_default="0")
    logged_since: Mapped[int] = mapped_column(BigInteger, server_default="0")
