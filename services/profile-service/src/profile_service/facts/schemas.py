"""Bodies of the calls about facts."""

from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from profile_service.facts.rules import Origin, Reason
from profile_service.fields import ShortText, Time


class FactBody(BaseModel):
    """A fact as told; `observed_at` is now unless given."""

    model_config = ConfigDict(extra="forbid")

    key: Annotated[str, Field(min_length=1, max_length=200, description="Dotted for nested traits: `address.city`")]
    value: Any
    origin: Origin = "stated"
    source: ShortText = "api"
    confidence: Annotated[float, Field(ge=0, le=1)] = 1.0
    observed_at: Time | None = None
    expires_at: Time | None = None


class FactAnswer(BaseModel):
    """A fact as kept; `wins` when the profile's traits show it.

    `reason` is what decided: that it is the `only` one, or what tells the winner from the best other one (a loser
    from the winner, `beaten_by`): a more trusted `source`, its `origin`, that it is `newest` or `oldest`, the
    `confidence`, a `tie`; or that it is `expired` or `withdrawn` and cannot win. A fact that came with a list names its
    import, which says on what basis and for which uses it is kept.
    """

    fact_id: UUID
    key: str
    value: Any
    origin: Origin
    source: str
    confidence: float
    first_observed_at: AwareDatetime
    observed_at: AwareDatetime
    expires_at: datetime | None
    recorded_at: AwareDatetime
    identity_id: UUID
    import_id: UUID | None
    wins: bool
    reason: Reason
    beaten_by: UUID | None
    withdrawn_at: datetime | None
    withdrawn_by: str | None
    withdrawal_reason: str | None
