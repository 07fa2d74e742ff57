"""Bodies of the calls about records."""

from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from profile_service.fields import LongText, ShortText, Time

Value = Annotated[Any, Field(description="What fits the attribute's schema", examples=[{"foot": "left", "mm": 265}])]


class RecordBody(BaseModel):
    """A record as told; `observed_at` is when it was so (measured, done), now unless given."""

    model_config = ConfigDict(extra="forbid")

    value: Value
    observed_at: Time | None = None
    expires_at: Time | None = None
    source: ShortText = "api"


class CorrectionBody(BaseModel):
    """What the record should have said; what is left out besides `value` stays."""

    model_config = ConfigDict(extra="forbid")

    value: Value
    observed_at: Time | None = None
    expires_at: Time | None = None
    source: ShortText | None = None
    reason: LongText | None = None


class RecordState(BaseModel):
    """A record as it is or was; a version with `deleted` ends it. `reason` is why it was corrected or deleted."""

    record_id: UUID
    version: int
    value: Any
    observed_at: AwareDatetime
    expires_at: datetime | None
    source: str
    deleted: bool
    reason: str | None
    recorded_at: AwareDatetime
    recorded_by: str


class RecordAnswer(RecordState):
    """A record as it is; `version` is its entity tag."""

    key: str
    identity_id: UUID
    created_at: AwareDatetime
