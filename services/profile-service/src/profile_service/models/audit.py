"""Who read or changed which profile."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import ARRAY, CheckConstraint, DateTime, Index, Integer, Text, Uuid, func, text
from sqlalchemy.orm import Mapped, mapped_column

from profile_service.models.base import Base


class AuditEntry(Base):
    """One token reading or changing one profile, by the route of the call, which holds no values.

    Append-only: a trigger refuses every UPDATE and DELETE but those of `audit_purge`, which keeps to whole ages.
    """

    __tablename__ = "audit"

    audit_id: Mapped[UUID] = mapped_column(Uuid, primary_key=True, server_default=text("uuidv7()"))
    at: Mapped[datetime] = mapped_column(DateTime(timezone=True), server_default=func.now())
    profile_id: Mapped[UUID] = mapped_column(Uuid)
    kind: Mapped[str] = mapped_column(Text)
    action: Mapped[str] = mapped_column(Text)
    subject: Mapped[str] = mapped_column(Text)
    token_id: Mapped[str | None] = mapped_column(Text)
    key_id: Mapped[str | None] = mapped_column(Text)
    scopes: Mapped[list[str]] = mapped_column(ARRAY(Text))
    times: Mapped[int] = mapped_column(Integer, server_default="1")

    __table_args__ = (
        CheckConstraint("kind IN ('read', 'change')", name="kind"),
        Index(None, "profile_id", "audit_id"),
        Index(None, "at", postgresql_using="brin"),
    )
