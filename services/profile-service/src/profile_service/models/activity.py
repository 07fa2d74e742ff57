"""What customers did last, under the identity they did it with."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import DateTime, Text, Uuid
from sqlalchemy.orm import Mapped, mapped_column

from profile_service.models.base import Base


class Activity(Base):
    """The first and the last time that somebody ordered, got, sent back, called or answered."""

    __tablename__ = "activity"

    identity_id: Mapped[UUID] = mapped_column(Uuid, primary_key=True)
    kind: Mapped[str] = mapped_column(Text, primary_key=True)
    first_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    last_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))
