"""Who is in a campaign and why, the message each of them gets, and every attempt to deliver it."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, Index, text
from sqlalchemy.orm import Mapped, mapped_column

from campaign_service.models.base import Base, NewId, Now

SEND_STATES = ("pending", "leased", "sending", "sent", "failed", "unknown", "skipped", "cancelled")


class Recipient(Base):
    """One person of a frozen audience: in or out, for which reason, and in which arm.

    Stored under the profile id of that day and the identity that is written to; both are read through `identity_map`.
    """

    __tablename__ = "recipient"
    __table_args__ = (
        CheckConstraint("included = (arm IS NOT NULL)", "arm"),
        Index("ix_recipient_profile", "profile_id"),
        Index(
            "uq_recipient_identity",
            "campaign_id",
            "identity_id",
            unique=True,
            postgresql_where=text("included"),
        ),
        Index("ix_recipient_identity", "identity_id", postgresql_where=text("included")),
    )

    campaign_id: Mapped[UUID] = mapped_column(ForeignKey("campaign.campaign_id"), primary_key=True)
    profile_id: Mapped[UUID] = mapped_column(primary_key=True)
    identity_id: Mapped[UUID | None]
    included: Mapped[bool]
    arm: Mapped[str | None]
    reason: Mapped[str]
    assigned_at: Mapped[datetime]


class Send(Base):
    """One message to one person; the natural key makes a second one impossible."""

    __tablename__ = "send"
    __table_args__ = (
        CheckConstraint(f"state IN {SEND_STATES}", "state"),
        Index("uq_send_campaign_step_profile", "campaign_id", "step", "profile_id", unique=True),
        Index("ix_send_due", "campaign_id", "due_at", postgresql_where=text("state = 'pending'")),
        Index("ix_send_lease", "lease_until", postgresql_where=text("state IN ('leased', 'sending')")),
        Index("ix_send_identity", "identity_id"),
    )

    send_id: Mapped[NewId]
    campaign_id: Mapped[UUID] = mapped_column(ForeignKey("campaign.campaign_id"))
    step: Mapped[str]
    profile_id: Mapped[UUID]
    identity_id: Mapped[UUID]
    channel: Mapped[str]
    arm: Mapped[str]
    state: Mapped[str] = mapped_column(server_default="pending")
    reason: Mapped[str | None]
    address: Mapped[str]
    # What the message is made of; forgotten once the outcome is known.
    person: Mapped[dict[str, Any] | None]
    due_at: Mapped[Now]
    owner: Mapped[UUID | None]
    lease_until: Mapped[datetime | None]
    attempts: Mapped[int] = mapped_column(server_default="0")
    message_id: Mapped[str | None]
    subject: Mapped[str | None]
    language: Mapped[str | None]
    sent_at: Mapped[datetime | None]
    updated_at: Mapped[Now]


class Attempt(Base):
    """One try to hand a message to the provider, written before it is called."""

    __tablename__ = "attempt"

    send_id: Mapped[UUID] = mapped_column(ForeignKey("send.send_id"), primary_key=True)
    number: Mapped[int] = mapped_column(primary_key=True)
    started_at: Mapped[Now]
    ended_at: Mapped[datetime | None]
    outcome: Mapped[str | None]
    detail: Mapped[str | None]


class Unsubscribe(Base):
    """Who used the link to be left alone; heeded from this moment, whatever profile-service has heard."""

    __tablename__ = "unsubscribe"

    identity_id: Mapped[UUID] = mapped_column(primary_key=True)
    channel: Mapped[str] = mapped_column(primary_key=True)
    purpose: Mapped[str] = mapped_column(primary_key=True)
    at: Mapped[Now]
    send_id: Mapped[UUID]
