"""Defining gradings, and giving grades as the rules' answers change."""

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
from segment_service.conditions.parser import parse
from segment_service.conditions.reads import reads
from segment_service.conditions.statements import statement
from segment_service.gradings import repository
from segment_service.gradings.errors import InvalidGrading, UnknownGrading
from segment_service.gradings.repository import Moved
from segment_service.gradings.rules import grade_of
from segment_service.gradings.schemas import GradeSize, GradingIn, GradingOut, Holder
from segment_service.standing import repository as turns
from segment_service.unevaluated import repository as queue
from segment_service.watching import repository as watched
from segment_service.watching.evaluation import News

GRADING: Final = "grading"
_AT_ONCE: Final = 5_000
_EVENTS_IN_A_ROW: Final = 1_000


async def put(connection: Connection, key: str, body: GradingIn, by: str, request: Request) -> tuple[GradingOut, bool]:
    """Keep a scheme; it, and whether it is new. Raises `InvalidRule`, `InvalidGrading` and `Stale`."""
    before = await repository.read(connection, key)
    if before is not None:
        check_if_match(request, before["version"])
    elif "if-match" in request.headers:
        raise Stale(f"There is no grading {key}.")
    _check_names(body)
    grades = [each.model_dump(mode="json") for each in body.grades]
    if before is None or (before["name"], msgspec.json.decode(before["grades"])) != (body.name, grades):
        # Whatever is wrong with a rule is found before it is kept.
        await _watch(connection, key, body)
        await repository.put(connection, key, body.name, grades, by)
        await append(connection, [_event("grading.changed", key, {"grading": key, "name": body.name})])
    return await grading(connection, key), before is None


async def grading(connection: Connection, key: str) -> GradingOut:
    """A scheme; raises `UnknownGrading`."""
    row = await repository.read(connection, key)
    if row is None:
        raise UnknownGrading(f"There is no grading {key}.")
    return await _answer(connection, row)


async def listed(connection: Connection, cursor: str | None, limit: int) -> Page[GradingOut]:
    """Schemes in the order of their keys."""
    after = decode_cursor(cursor, tuple[str])[0] if cursor else None
    rows = await repository.page(connection, after, limit + 1)
    items = [await _answer(connection, row) for row in rows[:limit]]
    return Page(items=items, next_cursor=encode_cursor(items[-1].key) if len(rows) > limit else None)


async def remove(connection: Connection, key: str, request: Request) -> None:
    """Remove a scheme and the grades held in it; raises `UnknownGrading` and `Stale`."""
    found = await grading(connection, key)
    check_if_match(request, found.version)
    await turns.take_turn(connection)
    for name in await watched.keys(connection, GRADING, key):
        await watched.forget(connection, GRADING, name)
    await repository.remove(connection, key)
    await columns.whole(connection, ["grade"], await turns.next_version(connection))
    await append(connection, [_event("grading.deleted", key, {"grading": key})])


async def holders(connection: Connection, key: str, grade: str, cursor: str | None, limit: int) -> Page[Holder]:
    """Customers with a grade; raises `UnknownGrading`."""
    await grading(connection, key)
    after = decode_cursor(cursor, tuple[UUID])[0] if cursor else None
    rows = await repository.holders(connection, key, grade, after, limit + 1)
    items = [Holder(**dict(row)) for row in rows[:limit]]
    return Page(items=items, next_cursor=encode_cursor(items[-1].profile_id) if len(rows) > limit else None)


async def regrade(connection: Connection, news: News) -> None:
    """Give grades anew to whom the rules answer otherwise; called in the transaction that keeps the answers."""
    concerned: dict[str, set[UUID]] = defaultdict(set)
    for each in news.changed:
        concerned[news.rules[each.rule_id].key.split(":")[0]].add(each.profile_id)
    if news.built is not None:
        # Grades may have gone, or changed places, while the answers are as before.
        scheme = news.built.key.split(":")[0]
        concerned[scheme].update(await repository.everybody(connection, scheme))
    for scheme, profiles in sorted(concerned.items()):
        row = await repository.read(connection, scheme)
        if row is None:
            continue
        grades = [each["grade"] for each in msgspec.json.decode(row["grades"])]
        ordered = sorted(profiles)
        for start in range(0, len(ordered), _AT_ONCE):
            await _regrade(connection, scheme, grades, ordered[start : start + _AT_ONCE], news)


