"""Bodies of the calls about rights."""

from typing import Annotated, Literal
from uuid import UUID

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from profile_service.fields import IdentifierBody

Type = Literal["access", "portability", "erasure", "restriction"]
State = Literal["queued", "running", "succeeded"]


class RequestBody(BaseModel):
    """What a customer asks for, who is known by these identifiers; any one of theirs will do."""

    model_config = ConfigDict(extra="forbid")

    type: Type
    identifiers: Annotated[list[IdentifierBody], Field(min_length=1, max_length=50)]


class Receipt(BaseModel):
    """What one service has done: rows by table; `waiting` while it cannot be reached, `detail` says why."""

    service: str
    state: Literal["pending", "waiting", "done"]
    at: AwareDatetime | None
    counts: dict[str, int]
    detail: str | None


class Exports(BaseModel):
    """Where the export is, as one JSON, a page to read, and one JSON object a line."""

    json_: Annotated[str, Field(alias="json", serialization_alias="json")]
    html: str
    ndjson: str


class RequestAnswer(BaseModel):
    """A request, how far it is, and who is `missing`. It does not say whom it is about, which outlives nobody."""

    id: UUID
    type: Type
    state: State
    identifier_kinds: list[str]
    profile_ids: list[UUID]
    created_at: AwareDatetime
    completed_at: AwareDatetime | None
    lifted_at: AwareDatetime | None
    job_id: UUID | None
    missing: list[str]
    receipts: list[Receipt]
    exports: Exports | None
