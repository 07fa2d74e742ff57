"""Which touchpoints change the file. Pure."""

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Final, Literal, NamedTuple
from uuid import UUID

Kind = Literal["order", "delivery", "return", "call", "campaign_response"]

# Segment's e-commerce names, and those in use beside them.
_NAMED: Final[Mapping[str, Kind]] = {
    "order completed": "order",
    "order placed": "order",
    "order shipped": "delivery",
    "order delivered": "delivery",
    "order fulfilled": "delivery",
    "delivery completed": "delivery",
    "order refunded": "return",
    "order returned": "return",
    "return received": "return",
    "campaign responded": "campaign_response",
}
# What a mail program or server does by itself is not somebody answering.
_BY_ITSELF: Final = frozenset({"email sent", "email delivered", "email opened", "email bounced", "unsubscribed"})
_CALLS: Final = frozenset({"phone", "call", "telephone"})


class Span(NamedTuple):
    """The first and the last time of something."""

    first_at: datetime
    last_at: datetime

    def with_(self, other: "Span") -> "Span":
        """Both together."""
        return Span(min(self.first_at, other.first_at), max(self.last_at, other.last_at))


def kinds(name: str | None, touchpoint_type: str, channel: str, direction: str, *, campaign: bool) -> set[Kind]:
    """What a touchpoint is to the file, if anything; `campaign` when it names the campaign it answers."""
    said = (name or touchpoint_type).lower()
    found: set[Kind] = {_NAMED[said]} if said in _NAMED else set()
    if channel in _CALLS or touchpoint_type in _CALLS:
        found.add("call")
    if campaign and direction == "inbound" and said not in _BY_ITSELF:
        found.add("campaign_response")
    return found


def together(spans: Iterable[tuple[UUID, Kind, Span]]) -> dict[tuple[UUID, Kind], Span]:
    """One span for each identity and kind."""
    found: dict[tuple[UUID, Kind], Span] = {}
    for identity_id, kind, span in spans:
        known = found.get((identity_id, kind))
        found[identity_id, kind] = span if known is None else known.with_(span)
    return found
