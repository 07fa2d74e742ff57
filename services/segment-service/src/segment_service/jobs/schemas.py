"""Jobs as they are answered."""

from typing import Any, Literal
from uuid import UUID

from pydantic import AwareDatetime, BaseModel

State = Literal["queued", "running", "succeeded", "failed", "cancelled"]


class JobAnswer(BaseModel):
    """Long work: `done` of `total`, null while not known; `error` says why it failed, `result` what came of it."""

    job_id: UUID
    kind: str
    state: State
    done: int
    total: int | None
    error: str | None
    result: dict[str, Any] | None
    cancel_requested: bool
    created_at: AwareDatetime
    started_at: AwareDatetime | None
    finished_at: AwareDatetime | None
