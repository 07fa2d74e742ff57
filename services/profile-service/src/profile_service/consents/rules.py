"""Which word on consent counts. Pure."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Final, Literal
from uuid import UUID

Status = Literal["granted", "denied", "withdrawn"]
Reason = Literal["granted", "no_consent", "denied", "withdrawn", "suppressed", "unknown_profile"]
GRANTED: Final = "granted"


@dataclass(frozen=True, slots=True)
class Entry:
    """What was said by or about an identity on a channel for a purpose; `confirmed_at` is when it was last said."""

    identity_id: UUID
    channel: str
    purpose: str
    status: Status
    lawful_basis: str | None
    source: str
    proof: str | None
    at: datetime
    confirmed_at: datetime

    @property
    def subject(self) -> tuple[UUID, str, str]:
        """Whose word on what."""
        return self.identity_id, self.channel, self.purpose

    def repeats(self, earlier: "Entry") -> bool:
        """Whether this only says again what `earlier` said, at the same time or later."""
        return self.at >= earlier.confirmed_at and (self.status, self.lawful_basis, self.source, self.proof) == (
            earlier.status,
            earlier.lawful_basis,
            earlier.source,
            earlier.proof,
        )


def current(history: Iterable[Entry]) -> Entry:
    """Within one identity the newest word counts, at the same moment the stricter."""
    return max(history, key=lambda each: (each.confirmed_at, each.status != GRANTED, each.at))


def strictest(words: Iterable[Entry]) -> Entry:
    """Of the present words of several identities a refusal beats a grant, and of two alike the newer counts."""
    return max(words, key=lambda each: (each.status != GRANTED, each.confirmed_at, each.status, each.identity_id))


def verdict(statuses: Iterable[str], *, suppressed: bool) -> Reason:
    """Why a customer may or may not be contacted, from the present words of all their identities."""
    said = set(statuses)
    if suppressed:
        return "suppressed"
    if "withdrawn" in said:
        return "withdrawn"
    if "denied" in said:
        return "denied"
    return "granted" if GRANTED in said else "no_consent"
