"""Decisions as they were made."""

from typing import Any
from uuid import UUID

from sqlalchemy import Index
from sqlalchemy.orm import Mapped

from campaign_service.models.base import Base, NewId, Now


class Decision(Base):
    """What was proposed to a customer, and the record of why."""

    __tablename__ = "decision"
    __table_args__ = (Index("ix_decision_profile", "profile_id", "decided_at"),)

    decision_id: Mapped[NewId]
    profile_id: Mapped[UUID]
    channel: Mapped[str | None]
    moment: Mapped[str | None]
    decided_at: Mapped[Now]
    record: Mapped[dict[str, Any]]
