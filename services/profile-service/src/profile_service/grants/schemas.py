"""Bodies of the calls about grants."""

from datetime import datetime
from typing import Annotated
from uuid import UUID

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from profile_service.attributes.schemas import KEY_PATTERN
from profile_service.fields import LongText, Time


class GrantBody(BaseModel):
    """That the customer `granted_to` may use the records of `key` until a time to come."""

    model_config = ConfigDict(extra="forbid")

    key: Annotated[str, Field(pattern=KEY_PATTERN, examples=["foot_measures"])]
    granted_to: UUID
    until: Time
    note: LongText | None = None


class GrantAnswer(BaseModel):
    """A grant; `live` while it is neither over nor revoked, `uses` counts the readings it made possible."""

    grant_id: UUID
    key: str
    profile_id: UUID
    granted_to: UUID
    until: AwareDatetime
    note: str | None
    created_at: AwareDatetime
    created_by: str
    revoked_at: datetime | None
    revoked_by: str | None
    live: bool
    uses: int
    last_used_at: datetime | None


class UseAnswer(BaseModel):
    """That records were read by virtue of a grant; `used_by` is the subject of the token that read."""

    used_at: AwareDatetime
    used_by: str
