"""Bodies of the calls about duplicates."""

from typing import Literal
from uuid import UUID

from pydantic import AwareDatetime, BaseModel, ConfigDict

from profile_service.fields import LongText

State = Literal["open", "accepted", "rejected"]
Source = Literal["match", "guard"]


class RunBody(BaseModel):
    """`full` compares everybody with everybody; otherwise those new or changed since the last run with everybody."""

    model_config = ConfigDict(extra="forbid")

    full: bool = False


class RunAnswer(BaseModel):
    """The job that does it."""

    job_id: UUID


class FieldWeight(BaseModel):
    """How far a field agrees, and what that says: `weight` is log2 of how much likelier it is for one customer."""

    field: str
    level: str
    weight: float


class Guarded(BaseModel):
    """What keeps evidence from joining the two."""

    code: str
    detail: str


class CandidateAnswer(BaseModel):
    """Two profiles that may be one customer.

    Found by comparing them (`source` is `match`, `weights` say why), or evidence that guards hold (`guard`, `reasons`
    say why). `profiles` are those at present.
    """

    candidate_id: UUID
    state: State
    source: Source
    profiles: list[UUID]
    probability: float
    weights: list[FieldWeight]
    reasons: list[Guarded]
    link_id: UUID | None
    job_id: UUID | None
    found_at: AwareDatetime
    decided_at: AwareDatetime | None
    decided_by: str | None
    reason: str | None


class DecisionBody(BaseModel):
    """Why, for the ledger."""

    model_config = ConfigDict(extra="forbid")

    reason: LongText | None = None


class DecisionAnswer(BaseModel):
    """The candidate as decided, and the profiles of its two sides before and after."""

    candidate: CandidateAnswer
    link_id: UUID | None
    profiles_before: list[UUID]
    profiles_after: list[UUID]
