"""The body of an engagement, and its answer as documented; the answer itself is written without these models."""

from datetime import datetime
from typing import Any, Literal
from uuid import UUID

from pydantic import BaseModel

from interaction_service.conversations.schemas import MessageView
from interaction_service.fields import Channel, Identifiers, Line, Moment, Strict, Text
from interaction_service.touchpoints.schemas import TouchpointView


class NewWords(Strict):
    """What the customer, or we, said."""

    text: Text
    author: Line | None = None


class NewEngagement(Strict):
    """A contact on any channel, with whatever identifiers the channel has."""

    channel: Channel
    direction: Literal["inbound", "outbound"] = "inbound"
    identifiers: Identifiers
    topic: Line | None = None
    message: NewWords | None = None
    create_profile: bool = True
    occurred_at: Moment | None = None


class ProfilePart(BaseModel):
    """Who this is, and how sure that is."""

    profile_id: UUID | None
    confidence: float
    created: bool
    display_name: str | None
    language: str | None
    traits: dict[str, Any]


class ConversationPart(BaseModel):
    """The conversation this contact belongs to; when and where it was before this contact."""

    conversation_id: UUID
    resumed: bool
    topic: str | None
    opened_at: datetime
    last_channel: str
    last_message_at: datetime
    messages: list[MessageView]
    summary: str | None


class OpenPart(BaseModel):
    """What is still open."""

    cases: list[dict[str, Any]]
    promises: list[dict[str, Any]]
    tasks: list[dict[str, Any]]


class HistoryPart(BaseModel):
    """What was before this contact; `by_channel` counts touchpoints."""

    touchpoints: int
    first_at: datetime | None
    last_at: datetime | None
    by_channel: dict[str, int]
    recent: list[TouchpointView]


class NextPart(BaseModel):
    """What to do next, best first."""

    actions: list[dict[str, Any]]
    question: dict[str, Any] | None


class EngagementAnswer(BaseModel):
    """All that is known of a customer at the moment of contact; parts that a service owed are named in `degraded`."""

    engagement_id: UUID | None
    profile: ProfilePart
    conversation: ConversationPart | None
    open: OpenPart
    history: HistoryPart
    standing: dict[str, Any] | None
    next: NextPart | None
    degraded: list[Literal["profile", "segment", "campaign"]]
