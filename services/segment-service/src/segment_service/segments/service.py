"""What can be done with segments."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Final
from uuid import UUID

import msgspec
from fastapi import Request
from rapport.concurrency import check_if_match
from rapport.database import Connection
from rapport.errors import Stale
from rapport.feed import Event, append
from rapport.pagination import Page, decode_cursor, encode_cursor

from segment_service.columns import changes as columns
from segment_service.conditions.explanation import explain
from segment_service.conditions.parser import parse
from segment_service.conditions.reads import reads, segments_of
from segment_service.conditions.repository import customer
from segment_service.conditions.statements import statement
from segment_service.segments import repository
from segment_service.segments.errors import InvalidSegment, NotAList, SegmentInUse, UnknownSegment
from segment_service.segments.rules import circle
from segment_service.segments.schemas import (
    Health,
    ListChange,
    ListChanged,
    Member,
    Membership,
    SegmentIn,
    SegmentOut,
)
from segment_service.standing import repository as turns
from segment_service.standing.errors import UnknownProfile
from segment_service.unevaluated import repository as queue
from segment_service.watching import repository as watched
from segment_service.watching.evaluation import SEGMENT, News

_EVENTS_IN_A_ROW: Final = 1_000


async def put(connection: Connection, key: str, body: SegmentIn, by: str, request: Request) -> tuple[SegmentOut, bool]:
    """Keep a segment; it, and whether it is new. Raises `InvalidRule`, `InvalidSegment` and `Stale`."""
    await repository.lock(connection)
    before = await repository.read(connection, key)
    if before is None:
        if "if-match" in request.headers:
            raise Stale(f"There is no segment {key}.")
    else:
        check_if_match(request, before["version"])
    causes = await _check(connection, key, body)
    if before is None or not _same(before, body):
        await repository.put(connection, key, body.name, body.description, by)
        # A list on which nobody is yet is as it should be; asking everybody makes it so all the same.
        await watched.watch(connection, SEGMENT, key, body.rule, causes)
        await append(connection, [_event("segment.changed", key, {"name": body.name, "rule": body.rule})])
    return await segment(connection, key), before is None


async def segment(connection: Connection, key: str) -> SegmentOut:
    """A segment; raises `UnknownSegment`."""
    row = await _row(connection, key)
    return _answer(row, await repository.customers(connection), await repository.waiting(connection))


async def listed(connection: Connection, cursor: str | None, limit: int) -> Page[SegmentOut]:
    """Segments in the order of their keys."""
    after = decode_cursor(cursor, tuple[str])[0] if cursor else None
    rows = await repository.page(connection, after, limit + 1)
    everybody, waiting = await repository.customers(connection), await repository.waiting(connection)
    items = [_answer(row, everybody, waiting) for row in rows[:limit]]
    return Page(items=items, next_cursor=encode_cursor(items[-1].key) if len(rows) > limit else None)


async def remove(connection: Connection, key: str, request: Request) -> None:
    """Remove a segment; raises `UnknownSegment`, `Stale`, and `SegmentInUse` while others refer to it."""
    await repository.lock(connection)
    row = await _row(connection, key)
    check_if_match(request, row["version"])
    users = [other for other, keys in (await _references(connection)).items() if key in keys and other != key]
    if users:
        raise SegmentInUse(f"Segment {key} is part of {', '.join(users)}.")
    await turns.take_turn(connection)
    await watched.forget(connection, SEGMENT, key)
    await repository.remove(connection, key)
    await columns.whole(connection, ["membership"], await turns.next_version(connection))
    await append(connection, [_event("segment.deleted", key, {})])


async def members(connection: Connection, key: str, cursor: str | None, limit: int) -> Page[Member]:
    """Members in the order of their ids; raises `UnknownSegment`."""
    row = await _row(connection, key)
    after = decode_cursor(cursor, tuple[UUID])[0] if cursor else None
    found = await repository.members(connection, row["rule_id"], after, limit + 1)
    items = [Member(**dict(each)) for each in found[:limit]]
    return Page(items=items, next_cursor=encode_cursor(items[-1].profile_id) if len(found) > limit else None)


async def membership(connection: Connection, key: str, profile_id: UUID, *, pii: bool) -> Membership:
    """Whether a profile is in, and why, traits hidden unless `pii`; raises `UnknownSegment` and `UnknownProfile`."""
    row = await _row(connection, key)
    present = await repository.survivor(connection, profile_id) or profile_id
    rule = msgspec.json.decode(row["rule"]) if row["rule"] is not None else None
    events = _events_of(rule) if rule is not None else ()
    known = await customer(connection, present, events)
    if known is None:
        raise UnknownProfile(f"Profile {profile_id} is not known here, or has not arrived yet.")
    kept = await repository.judgement(connection, row["rule_id"], present)
    member = bool(kept and kept["member"])
    explanation = explain(rule, known, pii=pii) if rule is not None else None
    return Membership(
        segment=key,
        profile_id=present,
        member=member,
        since=kept["since"] if kept and member else None,
        due_at=kept["due_at"] if kept else None,
        as_of=known.now,
        matches=explanation["matches"] if explanation is not None else member,
        explanation=explanation,
    )


async def change_list(connection: Connection, key: str, change: ListChange, by: str) -> ListChanged:
    """Put profiles on a list and take others off; raises `UnknownSegment` and `NotAList`."""
    row = await _row(connection, key)
    if row["rule"] is not None:
        raise NotAList(f"Segment {key} has a rule.")
    await turns.take_turn(connection)
    added = await repository.add(connection, key, change.add, by)
    removed = await repository.take_off(connection, key, change.remove)
    profiles = await repository.profiles_of(connection, {*added, *removed})
    version = await turns.next_version(connection)
    await queue.put(connection, {profile: {f"list:{key}"} for profile in profiles}, version)
    known = await repository.known(connection, change.add)
    unknown = sorted({each for each in change.add if each not in known})
    return ListChanged(added=len(added), removed=len(removed), unknown=unknown)


async def announce(connection: Connection, news: News) -> None:
    """Put `segment.entered` and `segment.left` on the feed, once for each change."""
    events = [
        Event(
            type="segment.entered" if each.member else "segment.left",
            time=news.at,
            subject=str(each.profile_id),
            data={
                "segment": news.rules[each.rule_id].key,
                "profile_id": str(each.profile_id),
                "at": news.at,
                "initial": news.initial,
            },
        )
        for each in news.changed
    ]
    for start in range(0, len(events), _EVENTS_IN_A_ROW):
        await append(connection, events[start : start + _EVENTS_IN_A_ROW])


async def _check(connection: Connection, key: str, body: SegmentIn) -> Sequence[str]:
    """The causes that can change the answers; raises `InvalidRule` and `InvalidSegment`."""
    if body.rule is None:
        return [f"list:{key}"]
    rule = parse(body.rule)
    # Compiled now, so that whatever cannot be said in SQL is refused and not found out later.
    await statement(rule, "judged", "touched")
    references = await _references(connection)
    if missing := sorted(segments_of(rule) - references.keys() - {key}):
        raise _invalid(f"there is no segment {missing[0]!r}")
    if way := circle(key, segments_of(rule), references):
        raise _invalid(f"the segment would refer to itself: {' > '.join(way)}")
    return sorted(reads(rule))


async def _references(connection: Connection) -> Mapping[str, frozenset[str]]:
    rules = {row["key"]: row["rule"] for row in await repository.rules(connection)}
    return {
        key: segments_of(parse(msgspec.json.decode(rule))) if rule is not None else frozenset()
        for key, rule in rules.items()
    }


async def _row(connection: Connection, key: str) -> Any:
    row = await repository.read(connection, key)
    if row is None:
        raise UnknownSegment(f"There is no segment {key}.")
    return row


def _events_of(rule: Any) -> set[str]:
    return {cause.removeprefix("event:") for cause in reads(parse(rule)) if cause.startswith("event:")}


def _same(before: Any, body: SegmentIn) -> bool:
    rule = msgspec.json.decode(before["rule"]) if before["rule"] is not None else None
    return (before["name"], before["description"], rule) == (body.name, body.description, body.rule)


def _answer(row: Any, customers_known: int, waiting: Any) -> SegmentOut:
    size = row["size"]
    return SegmentOut(
        key=row["key"],
        name=row["name"],
        description=row["description"],
        rule=msgspec.json.decode(row["rule"]) if row["rule"] is not None else None,
        static=row["rule"] is None,
        version=row["version"],
        size=size,
        share=min(1.0, size / customers_known) if customers_known else None,
        created_at=row["created_at"],
        changed_at=row["changed_at"],
        changed_by=row["changed_by"],
        health=Health(
            state=row["state"],
            error=row["error"],
            failing_since=row["failing_since"],
            retry_at=row["retry_at"],
            built_at=row["built_at"],
            waiting=waiting[0],
            waiting_since=waiting[1],
        ),
    )


def _invalid(detail: str) -> InvalidSegment:
    return InvalidSegment(detail, errors=[{"pointer": "/rule", "detail": detail}])


def _event(name: str, key: str, data: dict[str, Any]) -> Event:
    return Event(type=name, time=datetime.now(UTC), subject=key, data={"segment": key, **data})
