"""Standing on past dates and migrations between them, against the same worked out in plain Python."""

from collections import Counter
from collections.abc import AsyncIterator, Mapping
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any, NamedTuple
from uuid import UUID, uuid4

import asyncpg
import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from rapport.database import Database
from rapport.feed import ReceivedEvent
from segment_service.columns.engine import Engine
from segment_service.columns.moves import matrix
from segment_service.columns.ranking import Question, bounds, class_sizes
from segment_service.columns.store import ColumnStore
from segment_service.consumers import interactions, profiles
from segment_service.pyramid.rules import Cutoffs
from segment_service.standing.repository import Rules, read_as_of
from segment_service.standing.rules import LifecycleRule

from tests.segment.conftest import Segments
from tests.segment.feeds import DAY, touchpoint
from tests.support.database import Databases, connection

START = datetime(2026, 1, 1, tzinfo=UTC)
PERIOD = 20
RULES = Rules("USD", PERIOD, LifecycleRule())
CALL = Decimal("0.35")


class Bought(NamedTuple):
    person: int
    day: int
    revenue: int
    cost: int | None
    refund: int


class Called(NamedTuple):
    person: int
    day: int


class Case(NamedTuple):
    orders: list[Bought]
    calls: list[Called]
    groups: list[int]
    first: int
    second: int
    basis: str
    cutoffs: Cutoffs


PERSON, DAYS = st.integers(0, 6), st.integers(0, 70)
cutoffs = st.builds(
    lambda shares, by: Cutoffs._make((*(share * 10_000 for share in sorted(shares)), by)),
    st.lists(st.integers(1, 99), min_size=3, max_size=3),
    st.sampled_from(["customers", "sales"]),
)
cases = st.builds(
    Case,
    st.lists(
        st.builds(Bought, PERSON, DAYS, st.integers(0, 9), st.none() | st.integers(0, 9), st.integers(0, 3)),
        max_size=14,
    ),
    st.lists(st.builds(Called, PERSON, DAYS), max_size=6),
    st.lists(st.integers(0, 6), min_size=7, max_size=7),
    st.integers(0, 45),
    st.integers(46, 80),
    st.sampled_from(["revenue", "profit"]),
    cutoffs,
)


class Placed(NamedTuple):
    """A profile at a time, in plain Python."""

    value_class: str
    orders: int
    revenue: Decimal
    period_revenue: Decimal
    period_profit: Decimal
    losing: bool


def at(day: int) -> datetime:
    return START + day * DAY


