"""Taking in what customers did."""

from collections.abc import Collection, Sequence
from typing import Any, Final
from uuid import UUID, uuid5

import msgspec
from rapport.database import Connection
from rapport.feed import ReceivedEvent

from segment_service.columns import changes as columns
from segment_service.columns.parts import event_part
from segment_service.consumers.events import Touchpoint, announcements, properties
from segment_service.events import repository
from segment_service.events.repository import NewEvent
from segment_service.events.rules import flatten, stored

# Traits come from profile-service, which knows what became of them; these would only be copies of personal data.
_WITHOUT_VALUES: Final = frozenset({"identify", "group", "alias"})
# Of what interaction-service says of cases and conversations: what a rule may ask for, and nobody's words.
_ANNOUNCED: Final = ("kind", "severity", "state", "topic", "channel", "case_id", "conversation_id")
_NAMESPACE: Final = UUID("2f4c1c1e-52a9-5e0c-9a44-0a3d4a6f7f21")
_encode = msgspec.json.Encoder(decimal_format="number").encode


async def take(connection: Connection, events: Sequence[NewEvent], version: int) -> list[NewEvent]:
    """Keep events of any age, each once; those that are new."""
    if not events:
        return []
    # Neighbours in the key go in together.
    fresh = await repository.add(connection, sorted(events, key=lambda each: each[:3]), version)
    new = [each for each in {each.event_id: each for each in events}.values() if each.event_id in fresh]
    await columns.known(connection, {event_part(each.occurred_at) for each in new})
    return new


def name_of(seen: Touchpoint) -> str:
    """What rules call a touchpoint: a track call by its own name, whatever else by its type."""
    return seen.name if seen.type == "track" and seen.name else seen.type


def of_touchpoint(seen: Touchpoint, data: dict[str, Any] | None = None) -> NewEvent:
    """A touchpoint as an event; `data` if it is decoded already."""
    values: dict[str, Any] = {}
    if seen.type not in _WITHOUT_VALUES:
        values = data if data is not None else properties.decode(seen.data) or {}
        if seen.name and seen.type != "track":
            values = {"name": seen.name, **values}
    return NewEvent(
        seen.identity_id,
        seen.occurred_at,
        UUID(seen.touchpoint_id),
        _plain(name_of(seen)),
        seen.channel,
        seen.direction,
        _json(values),
    )


def of_announcement(event: ReceivedEvent) -> NewEvent | None:
    """What is announced of a case or conversation as an event; None without a customer."""
    said = announcements.decode(event.data)
    identity = said.get("identity_id")
    if not isinstance(identity, str) or event.type == "conversation.message":
        # Each message is a touchpoint as well.
        return None
    values = {name: said[name] for name in _ANNOUNCED if said.get(name) is not None}
    channel = said.get("channel")
    return NewEvent(
        UUID(identity),
        event.time,
        uuid5(_NAMESPACE, event.id),
        event.type,
        channel if isinstance(channel, str) else None,
        None,
        _json(values),
    )


def causes(events: Collection[NewEvent]) -> dict[UUID, set[str]]:
    """By identity, what segments have to look at again."""
    found: dict[UUID, set[str]] = {}
    for each in events:
        found.setdefault(each.identity_id, set()).add(f"event:{each.name}")
    return found


def _json(values: dict[str, Any]) -> str:
    return _encode(stored(flatten(values))).decode() if values else "{}"


def _plain(name: str) -> str:
    return name.replace("\x00", "") if "\x00" in name else name
