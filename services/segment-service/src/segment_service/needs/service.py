"""Defining need groups, and finding who is in them as the evidence changes."""

from collections import defaultdict
from collections.abc import Mapping
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
from segment_service.conditions.reads import reads
from segment_service.conditions.repository import customer
from segment_service.conditions.statements import statement
from segment_service.needs import repository
from segment_service.needs.errors import UnknownNeedGroup
from segment_service.needs.repository import Moved
from segment_service.needs.rules import confidence
from segment_service.needs.schemas import (
    Cell,
    Evidence,
    InGroup,
    Matrix,
    NeedFound,
    NeedGroupIn,
    NeedGroupOut,
    NeedsOut,
)
from segment_service.pyramid.rules import VALUE_CLASSES
from segment_service.standing import repository as turns
from segment_service.standing.errors import UnknownProfile
from segment_service.unevaluated import repository as queue
from segment_service.watching import repository as watched
from segment_service.watching.evaluation import News

NEED: Final = "need"
_AT_ONCE: Final = 5_000
_EVENTS_IN_A_ROW: Final = 1_000


async def put(
    connection: Connection, key: str, body: NeedGroupIn, by: str, request: Request
) -> tuple[NeedGroupOut, bool]:
    """Keep a need group; it, and whether it is new. Raises `InvalidRule` and `Stale`."""
    before = await repository.read(connection, key)
    if before is not None:
        check_if_match(request, before["version"])
    elif "if-match" in request.headers:
        raise Stale(f"There is no need group {key}.")
    document = body.model_dump(mode="json")
    if before is None or msgspec.json.decode(before["document"]) != document:
        # Whatever is wrong with a rule is found before it is kept.
        await _watch(connection, key, body)
        await repository.put(connection, key, document, by)
        await append(connection, [_event("need_group.changed", key, {"need_group": key, "name": body.name})])
    return await group(connection, key), before is None


async def group(connection: Connection, key: str) -> NeedGroupOut:
    """A need group; raises `UnknownNeedGroup`."""
    row = await repository.read(connection, key)
    if row is None:
        raise UnknownNeedGroup(f"There is no need group {key}.")
    return _answer(row)


async def listed(connection: Connection, cursor: str | None, limit: int) -> Page[NeedGroupOut]:
    """Need groups in the order of their keys."""
    after = decode_cursor(cursor, tuple[str])[0] if cursor else None
    items = [_answer(row) for row in await repository.page(connection, after, limit + 1)]
    return Page(items=items[:limit], next_cursor=encode_cursor(items[limit - 1].key) if len(items) > limit else None)


async def remove(connection: Connection, key: str, request: Request) -> None:
    """Remove a need group; raises `UnknownNeedGroup` and `Stale`."""
    check_if_match(request, (await group(connection, key)).version)
    await turns.take_turn(connection)
    for name in await watched.keys(connection, NEED, key):
        await watched.forget(connection, NEED, name)
    await repository.remove(connection, key)
    await columns.whole(connection, ["need"], await turns.next_version(connection))
    await append(connection, [_event("need_group.deleted", key, {"need_group": key})])


async def members(connection: Connection, key: str, cursor: str | None, limit: int) -> Page[InGroup]:
    """Customers in a group, the surest first; raises `UnknownNeedGroup`."""
    await group(connection, key)
    after = decode_cursor(cursor, tuple[float, UUID]) if cursor else None
    items = [InGroup(**dict(row)) for row in await repository.members(connection, key, after, limit + 1)]
    last = items[limit - 1] if len(items) > limit else None
    return Page(items=items[:limit], next_cursor=encode_cursor(last.confidence, last.profile_id) if last else None)


async def needs_of(connection: Connection, profile_id: UUID, *, pii: bool) -> NeedsOut:
    """Each need group for one customer, with the evidence, traits hidden unless `pii`; raises `UnknownProfile`."""
    groups = [
        (row["key"], msgspec.json.decode(row["document"])) for row in await repository.page(connection, None, 500)
    ]
    causes = {cause for _, each in groups for piece in each["evidence"] for cause in reads(parse(piece["when"]))}
    events = {cause.removeprefix("event:") for cause in causes if cause.startswith("event:")}
    present = await turns.present_id(connection, profile_id)
    known = await customer(connection, present, events)
    if known is None:
        raise UnknownProfile(f"Profile {profile_id} is not known here, or has not arrived yet.")
    held = await repository.held(connection, present)
    found = []
    for key, each in groups:
        pieces = [
            Evidence(
                words=piece["words"], weight=piece["weight"], holds=explanation["matches"], explanation=explanation
            )
            for piece in each["evidence"]
            for explanation in [explain(piece["when"], known, pii=pii)]
        ]
        sure = confidence(piece.weight for piece in pieces if piece.holds)
        found.append(
            NeedFound(
                group=key,
                name=each["name"],
                confidence=sure,
                threshold=each["threshold"],
                member=sure >= each["threshold"],
                since=held[key]["since"] if key in held else None,
                evidence=pieces,
            )
        )
    found.sort(key=lambda need: (-need.confidence, need.group))
    return NeedsOut(profile_id=present, as_of=known.now, needs=found)


