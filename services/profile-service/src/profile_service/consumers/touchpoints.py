"""Touchpoints as they come over the feed, and what they say about who is who."""

from dataclasses import replace
from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec
from rapport.feed import ReceivedEvent
from rapport.identity import Identifier, InvalidIdentifier, confidence, identity_id, normalise

from profile_service.activity.rules import Kind, Span, kinds
from profile_service.consumers.metrics import REJECTED
from profile_service.ledger.records import PROFILE, Evidence, Key, Sighting, star

RECORDED = "touchpoint.recorded"


class Touchpoint(msgspec.Struct):
    """The parts of a touchpoint that matter here; `data` is decoded only for the types that need it."""

    touchpoint_id: str
    identity_id: UUID
    identifiers: list[Identifier]
    type: str
    occurred_at: datetime
    source: str
    data: msgspec.Raw
    name: str | None = None
    channel: str = ""
    direction: str = "inbound"

    def activities(self) -> list[tuple[UUID, Kind, Span]]:
        """What it changes in the file."""
        # Few touchpoints name a campaign; the others are not decoded to find out.
        campaign = self.source != "campaign" and b'"campaign_id"' in bytes(self.data)
        found = kinds(self.name, self.type, self.channel, self.direction, campaign=campaign)
        return [(self.identity_id, each, Span(self.occurred_at, self.occurred_at)) for each in found]


class Aliased(msgspec.Struct):
    """Data of an alias call."""

    previous_id: str


class Preferences(msgspec.Struct, rename={"category_preferences": "categoryPreferences"}):
    """Consent as the collector's clients send it."""

    category_preferences: dict[str, Any] = {}


class Identified(msgspec.Struct):
    """Data of an identify call."""

    traits: dict[str, Any] | None = None
    consent: Preferences | None = None


_touchpoint = msgspec.json.Decoder(Touchpoint).decode
_aliased = msgspec.json.Decoder(Aliased).decode


def read(event: ReceivedEvent) -> Touchpoint:
    """The touchpoint of an event."""
    return _touchpoint(event.data)


class Heard:
    """What a batch of touchpoints says about identities: each sighting at its earliest, evidence by link."""

    def __init__(self) -> None:
        self.sightings: dict[UUID, Sighting] = {}
        self.evidence: dict[Key, list[Evidence]] = {}
        self.aliases: dict[UUID, list[Evidence]] = {}

    def take(self, touchpoint: Touchpoint) -> None:
        """Add what one touchpoint says."""
        at = touchpoint.occurred_at
        if len(touchpoint.identifiers) == 1:
            # The common case; its identity id came with it.
            known = self.sightings.get(touchpoint.identity_id)
            if known is None or at < known.seen_at:
                only = touchpoint.identifiers[0]
                self._see(Sighting(touchpoint.identity_id, only.kind, only.value, at))
        else:
            seen = [Sighting.of(each, at) for each in touchpoint.identifiers if each.kind != PROFILE]
            for each in seen:
                self._see(each)
            # What a service did by itself, such as sending a mail, comes without identifiers.
            if len(seen) > 1:
                for evidence in star(seen, "same_call", touchpoint.source, touchpoint.touchpoint_id, confidence, at):
                    self._say(evidence)
        if touchpoint.type == "alias" and touchpoint.identifiers:
            self._alias(touchpoint)

    def _see(self, sighting: Sighting) -> None:
        known = self.sightings.get(sighting.identity_id)
        if known is None or sighting.seen_at < known.seen_at:
            self.sightings[sighting.identity_id] = sighting

    def _say(self, evidence: Evidence) -> None:
        self.evidence.setdefault(evidence.edge.key, []).append(evidence)

    def _alias(self, touchpoint: Touchpoint) -> None:
        """The previous id is an anonymous one; if a login says so, also the login of that name, now or in future."""
        try:
            previous = normalise("anonymous_id", _aliased(touchpoint.data).previous_id)
        except (InvalidIdentifier, msgspec.MsgspecError):
            REJECTED.labels("alias").inc()
            return
        anonymous = Sighting.of(Identifier("anonymous_id", previous), touchpoint.occurred_at)
        self._see(anonymous)

        said = Evidence(
            touchpoint.identity_id,
            anonymous.identity_id,
            "alias",
            touchpoint.source,
            touchpoint.occurred_at,
            touchpoint.touchpoint_id,
        )
        self._say(said)
        if any(each.kind == "user_id" for each in touchpoint.identifiers):
            # An operator who takes the alias back takes back what follows from it.
            login = identity_id("user_id", previous)
            self.aliases.setdefault(login, []).append(replace(said, b=login, rests_on=said.edge.key))
