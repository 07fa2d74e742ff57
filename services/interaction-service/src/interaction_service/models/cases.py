"""Complaints and suggestions."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, Index, func
from sqlalchemy.orm import Mapped, mapped_column

from interaction_service.models.base import Base


class Case(Base):
    """One complaint or suggestion of a customer, followed until it is closed."""

    __tablename__ = "customer_case"
    __table_args__ = (
        CheckConstraint("kind IN ('complaint', 'suggestion')", name="kind"),
        CheckConstraint("severity IN ('low', 'normal', 'high', 'critical')", name="severity"),
        CheckConstraint("state IN ('open', 'in_progress', 'resolved', 'closed')", name="state"),
        Index(None, "identity_id", "state"),
        Index(None, "state", "due_at"),
    )

    case_id: Mapped[UUID] = mapped_column(primary_key=True, server_default=func.uuidv7())
    identity_id: Mapped[UUID]
    conversation_id: Mapped[UUID | None] = mapped_column(ForeignKey("conversation.conversation_id"))
    kind: Mapped[str]
    severity: Mapped[str]
    state: Mapped[str]
    subject: Mapped[str]
    text: Mapped[str | None]
    owner: Mapped[str | None]
    due_at: Mapped[datetime | None]
    resolution: Mapped[str | None]
    opened_at: Mapped[datetime]
    updated_at: Mapped[datetime]
    closed_at: Mapped[datetime | None]
    version: Mapped[int] = mapped_column(server_default="1")

    __mapper_args__ = {"version_id_col": version}
