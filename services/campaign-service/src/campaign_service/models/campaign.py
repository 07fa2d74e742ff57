"""Campaigns and the templates that they send."""

from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from sqlalchemy import BigInteger, CheckConstraint, Index, Numeric, text
from sqlalchemy.orm import Mapped, mapped_column

from campaign_service.models.base import Base, NewId, Now

STATES = ("draft", "running", "paused", "stopped", "finished")


class Campaign(Base):
    """A campaign as its makers wrote it, its state, and the content frozen when it was launched."""

    __tablename__ = "campaign"
    __table_args__ = (
        CheckConstraint(f"state IN {STATES}", "state"),
        Index("ix_campaign_state", "state", postgresql_where=text("state IN ('running', 'paused')")),
        Index("ix_campaign_created", "created_at", "campaign_id"),
    )

    campaign_id: Mapped[NewId]
    name: Mapped[str]
    channel: Mapped[str]
    purpose: Mapped[str]
    state: Mapped[str] = mapped_column(server_default="draft")
    version: Mapped[int] = mapped_column(server_default="1")
    priority: Mapped[int]
    audience: Mapped[dict[str, Any] | None]
    template: Mapped[dict[str, Any] | None]
    content: Mapped[dict[str, Any] | None]
    offer: Mapped[dict[str, Any] | None]
    variants: Mapped[list[Any]]
    control_share: Mapped[float]
    goal: Mapped[dict[str, Any]]
    cost_per_contact: Mapped[Decimal | None] = mapped_column(Numeric(18, 6))
    currency: Mapped[str]
    margin: Mapped[float | None]
    salt: Mapped[int] = mapped_column(BigInteger)
    created_at: Mapped[Now]
    updated_at: Mapped[Now]
    launched_at: Mapped[datetime | None]
    prepared_at: Mapped[datetime | None]
    ended_at: Mapped[datetime | None]
    job_id: Mapped[UUID | None]


class Template(Base):
    """A message in one or several languages under a key; every edit is a new version."""

    __tablename__ = "template"

    key: Mapped[str] = mapped_column(primary_key=True)
    channel: Mapped[str]
    version: Mapped[int] = mapped_column(server_default="1")
    body: Mapped[dict[str, Any]]
    created_at: Mapped[Now]
    updated_at: Mapped[Now]


class Job(Base):
    """Long work that a worker leases, page by page, and takes up again where a dead one left it."""

    __tablename__ = "job"
    __table_args__ = (
        CheckConstraint("state IN ('queued', 'running', 'succeeded', 'failed', 'cancelled')", "state"),
        Index("ix_job_open", "job_id", postgresql_where=text("state IN ('queued', 'running')")),
    )

    job_id: Mapped[NewId]
    kind: Mapped[str]
    campaign_id: Mapped[UUID]
    state: Mapped[str] = mapped_column(server_default="queued")
    done: Mapped[int] = mapped_column(BigInteger, server_default="0")
    total: Mapped[int | None] = mapped_column(BigInteger)
    cursor: Mapped[str | None]
    error: Mapped[str | None]
    owner: Mapped[UUID | None]
    lease_until: Mapped[datetime | None]
    created_at: Mapped[Now]
    updated_at: Mapped[Now]
    ended_at: Mapped[datetime | None]
