"""Entries of the audit trail as they are answered."""

from typing import Literal
from uuid import UUID

from pydantic import AwareDatetime, BaseModel


class AuditAnswer(BaseModel):
    """One token reading or changing the profile, `times` within milliseconds; `action` is the call's method and route.

    `profile_id` is the id that the profile had, or was asked for by, at that time.
    """

    audit_id: UUID
    at: AwareDatetime
    profile_id: UUID
    kind: Literal["read", "change"]
    action: str
    subject: str
    token_id: str | None
    key_id: str | None
    scopes: list[str]
    times: int
