"""Jobs as they are answered."""

from datetime import datetime
from typing import Literal
from uuid import UUID

from pydantic import BaseModel

State = Literal["queued", "running", "succeeded", "failed", "cancelled"]


class JobOut(BaseModel):
    """Long work: `done` of `total` customers, null while not known; `error` says why it failed."""

    job_id: UUID
    kind: str
    state: State
    done: int
    total: int | None
    error: str | None
    created_at: datetime
    started_at: datetime | None
    finished_at: datetime | None
