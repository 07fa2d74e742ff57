"""A person's place in a campaign."""

from datetime import datetime
from uuid import UUID

from pydantic import Field

from campaign_service.values import Strict


class AttemptOut(Strict):
    """One try to deliver."""

    number: int
    started_at: datetime
    ended_at: datetime | None
    outcome: str | None = Field(description="accepted, refused, deferred or uncertain; null while it runs")
    detail: str | None


class RecipientOut(Strict):
    """In or out, for which `reason`, in which arm; `state` is that of the message.

    `state` is `control` for those who get none because they are the control group, `excluded` for those left out, and
    `detail` says why a message was not sent.
    """

    campaign_id: UUID
    profile_id: UUID
    identity_id: UUID | None
    included: bool
    reason: str
    arm: str | None
    state: str
    detail: str | None
    assigned_at: datetime | None
    sent_at: datetime | None
    send_id: UUID | None
    message_id: str | None
    attempts: int


class RecipientWithAttempts(RecipientOut):
    """A person's place in a campaign, with every try to deliver."""

    tries: list[AttemptOut]
