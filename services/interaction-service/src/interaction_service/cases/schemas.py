"""Bodies of the case endpoints."""

from datetime import datetime
from typing import Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict

from interaction_service.fields import Identifiers, Line, Moment, Strict, Text

Kind = Literal["complaint", "suggestion"]
Severity = Literal["low", "normal", "high", "critical"]
State = Literal["open", "in_progress", "resolved", "closed"]


class NewCase(Strict):
    """A complaint or suggestion, of the customer with `profile_id` or these `identifiers`."""

    profile_id: UUID | None = None
    identifiers: Identifiers | None = None
    conversation_id: UUID | None = None
    kind: Kind = "complaint"
    severity: Severity = "normal"
    subject: Line
    text: Text | None = None
    owner: Line | None = None
    due_at: Moment | None = None


class CasePatch(Strict):
    """JSON Merge Patch: what is left out stays, null takes away what may be absent."""

    kind: Kind = "complaint"
    severity: Severity = "normal"
    state: State = "open"
    subject: Line = ""
    text: Text | None = None
    owner: Line | None = None
    due_at: Moment | None = None
    resolution: Text | None = None


class CaseView(BaseModel):
    """One case."""

    model_config = ConfigDict(from_attributes=True)

    case_id: UUID
    identity_id: UUID
    conversation_id: UUID | None
    kind: Kind
    severity: Severity
    state: State
    subject: str
    text: str | None
    owner: str | None
    due_at: datetime | None
    resolution: str | None
    opened_at: datetime
    updated_at: datetime
    closed_at: datetime | None
    version: int