async def _regrade(connection: Connection, scheme: str, grades: list[str], profiles: list[UUID], news: News) -> None:
    entering, keeping = defaultdict[UUID, set[str]](set), defaultdict[UUID, set[str]](set)
    for profile, key in await repository.answers(connection, scheme, profiles):
        _, grade, kind = key.split(":")
        (entering if kind == "enter" else keeping)[profile].add(grade)
    held = defaultdict[UUID, set[str]](set)
    for profile, grade in await repository.held(connection, scheme, profiles):
        held[profile].add(grade)
    found = [(each, grade_of(grades, held[each], entering[each], keeping[each])) for each in profiles]
    moved = await repository.keep(connection, scheme, found, news.at)
    if moved:
        ids = {each.profile_id for each in moved}
        await columns.log(connection, "grade", ids, news.version)
        await queue.put(connection, {each: {f"grade:{scheme}"} for each in ids}, news.version)
        await _announce(connection, scheme, moved, news)


async def _announce(connection: Connection, scheme: str, moved: list[Moved], news: News) -> None:
    events = [
        Event(
            type="grade.changed",
            time=news.at,
            subject=str(each.profile_id),
            data={
                "profile_id": str(each.profile_id),
                "grading": scheme,
                "before": each.before,
                "grade": each.after,
                "initial": news.initial,
            },
        )
        for each in moved
    ]
    for start in range(0, len(events), _EVENTS_IN_A_ROW):
        await append(connection, events[start : start + _EVENTS_IN_A_ROW])


async def _watch(connection: Connection, key: str, body: GradingIn) -> None:
    wanted: dict[str, Mapping[str, Any]] = {}
    for place, each in enumerate(body.grades):
        wanted[f"{key}:{each.grade}:enter"] = each.enter
        parsed = [(each.enter, f"/grades/{place}/enter")]
        if each.keep is not None:
            wanted[f"{key}:{each.grade}:keep"] = each.keep
            parsed.append((each.keep, f"/grades/{place}/keep"))
        for rule, at in parsed:
            # Compiled now, so that whatever cannot be said in SQL is refused and not found out later.
            await statement(parse(rule, at), "judged", "touched")
    for name in await watched.keys(connection, GRADING, key):
        if name not in wanted:
            await watched.forget(connection, GRADING, name)
    for name, wanted_rule in wanted.items():
        await watched.watch(connection, GRADING, name, wanted_rule, reads(parse(wanted_rule)))
    # A grade may have gone, or its place: everybody is graded anew once everybody has been asked.
    await watched.rebuild(connection, GRADING, sorted(wanted))


def _check_names(body: GradingIn) -> None:
    seen: set[str] = set()
    for place, each in enumerate(body.grades):
        if each.grade in seen:
            detail = f"the grade {each.grade!r} is there twice"
            raise InvalidGrading(detail, errors=[{"pointer": f"/grades/{place}/grade", "detail": detail}])
        seen.add(each.grade)


async def _answer(connection: Connection, row: Any) -> GradingOut:
    grades = msgspec.json.decode(row["grades"])
    sizes = await repository.sizes(connection, row["key"])
    return GradingOut(
        key=row["key"],
        name=row["name"],
        grades=grades,
        sizes=[GradeSize(grade=each["grade"], customers=sizes.get(each["grade"], 0)) for each in grades],
        state=row["state"] or "ready",
        error=row["error"],
        version=row["version"],
        changed_at=row["changed_at"],
        changed_by=row["changed_by"],
    )


def _event(name: str, key: str, data: dict[str, Any]) -> Event:
    return Event(type=name, time=datetime.now(UTC), subject=key, data=data)
