"""Bodies of the conversation endpoints."""

from datetime import datetime
from typing import Literal
from uuid import UUID

from pydantic import BaseModel, Field

from interaction_service.fields import Channel, Line, Moment, Strict, Text

Direction = Literal["inbound", "outbound"]
State = Literal["open", "closed"]


class MessageView(BaseModel):
    """One thing said."""

    message_id: UUID
    direction: Direction
    channel: str
    author: str | None
    text: str
    occurred_at: datetime


class ConversationView(BaseModel):
    """One topic with one customer; `messages` are the last ten, oldest first."""

    conversation_id: UUID
    identity_id: UUID
    topic: str | None
    state: State
    opened_at: datetime
    closed_at: datetime | None
    last_channel: str
    last_message_at: datetime
    summary: str | None
    version: int
    messages: list[MessageView]


class ConversationPatch(Strict):
    """JSON Merge Patch; a null topic or summary takes it away, and the summary is then written by rule again."""

    topic: Line | None = None
    state: State = "open"
    summary: Text | None = None


class NewMessage(Strict):
    """What was said; without a channel it is the conversation's last one, without a time it is now."""

    direction: Direction
    text: Text
    channel: Channel | None = None
    author: Line | None = None
    occurred_at: Moment | None = Field(None)