async def matrix(connection: Connection, currency: str) -> Matrix:
    """How many customers of each class are in each group, and what they bought in the period."""
    rows = await repository.matrix(connection)
    groups = [row["key"] for row in await repository.page(connection, None, 500)]
    cells = [
        Cell(value_class=row[0], group=row[1], customers=row[2], sales=f"{row[3]:.2f}")
        for row in rows
        if row[1] is None or row[1] in groups
    ]
    cells.sort(key=lambda cell: (VALUE_CLASSES.index(cell.value_class), cell.group is None, cell.group or ""))
    return Matrix(currency=currency, classes=list(VALUE_CLASSES), groups=groups, cells=cells)


async def weigh(connection: Connection, news: News) -> None:
    """Find anew who is in the groups whose evidence has changed; in the transaction that keeps the answers."""
    concerned: dict[str, set[UUID]] = defaultdict(set)
    for each in news.changed:
        concerned[news.rules[each.rule_id].key.split(":")[0]].add(each.profile_id)
    if news.built is not None:
        # Weights and the threshold may have changed while the answers are as before.
        key = news.built.key.split(":")[0]
        concerned[key].update(await repository.everybody(connection, key))
    for key, profiles in sorted(concerned.items()):
        row = await repository.read(connection, key)
        if row is None:
            continue
        document = msgspec.json.decode(row["document"])
        ordered = sorted(profiles)
        for start in range(0, len(ordered), _AT_ONCE):
            await _weigh(connection, key, document, ordered[start : start + _AT_ONCE], news)


async def _weigh(
    connection: Connection, key: str, document: Mapping[str, Any], profiles: list[UUID], news: News
) -> None:
    weights = [piece["weight"] for piece in document["evidence"]]
    pieces = defaultdict[UUID, list[float]](list)
    for profile, place in await repository.answers(connection, key, profiles):
        pieces[profile].append(weights[place])
    sure = [(profile, confidence(pieces[profile])) for profile in profiles]
    found = [(profile, value if value >= document["threshold"] else None) for profile, value in sure]
    moved = await repository.keep(connection, key, found, news.at)
    if moved:
        ids = {each.profile_id for each in moved}
        await columns.log(connection, "need", ids, news.version)
        await queue.put(connection, {each: {"need"} for each in ids}, news.version)
        await _announce(connection, key, moved, news)


async def _announce(connection: Connection, key: str, moved: list[Moved], news: News) -> None:
    events = [
        Event(
            type="need.found" if each.member else "need.gone",
            time=news.at,
            subject=str(each.profile_id),
            data={"profile_id": str(each.profile_id), "need_group": key, "initial": news.initial},
        )
        for each in moved
    ]
    for start in range(0, len(events), _EVENTS_IN_A_ROW):
        await append(connection, events[start : start + _EVENTS_IN_A_ROW])


async def _watch(connection: Connection, key: str, body: NeedGroupIn) -> None:
    wanted = {f"{key}:{place}": piece.when for place, piece in enumerate(body.evidence)}
    for place, piece in enumerate(body.evidence):
        # Compiled now, so that whatever cannot be said in SQL is refused and not found out later.
        await statement(parse(piece.when, f"/evidence/{place}/when"), "judged", "touched")
    for name in await watched.keys(connection, NEED, key):
        if name not in wanted:
            await watched.forget(connection, NEED, name)
    for name, rule in wanted.items():
        await watched.watch(connection, NEED, name, rule, reads(parse(rule)))
    await watched.rebuild(connection, NEED, sorted(wanted))


def _answer(row: Any) -> NeedGroupOut:
    return NeedGroupOut(
        key=row["key"],
        **msgspec.json.decode(row["document"]),
        customers=row["customers"],
        state=row["state"],
        error=row["error"],
        version=row["version"],
        changed_at=row["changed_at"],
        changed_by=row["changed_by"],
    )


def _event(name: str, key: str, data: dict[str, Any]) -> Event:
    return Event(type=name, time=datetime.now(UTC), subject=key, data=data)
