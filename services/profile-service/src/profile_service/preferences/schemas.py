"""Bodies of the call that makes a link."""

from typing import Annotated
from uuid import UUID

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field


class LinkBody(BaseModel):
    """How long the link shall open the page."""

    model_config = ConfigDict(extra="forbid")

    valid_days: Annotated[int, Field(ge=1, le=365)] = 30


class LinkAnswer(BaseModel):
    """A link for one customer alone: whoever has it may change what they allow."""

    profile_id: UUID
    url: str
    token: str
    expires_at: AwareDatetime
