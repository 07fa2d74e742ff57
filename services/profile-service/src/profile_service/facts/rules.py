"""Survivorship: which of several facts about one thing counts. Pure; the losing facts stay."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, Literal
from uuid import UUID

Origin = Literal["stated", "observed", "inferred"]
_RANK: Final = {"stated": 0, "observed": 1, "inferred": 2}


@dataclass(frozen=True, slots=True)
class Fact:
    """A value of a trait (dotted `key`) and where it comes from; the value null says that there is none any more."""

    fact_id: UUID
    identity_id: UUID
    key: str
    value: Any
    origin: Origin
    source: str
    confidence: float
    first_observed_at: datetime
    observed_at: datetime
    expires_at: datetime | None
    recorded_at: datetime


def winners(facts: Iterable[Fact], now: datetime) -> dict[str, Fact]:
    """The fact that counts for each key: stated before observed before inferred, then the newest."""
    best: dict[str, Fact] = {}
    for fact in facts:
        expired = fact.expires_at is not None and fact.expires_at <= now
        if not expired and (fact.key not in best or _order(fact) > _order(best[fact.key])):
            best[fact.key] = fact
    return best


def traits_of(facts: Iterable[Fact], now: datetime) -> dict[str, Any]:
    """Current values by dotted key."""
    return {key: fact.value for key, fact in winners(facts, now).items() if fact.value is not None}


def _order(fact: Fact) -> tuple[int, datetime, float, str, UUID, str]:
    # Past confidence any fixed order will do, as long as arrival plays no part in it.
    return -_RANK[fact.origin], fact.observed_at, fact.confidence, fact.source, fact.identity_id, repr(fact.value)
