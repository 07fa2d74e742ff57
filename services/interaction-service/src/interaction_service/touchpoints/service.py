"""Telling of contacts, and a customer's history of them."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from uuid import UUID

import asyncpg
import msgspec
from rapport.database import Connection
from rapport.identity import identity_id, strength
from rapport.pagination import decode_cursor, encode_cursor

from interaction_service.fields import canonical
from interaction_service.ids import new_ids
from interaction_service.masking import masked_data
from interaction_service.touchpoints import repository
from interaction_service.touchpoints.errors import NotYet
from interaction_service.touchpoints.intake import Contact, Intake, message_key
from interaction_service.touchpoints.partitions import Partitions
from interaction_service.touchpoints.recording import record
from interaction_service.touchpoints.schemas import NewTouchpoint, Stored

SOURCE = "touchpoints"
FUTURE = timedelta(days=1)


class Item(msgspec.Struct):
    """One touchpoint of a history, as answered."""

    touchpoint_id: UUID
    identity_id: UUID
    type: str
    name: str | None
    channel: str
    direction: str
    occurred_at: datetime
    received_at: datetime
    data: msgspec.Raw


async def tell(
    connection: Connection,
    partitions: Partitions,
    new: Sequence[NewTouchpoint],
    subject: str,
    country: str,
    *,
    numbered: bool,
) -> list[Stored]:
    """Store contacts under their strongest identifier; raises `IdentifiersInvalid` or `NotYet`.

    `numbered` says that the caller sent a list, in which pointers begin with an index.
    """
    now = datetime.now(UTC)
    intakes = [
        _intake(each, touchpoint_id, now, subject, country, f"/{index}" if numbered else "")
        for index, (each, touchpoint_id) in enumerate(zip(new, new_ids(len(new)), strict=True))
    ]
    await partitions.ensure(each.touchpoint.occurred_at for each in intakes)
    known = await record(connection, intakes)
    return [_stored(each, known) for each in intakes]


def _intake(new: NewTouchpoint, touchpoint_id: str, now: datetime, subject: str, country: str, pointer: str) -> Intake:
    identifiers = sorted(canonical(new.identifiers, country, pointer), key=lambda each: strength(each.kind))
    at = new.occurred_at or now
    if at > now + FUTURE:
        detail = "occurred_at is more than a day ahead."
        raise NotYet(detail, errors=[{"pointer": f"{pointer}/occurred_at", "detail": detail}])
    contact = Contact(
        identity_id(identifiers[0].kind, identifiers[0].value),
        new.type,
        new.channel,
        new.direction,
        at,
        now,
        SOURCE,
        new.data,
        list(dict.fromkeys(identifiers)),
        new.name,
        new.message_id,
    )
    key = message_key(f"{SOURCE}:{subject}", new.message_id) if new.message_id else None
    return contact.intake(touchpoint_id, key)


def _stored(intake: Intake, known: dict[UUID, UUID]) -> Stored:
    own = UUID(intake.touchpoint.touchpoint_id)
    first = known.get(intake.key, own) if intake.key else own
    return Stored(touchpoint_id=first, identity_id=intake.touchpoint.identity_id, duplicate=first != own)


async def history(
    connection: Connection,
    identities: Sequence[UUID],
    wanted: tuple[str | None, str | None, datetime | None, datetime | None],
    limit: int,
    cursor: str | None,
    *,
    personal: bool,
) -> bytes:
    """A page of a customer's history as JSON, newest first; `wanted` is type, channel, since and until."""
    before = decode_cursor(cursor, tuple[datetime, UUID]) if cursor else None
    rows = await repository.history(connection, identities, *wanted, before, limit + 1)
    items = [_item(row, personal=personal) for row in rows[:limit]]
    following = encode_cursor(items[-1].occurred_at, items[-1].touchpoint_id) if len(rows) > limit else None
    return msgspec.json.encode({"items": items, "next_cursor": following})


def _item(row: asyncpg.Record, *, personal: bool) -> Item:
    item = Item(**{**row, "data": msgspec.Raw(row["data"].encode())})
    if not personal:
        item.data = msgspec.Raw(msgspec.json.encode(masked_data(msgspec.json.decode(item.data))))
    return item
