"""Survivorship: which of several facts about one thing counts, and why. Pure; the losing facts stay."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, Literal
from uuid import UUID

Origin = Literal["stated", "observed", "inferred"]
Criterion = Literal["source", "origin", "newest", "oldest", "confidence"]
Reason = Literal["only", "source", "origin", "newest", "oldest", "confidence", "tie", "expired", "withdrawn"]
_RANK: Final = {"stated": 0, "observed": 1, "inferred": 2}


@dataclass(frozen=True, slots=True)
class Survivorship:
    """How facts about one attribute are ranked: criteria, the weightiest first, and sources, most trusted first."""

    by: tuple[Criterion, ...] = ("source", "origin", "newest")
    trusted_sources: tuple[str, ...] = ()


DEFAULT: Final = Survivorship()


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
    withdrawn_at: datetime | None = None
    withdrawn_by: str | None = None
    withdrawal_reason: str | None = None
    import_id: UUID | None = None
    personal: bool = False
    survivorship: Survivorship = DEFAULT

    def counts(self, now: datetime) -> bool:
        """Whether it can win: neither withdrawn nor expired."""
        return self.withdrawn_at is None and (self.expires_at is None or self.expires_at > now)


@dataclass(frozen=True, slots=True)
class Standing:
    """Whether a fact wins, which one beat it, and the criterion that decided between it and the best other one."""

    wins: bool
    reason: Reason
    beaten_by: UUID | None = None


def winners(facts: Iterable[Fact], now: datetime) -> dict[str, Fact]:
    """The fact that counts for each key: unless the attribute says otherwise, that of the most trusted source, stated
    before observed before inferred, then the newest."""
    best: dict[str, Fact] = {}
    for fact in facts:
        if fact.counts(now) and (fact.key not in best or _order(fact) > _order(best[fact.key])):
            best[fact.key] = fact
    return best


def traits_of(facts: Iterable[Fact], now: datetime) -> dict[str, Any]:
    """Current values by dotted key."""
    return {key: fact.value for key, fact in winners(facts, now).items() if fact.value is not None}


def standings(facts: Iterable[Fact], now: datetime) -> dict[UUID, Standing]:
    """Where each fact stands among all `facts` about the same customer, by its id."""
    by_key: dict[str, list[Fact]] = {}
    for fact in facts:
        by_key.setdefault(fact.key, []).append(fact)
    found: dict[UUID, Standing] = {}
    for group in by_key.values():
        ranked = sorted((fact for fact in group if fact.counts(now)), key=_order, reverse=True)
        best = ranked[0].fact_id if ranked else None
        for fact in group:
            if not fact.counts(now):
                found[fact.fact_id] = Standing(False, "withdrawn" if fact.withdrawn_at else "expired", best)
        for fact in ranked[1:]:
            found[fact.fact_id] = Standing(False, _difference(ranked[0], fact), best)
        if best is not None:
            found[best] = Standing(True, _difference(ranked[0], ranked[1]) if len(ranked) > 1 else "only")
    return found


def _difference(better: Fact, worse: Fact) -> Reason:
    for criterion in better.survivorship.by:
        if _by(criterion, better) != _by(criterion, worse):
            return criterion
    return "tie"


def _by(criterion: Criterion, fact: Fact) -> float:
    """Greater is better."""
    trusted = fact.survivorship.trusted_sources
    match criterion:
        case "source":
            return -trusted.index(fact.source) if fact.source in trusted else -len(trusted)
        case "origin":
            return -_RANK[fact.origin]
        case "newest":
            return fact.observed_at.timestamp()
        case "oldest":
            return -fact.first_observed_at.timestamp()
        case "confidence":
            return fact.confidence


def _order(fact: Fact) -> tuple[tuple[float, ...], datetime, float, str, UUID, str]:
    # Past the criteria any fixed order will do, as long as arrival plays no part in it.
    ranks = tuple(_by(criterion, fact) for criterion in fact.survivorship.by)
    return ranks, fact.observed_at, fact.confidence, fact.source, fact.identity_id, repr(fact.value)
