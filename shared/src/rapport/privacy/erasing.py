"""Taking a person out of a service: tables, feed, stored answers, events put aside."""

import re
import secrets
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final
from uuid import UUID

import asyncpg
import msgspec

from rapport.database import Connection, Database
from rapport.errors import Overloaded, problem_response
from rapport.privacy.holdings import Holding, Person, run

Rewrite = Callable[[Any, Collection[str]], Any]
BLANKED: Final = "privacy.blanked"
# PostgreSQL refuses regular expressions with too many states, and keeps some thirty compiled.
_IDS_PER_PATTERN: Final = 500

_DONE = "SELECT counts FROM erasure WHERE request_id = $1 AND round = $2"
_KEEP = "INSERT INTO erasure (request_id, round, counts, scanned) VALUES ($1, $2, $3::jsonb, $4)"
_SINCE = "SELECT scanned FROM erasure WHERE request_id = $1 ORDER BY round DESC LIMIT 1"
_NOW = "SELECT pg_snapshot_xmin(pg_current_snapshot())::text"
_MENTIONS = "SELECT xid::text, sequence FROM outbox WHERE xid >= $2::text::xid8 AND events ~ ANY ($1::text[])"
_ROW = "SELECT events FROM outbox WHERE xid = $1::text::xid8 AND sequence = $2"
_REWRITE = "UPDATE outbox SET events = $3 WHERE xid = $1::text::xid8 AND sequence = $2"
# Whatever a consumer has fetched and not applied yet was written before this moment: it has to fetch it again.
_FENCE = "UPDATE feed_position SET epoch = epoch + 1"
_ANSWERS = """
    UPDATE idempotency SET status = 410, headers = '{"content-type": "application/problem+json"}', body = $2
    WHERE status <> 410 AND body LIKE ANY ($1::bytea[])
"""
_FAILURES = "DELETE FROM feed_failure WHERE convert_to(event, 'UTF8') LIKE ANY ($1::bytea[])"
# A request that waits for this transaction must not be the one to be sacrificed when the two wait for each other.
_YIELD = "SET LOCAL lock_timeout = '700ms'"


@dataclass(frozen=True, slots=True)
class Erasing:
    """What a service does: its holdings, `within` the transaction before them, how events with many people are cut.

    `within` gives further counts. An event that mentions the person is blanked, but for types in `rewrites`, whose
    data is given with the ids to be left out and comes back without them.
    """

    holdings: Sequence[Holding]
    within: Callable[[Connection, Person], Awaitable[Mapping[str, int]]] | None = None
    rewrites: Mapping[str, Rewrite] = field(default_factory=dict)


class _Written(msgspec.Struct):
    type: str
    time: msgspec.Raw
    data: msgspec.Raw
    subject: str | None = None


_rows = msgspec.json.Decoder(list[msgspec.Raw])
_written = msgspec.json.Decoder(_Written)
_encode = msgspec.json.Encoder().encode


async def erase(database: Database, request_id: UUID, round_: int, person: Person, erasing: Erasing) -> dict[str, int]:
    """Take a person out; what was taken, by table. The same round of the same request is done once.

    Raises `Overloaded` when it would have to wait long for somebody who writes about the same person.
    """
    patterns = _patterns(person)
    # The feed is searched outside the transaction: an open one would hold up everybody who follows it.
    async with database.pool.acquire(timeout=10) as connection:
        since = await connection.fetchval(_SINCE, request_id) or "0"
        now = str(await connection.fetchval(_NOW))
        found = await connection.fetch(_MENTIONS, patterns, since, timeout=3_600) if patterns else []
    places = {(row["xid"], row["sequence"]) for row in found}
    try:
        return await _erase(database, request_id, round_, person, erasing, (patterns, now, places))
    except (asyncpg.LockNotAvailableError, asyncpg.DeadlockDetectedError) as error:
        raise Overloaded("Somebody else is writing about this person at this moment; ask again.") from error