def model(case: Case, ids: list[UUID], day: int) -> dict[UUID, Placed]:
    """The class of everybody on a day."""
    since, upto = at(day) - PERIOD * DAY, at(day)
    found: dict[UUID, dict[str, Any]] = {}
    for profile in {ids[group] for group in case.groups}:
        members = {person for person, group in enumerate(case.groups) if ids[group] == profile}
        orders = [each for each in case.orders if each.person in members and at(each.day) <= upto]
        inside = [each for each in orders if at(each.day) >= since]
        calls = [at(each.day).replace(day=1) for each in case.calls if each.person in members]
        touched = [each for each in case.calls if each.person in members and at(each.day) <= upto]
        net = {each: Decimal(each.revenue - min(each.refund, each.revenue)) for each in orders}
        cost = sum((CALL for month in calls if since <= month <= upto), Decimal(0)).quantize(Decimal("0.01"))
        profit = sum((net[each] - each.cost for each in inside if each.cost is not None), Decimal(0)) - cost
        found[profile] = {
            "orders": len(orders),
            "active": bool(inside),
            "in_touch": bool(touched) or bool(orders),
            "last": max((each.day for each in orders), default=-1),
            "revenue": sum((net[each] for each in orders), Decimal(0)),
            "period_revenue": sum((net[each] for each in inside), Decimal(0)),
            "period_profit": profit,
            "costs_known": all(each.cost is not None for each in inside),
        }
    basis = f"period_{case.basis}"
    active = [profile for profile, each in found.items() if each["active"]]
    active.sort(key=lambda profile: (-found[profile][basis], -found[profile]["last"], profile))
    positive = sum((max(found[profile][basis], Decimal(0)) for profile in active), Decimal(0))
    classes, running = {}, Decimal(0)
    for place, profile in enumerate(active):
        names = zip(("top", "large", "medium"), case.cutoffs[:3], strict=True)
        if case.cutoffs.by == "customers":
            belongs = [name for name, share in names if place < -(-len(active) * share // 1_000_000)]
        else:
            belongs = [name for name, share in names if running < positive * share / 1_000_000]
        classes[profile] = (belongs or ["small"])[0]
        running += max(found[profile][basis], Decimal(0))
    return {
        profile: Placed(
            classes.get(profile) or ("inactive" if each["orders"] else "prospect" if each["in_touch"] else "suspect"),
            each["orders"],
            each["revenue"],
            each["period_revenue"],
            each["period_profit"],
            each["period_profit"] < 0 and each["costs_known"],
        )
        for profile, each in found.items()
    }


def event(kind: str, data: Any) -> ReceivedEvent:
    return ReceivedEvent("1", kind, START, msgspec.Raw(msgspec.json.encode(data)))


def history(case: Case, people: list[UUID]) -> list[ReceivedEvent]:
    found = []
    for place, each in enumerate(case.orders):
        data = {"order_id": f"order-{place}", "revenue": each.revenue}
        if each.cost is not None:
            data["cost"] = each.cost
        person = people[each.person]
        completed = touchpoint(person, "track", at(each.day), name="Order Completed", channel="shop", data=data)
        found.append(event("touchpoint.recorded", completed))
        if each.refund:
            back = {"order_id": f"order-{place}", "refund": each.refund}
            refunded = touchpoint(person, "track", at(each.day) + DAY, name="Order Refunded", channel="shop", data=back)
            found.append(event("touchpoint.recorded", refunded))
    calls = (touchpoint(people[each.person], "call", at(each.day), channel="phone") for each in case.calls)
    found.extend(event("touchpoint.recorded", call) for call in calls)
    return found


class World(NamedTuple):
    """A database with its column files."""

    db: "asyncpg.Connection[Any]"
    database: Database
    store: ColumnStore
    engine: Engine


@pytest.fixture(scope="module")
async def world(databases: Databases, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[World]:
    url = await databases.fresh("segment")
    folder: Path = tmp_path_factory.mktemp("columns")
    engine = Engine(folder / "scratch", threads=1)
    database = Database(url)
    await database.open()
    async with connection(url) as db:
        await db.execute("INSERT INTO ranking DEFAULT VALUES")
        await db.execute("INSERT INTO service_cost VALUES ('phone', 'inbound', '2020-01-01', $1)", CALL)
        yield World(db, database, ColumnStore(folder, database, engine, "USD"), engine)
    await database.close()
    engine.close()
    await databases.drop(url)


async def _tell(world: World, case: Case, people: list[UUID], ids: list[UUID]) -> None:
    db = world.db
    await db.execute("TRUNCATE purchase, refund, contact, contact_month, identity_map, customer, part CASCADE")
    assignments = [
        {"identity_id": people[person], "profile_id": ids[group], "version": 1, "seed_profile_id": ids[person]}
        for person, group in enumerate(case.groups)
    ]
    async with db.transaction():
        await interactions.apply(db, history(case, people), RULES)
        await profiles.apply(db, [event("identity.assigned", {"assignments": assignments})], RULES)


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(case=cases)
async def test_d15_classes_of_any_date_and_who_moved_are_as_worked_out_by_hand(world: World, case: Case) -> None:
    people, ids = [uuid4() for _ in range(7)], [uuid4() for _ in range(7)]
    await _tell(world, case, people, ids)
    files = await world.store.refresh()
    questions = [
        Question(at(day) - PERIOD * DAY, at(day), case.basis, case.cutoffs)  # type: ignore[arg-type]
        for day in (case.first, case.second)
    ]
    placed = [model(case, ids, day) for day in (case.first, case.second)]
    for question, expected in zip(questions, placed, strict=True):
        sizes = await world.engine.run(lambda duck, asked=question: class_sizes(duck, files, asked))  # type: ignore[misc]
        assert {each.value_class: each.customers for each in sizes} == Counter(
            each.value_class for each in expected.values()
        )
        for size in sizes:
            some = [each for each in expected.values() if each.value_class == size.value_class]
            assert size.sales == sum(each.period_revenue for each in some)
            assert size.profit == sum(each.period_profit for each in some)
            assert size.losing == sum(each.losing for each in some)
    cells = await world.engine.run(lambda duck: matrix(duck, files, *questions))
    pairs = Counter((placed[0][profile].value_class, placed[1][profile].value_class) for profile in placed[0])
    assert {(each.from_class, each.to_class): each.customers for each in cells} == pairs
    if case.basis == "revenue":
        await _standings_are(world, questions[0], placed[0])


async def _standings_are(world: World, question: Question, expected: Mapping[UUID, Placed]) -> None:
    files = await world.store.refresh()
    ranks = await world.engine.run(lambda duck: bounds(duck, files, question))
    assert question.until is not None
    for profile, each in expected.items():
        row = await read_as_of(world.database.pool, profile, question.until, RULES, ranks)
        assert row is not None
        assert (row["value_class"], row["orders"], row["revenue"], row["period_revenue"]) == (
            each.value_class,
            each.orders,
            each.revenue,
            each.period_revenue,
        )


async def test_d15_standing_as_of_now_is_the_standing(segments: Segments) -> None:
    (identity, profile), (other, second) = segments.feeds.person(), segments.feeds.person()
    segments.feeds.order(identity, "A", 10, 200, cost=3)
    segments.feeds.order(identity, "B", 20, 100)
    segments.feeds.order(other, "C", 70, 90)
    await segments.recompute()
    now = datetime.now(UTC)
    live = await segments.standing(profile)
    past = await segments.get(f"/v1/profiles/{profile}/standing", as_of=now.isoformat())
    for part in ("value_class", "totals", "rfm", "lifecycle", "loyalty"):
        assert past[part] == live[part], part
    assert datetime.fromisoformat(past["as_of"]) == now
    before = await segments.get(f"/v1/profiles/{profile}/standing", as_of=(now - 150 * DAY).isoformat())
    assert (before["value_class"], before["totals"]["orders"], before["totals"]["profit"]["amount"]) == (
        "top",
        1,
        "7.00",
    )
    assert before["lifecycle"]["stage"] == "new"
    long_ago = await segments.get(f"/v1/profiles/{profile}/standing", as_of="2020-02-29")
    assert (long_ago["value_class"], long_ago["as_of"]) == ("suspect", "2020-02-29T23:59:59.999999Z")
    segments.feeds.assign({other: profile})
    await segments.settled()
    merged = await segments.client.get(f"/v1/profiles/{second}/standing", params={"as_of": now.isoformat()})
    assert merged.json()["totals"]["revenue"]["amount"] == "100.00"
    assert merged.headers["content-location"] == f"/v1/profiles/{profile}/standing"
    for wrong in ("yesterday", "2020-01-01T00:00:00", "0001-01-01"):
        response = await segments.client.get(f"/v1/profiles/{profile}/standing", params={"as_of": wrong})
        assert response.status_code == 422, wrong
    unknown = await segments.client.get(f"/v1/profiles/{uuid4()}/standing", params={"as_of": "2020-01-01"})
    assert unknown.status_code == 404


async def test_d15_who_moved_is_listed_page_by_page_and_drawn(segments: Segments) -> None:
    feeds, now = segments.feeds, datetime.now(UTC)
    people = [feeds.person() for _ in range(5)]
    for place, (identity, _) in enumerate(people):
        feeds.order(identity, f"old-{place}", 100 - place, 500)
    feeds.order(people[4][0], "new", 5, 3)
    await segments.settled()
    dates = {"from": (now - 300 * DAY).isoformat(), "to": now.isoformat()}
    found = await segments.get("/v1/migrations", **dates)
    cells = {(each["from_class"], each["to_class"]): each for each in found["cells"] if each["customers"]}
    assert {pair: each["customers"] for pair, each in cells.items()} == {
        ("top", "inactive"): 1,
        ("small", "inactive"): 3,
        ("small", "top"): 1,
    }
    assert len(found["cells"]) == 49
    assert found["moves"] == {"stayed": 0, "up": 1, "down": 4}
    assert cells["small", "top"]["share_of_from"] == 0.25
    assert cells["small", "top"]["sales_from"]["amount"] == "96.00"
    assert cells["small", "top"]["sales_to"]["amount"] == "5.00"
    sizes = {each["value_class"]: each["customers_to"] for each in found["classes"]}
    pyramid = await segments.pyramid(as_of=dates["to"])
    assert sizes == {name: each["customers"] for name, each in pyramid.items() if name != "rest_of_world"}
    asked = {**dates, "from_class": "small", "to_class": "inactive", "limit": 2}
    page = await segments.get("/v1/migrations/members", **asked)
    rest = await segments.get("/v1/migrations/members", **asked, cursor=page["next_cursor"])
    names = [each["profile_id"] for each in (*page["items"], *rest["items"])]
    assert names == [str(profile) for _, profile in people[1:4]]
    assert rest["next_cursor"] is None
    drawing = await segments.client.get("/v1/migrations.svg", params=dates)
    assert drawing.headers["content-type"] == "image/svg+xml"
    assert "5 customers by revenue: 1 went up, 4 went down, 0 stayed" in drawing.text
    for wrong in ({**dates, "to": dates["from"]}, {"from": "2026-01-01"}, {**dates, "to_class": "vip"}):
        response = await segments.client.get("/v1/migrations/members", params=wrong)
        assert response.status_code == 422, wrong


async def test_d15_what_was_announced_can_be_read_as_it_was(segments: Segments) -> None:
    feeds = segments.feeds
    (identity, profile), (other, second) = feeds.person(), feeds.person()
    await segments.settled()
    first = datetime.now(UTC)
    feeds.order(identity, "A", 10)
    await segments.settled()
    feeds.assign({other: profile})
    await segments.settled()
    path = f"/v1/profiles/{profile}/standing/changes"
    found = (await segments.get(path))["items"]
    own = [each["value_class"] for each in found if each["profile_id"] == str(profile)]
    assert own[-1] == "suspect"
    assert own[0] in {"top", "small"}
    assert str(second) in {each["profile_id"] for each in found}
    was = await segments.get(path, until=first.isoformat(), limit=1)
    assert [each["value_class"] for each in was["items"]] == ["suspect"]
    assert was["next_cursor"] is not None
    announced = [each["data"] for each in (await segments.client.get("/v1/feed")).json()]
    assert len(found) == len([each for each in announced if "value_class" in each])
