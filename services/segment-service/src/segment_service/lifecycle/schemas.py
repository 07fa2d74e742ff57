"""A customer's stages as they are answered."""

from datetime import datetime
from uuid import UUID

from pydantic import BaseModel

from segment_service.standing.rules import Stage


class StageOut(BaseModel):
    """A stage from `since` until the next one; null for a prospect who has not been in touch."""

    stage: Stage
    since: datetime | None


class LifecycleOut(StageOut):
    """The stage now, and every stage before it, oldest first, as they follow from all that is known of orders."""

    profile_id: UUID
    as_of: datetime
    stages: list[StageOut]