async def _erase(
    database: Database,
    request_id: UUID,
    round_: int,
    person: Person,
    erasing: Erasing,
    searched: tuple[list[str], str, set[tuple[str, int]]],
) -> dict[str, int]:
    patterns, now, places = searched
    async with database.transaction() as connection:
        await connection.execute("SELECT pg_advisory_xact_lock(hashtextextended($1, 11))", str(request_id))
        done = await connection.fetchval(_DONE, request_id, round_)
        if done is not None:
            counts: dict[str, int] = msgspec.json.decode(done)
            return counts
        await connection.execute(_YIELD)
        await connection.execute(_FENCE)
        counts = await _tables(connection, person, erasing)
        if patterns:
            places |= {(row["xid"], row["sequence"]) for row in await connection.fetch(_MENTIONS, patterns, now)}
            counts["events"] = await _events(connection, sorted(places), patterns, person, erasing.rewrites)
        counts = {name: count for name, count in counts.items() if count}
        await connection.execute(_KEEP, request_id, round_, _encode(counts).decode(), now)
    return counts


async def _tables(connection: Connection, person: Person, erasing: Erasing) -> dict[str, int]:
    counts = dict(await erasing.within(connection, person)) if erasing.within else {}
    salt = secrets.token_hex(16)
    keys: list[str] = []
    for holding in erasing.holdings:
        rows = await run(connection, holding.erasing, person, salt)
        counts[holding.table] = counts.get(holding.table, 0) + len(rows)
        keys += [str(row) for row in rows if row is not None]
    needles = [str(each) for each in (*person.own, *person.profiles)] + keys
    patterns = _like(needles, person)
    counts["stored_answers"] = _changed(await connection.execute(_ANSWERS, patterns, _gone()))
    counts["failed_events"] = _changed(await connection.execute(_FAILURES, patterns))
    return counts


async def _events(
    connection: Connection,
    places: Sequence[tuple[str, int]],
    patterns: Sequence[str],
    person: Person,
    rewrites: Mapping[str, Rewrite],
) -> int:
    mentions = re.compile("|".join(patterns).encode())
    gone = frozenset(str(each) for each in person.own)
    count = 0
    for xid, sequence in places:
        text = await connection.fetchval(_ROW, xid, sequence)
        events = [bytes(each) for each in _rows.decode(text)]
        cut = [_cut(each, rewrites, gone) if mentions.search(each) else each for each in events]
        changed = sum(before != after for before, after in zip(events, cut, strict=True))
        if changed:
            # As many events as before: their positions are the ids that consumers stand at.
            await connection.execute(_REWRITE, xid, sequence, "[" + b",".join(cut).decode() + "]")
            count += changed
    return count


def _cut(event: bytes, rewrites: Mapping[str, Rewrite], gone: Collection[str]) -> bytes:
    written = _written.decode(event)
    rewrite = rewrites.get(written.type)
    if rewrite is None:
        return _encode({"type": BLANKED, "time": written.time, "data": {}})
    before = msgspec.json.decode(written.data)
    data = rewrite(before, gone)
    if data == before:
        return event
    kept = {"type": written.type, "time": written.time, "data": data}
    return _encode(kept if written.subject is None else {**kept, "subject": written.subject})


def _patterns(person: Person) -> list[str]:
    """Regular expressions that find the person in an event as JSON; none when there is nothing to find."""
    ids = [str(each) for each in (*person.own, *person.profiles)]
    texts = list(dict.fromkeys([*ids, *(f'"identity_id":"{each}"' for each in person.shared)]))
    return ["|".join(texts[start : start + _IDS_PER_PATTERN]) for start in range(0, len(texts), _IDS_PER_PATTERN)]


def _like(ids: Sequence[str], person: Person) -> list[bytes]:
    """Patterns for LIKE: ids anywhere, values as whole JSON strings, so that a short one finds nobody else's."""
    texts = [*(each.encode() for each in ids), *(_encode(each) for each in person.values)]
    return [b"%" + re.sub(rb"([\\%_])", rb"\\\1", each) + b"%" for each in dict.fromkeys(texts)]


def _gone() -> bytes:
    response = problem_response(
        "about:blank", 410, "erased", "The data of this answer was erased", "The request was carried out, once."
    )
    return bytes(response.body)


def _changed(status: str) -> int:
    return int(status.rpartition(" ")[2])
