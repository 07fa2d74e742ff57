"""Facts of people of whom nothing is known yet, written as the server's own binary COPY: nothing can conflict."""

import hashlib
import io
import os
import struct
import time
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Final
from uuid import UUID

from rapport.database import Connection

from profile_service.facts.rules import Origin

_COLUMNS: Final = (
    *("identity_id", "fact_id", "key", "value", "digest", "origin", "source", "confidence"),
    *("first_observed_at", "observed_at", "expires_at", "import_id"),
)
_HEAD: Final = b"PGCOPY\n\xff\r\n\0" + struct.pack(">ii", 0, 0)
_END: Final = struct.pack(">h", -1)
_NULL: Final = struct.pack(">i", -1)
_EPOCH: Final = datetime(2000, 1, 1, tzinfo=UTC)
_SAME_OFTEN: Final = 50_000
_length = struct.Struct(">i").pack
_LEAD: Final = struct.pack(">h", len(_COLUMNS)) + _length(16)
_SIXTEEN: Final = _length(16)

_DEFINED = "SELECT key, searchable FROM attribute WHERE key = ANY($1::text[]) ORDER BY key FOR SHARE"
_INDEX = """
    UPDATE fact SET search = search_tokens(key, value)
    WHERE identity_id = ANY($1::uuid[]) AND key = ANY($2::text[])
"""


class Teller:
    """Writes facts that have all but owner, key and value in common; values are canonical JSON as text.

    A text's digest is then the one it would have if it were told by itself.
    """

    def __init__(
        self,
        origin: Origin,
        source: str,
        confidence: float,
        observed_at: datetime,
        expires_at: datetime | None,
        import_id: UUID,
    ) -> None:
        observed = _field(_moment(observed_at))
        expires = _NULL if expires_at is None else _field(_moment(expires_at))
        sure = _field(struct.pack(">d", confidence))
        where = _field(origin.encode()) + _field(source.encode())
        self._rest = where + sure + observed + observed + expires + _field(import_id.bytes)
        self._seen: dict[tuple[int, str], bytes] = {}
        self._noise, self._last = os.urandom(6), 0

    async def tell(
        self, connection: Connection, owners: Sequence[UUID], values: Mapping[str, Sequence[str | None]]
    ) -> None:
        """Store facts about identities that have none from this source: by key, texts in the order of `owners`."""
        if not owners or not values:
            return
        # Held until the facts are in: what becomes searchable meanwhile misses none.
        defined = await connection.fetch(_DEFINED, list(values))
        source = io.BytesIO(self._rows(owners, values))
        await connection.copy_to_table("fact", source=source, columns=_COLUMNS, format="binary")
        if searchable := [row["key"] for row in defined if row["searchable"]]:
            await connection.execute(_INDEX, list(owners), searchable)

    def _rows(self, owners: Sequence[UUID], values: Mapping[str, Sequence[str | None]]) -> bytes:
        rest, middle, parts, moment = self._rest, self._middle, [_HEAD], self._moment()
        columns = [(number, key, column) for number, (key, column) in enumerate(values.items())]
        for place, owner in enumerate(owners):
            head = _LEAD + owner.bytes + _SIXTEEN + _id_of(moment, place)
            for number, key, column in columns:
                if (text := column[place]) is not None:
                    parts += (head, middle(number, key, text), rest)
        parts.append(_END)
        return b"".join(parts)

    def _moment(self) -> int:
        """Milliseconds, each given once: by them, the owner's place and the key's number, ids differ and only grow."""
        self._last = max(self._last + 1, time.time_ns() // 1_000_000)
        return self._last

    def _middle(self, number: int, key: str, text: str) -> bytes:
        made = self._seen.get((number, text))
        if made is None:
            value = text.encode()
            tail = bytes((number,)) + self._noise
            made = tail + _field(key.encode()) + _field(b"\x01" + value) + _field(hashlib.sha256(value).digest())
            if len(self._seen) >= _SAME_OFTEN:
                self._seen.clear()
            self._seen[number, text] = made
        return made


def _id_of(milliseconds: int, place: int) -> bytes:
    """The first nine bytes of an id of version 7, whose count goes on where the time ends.

    The index on ids takes what only grows at its end, several times faster than ids that fall anywhere.
    """
    return (milliseconds << 24 | 0x7 << 20 | (place >> 6 & 0xFFF) << 8 | 0x80 | place & 0x3F).to_bytes(9)


def _field(value: bytes) -> bytes:
    return _length(len(value)) + value


def _moment(at: datetime) -> bytes:
    """Microseconds since 2000, as the server counts."""
    gone = at - _EPOCH
    return struct.pack(">q", (gone.days * 86_400 + gone.seconds) * 1_000_000 + gone.microseconds)
