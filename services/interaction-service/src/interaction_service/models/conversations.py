"""Conversations and what was said in them."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import ARRAY, CheckConstraint, ForeignKey, Index, Uuid, func, text
from sqlalchemy.orm import Mapped, mapped_column

from interaction_service.models.base import Base


class Conversation(Base):
    """One topic with one customer, across channels; `summary` is set only when a person wrote it.

    `known_by` are the profile it was opened for and those identities in the first contact that are a person's own:
    whoever comes by these at the same time continues it, though the map of identities does not know yet.
    """

    __tablename__ = "conversation"
    __table_args__ = (
        CheckConstraint("state IN ('open', 'closed')", name="state"),
        Index(None, "identity_id", "last_message_at"),
        Index(None, "known_by", postgresql_using="gin", postgresql_where=text("state = 'open'")),
    )

    conversation_id: Mapped[UUID] = mapped_column(primary_key=True, server_default=func.uuidv7())
    identity_id: Mapped[UUID]
    topic: Mapped[str | None]
    state: Mapped[str] = mapped_column(server_default="open")
    opened_at: Mapped[datetime]
    closed_at: Mapped[datetime | None]
    last_channel: Mapped[str]
    last_message_at: Mapped[datetime]
    summary: Mapped[str | None]
    version: Mapped[int] = mapped_column(server_default="1")
    known_by: Mapped[list[UUID]] = mapped_column(ARRAY(Uuid), server_default=text("'{}'"))


class Message(Base):
    """One thing said, by either side."""

    __tablename__ = "conversation_message"
    __table_args__ = (
        CheckConstraint("direction IN ('inbound', 'outbound')", name="direction"),
        Index(None, "conversation_id", "occurred_at", "message_id"),
    )

    message_id: Mapped[UUID] = mapped_column(primary_key=True, server_default=func.uuidv7())
    conversation_id: Mapped[UUID] = mapped_column(ForeignKey("conversation.conversation_id"))
    touchpoint_id: Mapped[UUID]
    direction: Mapped[str]
    channel: Mapped[str]
    author: Mapped[str | None]
    text: Mapped[str]
    occurred_at: Mapped[datetime]
