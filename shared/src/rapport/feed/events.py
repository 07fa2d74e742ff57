"""What travels on a feed."""

from datetime import datetime
from typing import Any, NamedTuple

import msgspec

from rapport.errors import BadRequest


class Event(msgspec.Struct, omit_defaults=True, gc=False):
    """One change, as written: `subject` is the id it is about, `data` any JSON value or `msgspec.Raw`."""

    type: str
    time: datetime
    data: Any
    subject: str | None = None


class ReceivedEvent(msgspec.Struct, gc=False):
    """One change, as read from another service's feed; `data` is decoded by whoever knows its shape."""

    id: str
    type: str
    time: datetime
    data: msgspec.Raw
    subject: str | None = None


class Position(NamedTuple):
    """Where a reader stands: a transaction, a row of it, an event of that row; an event's id says all three."""

    xid: int
    sequence: int
    offset: int

    def __str__(self) -> str:
        return f"{self.xid}-{self.sequence}-{self.offset}"

    @classmethod
    def parse(cls, event_id: str | None) -> "Position":
        """The position after `event_id`, or the beginning; raises `BadRequest` for what no feed gave."""
        if not event_id:
            return cls(0, 0, -1)
        parts = event_id.split("-")
        if len(parts) != 3 or not all(part.isascii() and part.isdigit() and len(part) < 19 for part in parts):
            raise BadRequest("lastEventId is not the id of an event of this feed.")
        return cls(*(int(part) for part in parts))
