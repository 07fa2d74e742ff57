"""Which word on consent counts. Pure."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Final, Literal, cast
from uuid import UUID

Status = Literal["granted", "denied", "withdrawn"]
Shown = Literal["granted", "denied", "withdrawn", "pending"]
Reason = Literal[
    "granted",
    "no_consent",
    "denied",
    "withdrawn",
    "suppressed",
    "restricted",
    "list_without_lawful_basis",
    "list_use_not_permitted",
    "list_expired",
    "unknown_profile",
]
GRANTED: Final = "granted"
PENDING: Final = "pending"
PERMITTED: Final = "permitted"
# The one that is nearest to being mended first.
_OBJECTIONS: Final = ("list_expired", "list_use_not_permitted", "list_without_lawful_basis")


@dataclass(frozen=True, slots=True)
class Entry:
    """What was said by or about an identity on a channel for a purpose; `confirmed_at` is when it was last said.

    A `pending` entry is a grant that waits for the customer to confirm it; it is shown, and counts for nothing.
    """

    identity_id: UUID
    channel: str
    purpose: str
    status: Shown
    lawful_basis: str | None
    source: str
    proof: str | None
    at: datetime
    confirmed_at: datetime

    @property
    def subject(self) -> tuple[UUID, str, str]:
        """Whose word on what."""
        return self.identity_id, self.channel, self.purpose

    @property
    def topic(self) -> tuple[str, str]:
        """Channel and purpose."""
        return self.channel, self.purpose

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


def shown(word: Entry | None, pending: Iterable[Entry]) -> Entry:
    """What to show for a channel and purpose: a newer grant that waits for its confirmation, else the word that counts.

    A grant that stands is not put in doubt by one asked for again.
    """
    waiting = max(pending, key=lambda each: each.at, default=None)
    if word is None or (waiting is not None and word.status != GRANTED and waiting.at >= word.confirmed_at):
        assert waiting is not None  # noqa: S101  there is one or the other
        return waiting
    return word


def needs_confirmation(channel: str, purpose: str, rules: Iterable[str]) -> bool:
    """Whether grants wait for a confirmation: `rules` are `channel/purpose`, either of which may be `*`."""
    wanted = {f"{channel}/{purpose}", f"{channel}/*", f"*/{purpose}", "*/*"}
    return not wanted.isdisjoint(rules)


@dataclass(frozen=True, slots=True)
class Standing:
    """What decides about one customer: the present words of all their identities, and the lists they are on.

    `lists` says of each list `permitted`, or what speaks against using it: `list_without_lawful_basis`,
    `list_use_not_permitted`, `list_expired`.
    """

    statuses: frozenset[str] = frozenset()
    lists: frozenset[str] = frozenset()
    suppressed: bool = False
    restricted: bool = False


def verdict(standing: Standing) -> Reason:
    """Why a customer may or may not be contacted.

    The customer's own word outweighs any list; without one, a list counts for as much as its lawful basis, its
    permitted uses and its expiry allow, and one good list will do.
    """
    for bar, holds in (("restricted", standing.restricted), ("suppressed", standing.suppressed)):
        if holds:
            return cast("Reason", bar)
    for said in ("withdrawn", "denied", GRANTED):
        if said in standing.statuses:
            return cast("Reason", said)
    if PERMITTED in standing.lists:
        return "granted"
    return cast("Reason", min(standing.lists, key=_OBJECTIONS.index)) if standing.lists else "no_consent"
