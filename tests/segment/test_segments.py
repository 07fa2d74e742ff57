"""D10: segments by rule, previewed, up to date within seconds of the event, entering and leaving announced once."""

from collections import Counter
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

from tests.conftest import TokenFactory
from tests.segment.conftest import Segments, SegmentsFactory
from tests.segment.feeds import DAY, Feeds
from tests.support.polling import eventually

COFFEE = {"event": "Order Completed", "where": {"products.category": {"eq": "coffee"}}, "count": {"gte": 2}}


async def keep(segments: Segments, key: str, rule: dict[str, Any] | None, **more: Any) -> dict[str, Any]:
    """A segment once everybody has been asked."""
    body = {"name": key, "rule": rule, **more} if rule is not None else {"name": key, "static": True, **more}
    response = await segments.client.put(f"/v1/segments/{key}", json=body)
    assert response.status_code in {200, 201}, response.text

    async def ready() -> dict[str, Any]:
        found = await segments.get(f"/v1/segments/{key}")
        assert found["health"]["state"] == "ready", found["health"]
        return found

    return await eventually(ready, deadline=30)


async def asked(segments: Segments) -> None:
    """Wait until every change has been seen by all segments."""
    await segments.settled()

    async def nothing_waits() -> bool:
        waiting: int = await segments.db.fetchval(
            "SELECT (SELECT count(*) FROM unevaluated) + (SELECT count(*) FROM unread_profile)"
        )
        return waiting == 0

    await eventually(nothing_waits, deadline=30)


async def members(segments: Segments, key: str) -> set[UUID]:
    """Everybody in a segment, page by page, once all changes have been seen."""
    await asked(segments)
    found: list[str] = []
    cursor: str | None = None
    while True:
        page = await segments.get(f"/v1/segments/{key}/members", limit=3, **({"cursor": cursor} if cursor else {}))
        found += [each["profile_id"] for each in page["items"]]
        cursor = page["next_cursor"]
        if cursor is None:
            assert len(found) == len(set(found))
            return {UUID(each) for each in found}


async def announced(segments: Segments, key: str) -> Counter[tuple[str, str]]:
    """How often each profile was announced to enter and to leave."""
    found: Counter[tuple[str, str]] = Counter()
    last = ""
    while True:
        response = await segments.client.get("/v1/feed", params={"lastEventId": last, "limit": 1000, "timeout": 0})
        events = response.json()
        for event in events:
            if event["type"] in {"segment.entered", "segment.left"} and event["data"]["segment"] == key:
                found[event["type"].removeprefix("segment."), event["data"]["profile_id"]] += 1
        if not events:
            return found
        last = events[-1]["id"]


def coffee(segments: Segments, identity: UUID, order: str, ago: float = 1) -> None:
    """An order of coffee."""
    products = [{"product_id": "c", "category": "coffee", "price": 4, "quantity": 1}]
    segments.feeds.order(identity, order, 4, ago=ago, products=products)


async def test_d10_members_follow_events_and_are_announced_once(segments: Segments) -> None:
    """Who was there before is asked, who acts later enters, a message that comes twice changes nothing."""
    first, early = segments.feeds.person()
    second, late = segments.feeds.person()
    segments.feeds.person()
    for number in range(2):
        coffee(segments, first, f"a{number}")
    coffee(segments, second, "b0")
    await segments.settled()
    await keep(segments, "coffee", COFFEE)
    assert await members(segments, "coffee") == {early}

    coffee(segments, second, "b1")
    segments.feeds.interaction.add("touchpoint.recorded", segments.feeds.interaction.events[-1]["data"])
    assert await members(segments, "coffee") == {early, late}
    found = await segments.get("/v1/segments/coffee")
    assert (found["size"], found["share"]) == (2, 2 / 3)
    assert (await segments.get(f"/v1/profiles/{late}/standing"))["segments"] == ["coffee"]
    assert await announced(segments, "coffee") == {("entered", str(early)): 1, ("entered", str(late)): 1}


async def test_d10_time_alone_lets_members_leave(segments: Segments) -> None:
    """An event that falls out of its window ends the membership without anything else happening."""
    identity, profile = segments.feeds.person()
    segments.feeds.touch(identity, "track", datetime.now(UTC) - timedelta(minutes=59, seconds=50), name="Signed Up")
    await segments.settled()
    await keep(segments, "recent", {"event": "Signed Up", "within": "1h"})
    assert await members(segments, "recent") == {profile}
    in_or_out = await segments.get(f"/v1/segments/recent/members/{profile}")
    assert in_or_out["due_at"] is not None

    async def left() -> bool:
        return await members(segments, "recent") == set()

    await eventually(left, deadline=20)
    assert await announced(segments, "recent") == {("entered", str(profile)): 1, ("left", str(profile)): 1}


async def test_d10_merges_and_their_undoing(segments: Segments) -> None:
    """One order on each side make two of one customer; taken apart again, neither is a member."""
    first, one = segments.feeds.person()
    second, other = segments.feeds.person()
    coffee(segments, first, "a")
    coffee(segments, second, "b")
    await segments.settled()
    await keep(segments, "coffee", COFFEE)
    assert await members(segments, "coffee") == set()
    segments.feeds.assign({second: one})
    assert await members(segments, "coffee") == {one}
    segments.feeds.assign({second: other})
    assert await members(segments, "coffee") == set()
    assert await announced(segments, "coffee") == {("entered", str(one)): 1, ("left", str(one)): 1}


async def test_d10_segments_of_segments(segments: Segments) -> None:
    """A segment follows those it is made of; none may be made of itself, nor removed while others need it."""
    identity, profile = segments.feeds.person()
    segments.feeds.order(identity, "1", 10)
    await segments.settled()
    await keep(segments, "buyers", {"metric": "orders", "gte": 1})
    await keep(segments, "readers", {"event": "Email Opened"})
    await keep(segments, "both", {"all": [{"segment": "buyers"}, {"segment": "readers"}]})
    assert await members(segments, "both") == set()
    segments.feeds.touch(identity, "track", name="Email Opened")
    assert await members(segments, "both") == {profile}

    round_about = {"name": "x", "rule": {"any": [{"segment": "both"}, {"metric": "orders", "gte": 9}]}}
    refused = await segments.client.put("/v1/segments/buyers", json=round_about)
    assert refused.status_code == 422
    assert "buyers > both > buyers" in refused.json()["detail"]
    itself = await segments.client.put("/v1/segments/new", json={"name": "n", "rule": {"segment": "new"}})
    assert itself.status_code == 422
    missing = await segments.client.put("/v1/segments/new", json={"name": "n", "rule": {"segment": "nowhere"}})
    assert (missing.status_code, missing.json()["errors"][0]["pointer"]) == (422, "/rule")
    assert (await segments.client.delete("/v1/segments/buyers")).status_code == 409
    assert (await segments.client.delete("/v1/segments/both")).status_code == 204
    assert (await segments.client.delete("/v1/segments/buyers")).status_code == 204
    assert (await segments.client.get("/v1/segments/buyers")).status_code == 404
    assert (await segments.get(f"/v1/profiles/{profile}/standing"))["segments"] == ["readers"]


async def test_d10_a_rule_that_cannot_be_evaluated_keeps_its_members(segments: Segments) -> None:
    """It says so in its health, others go on, and it catches up by itself when it can be evaluated again."""
    identity, profile = segments.feeds.person()
    segments.feeds.consent(identity, profile)
    segments.feeds.order(identity, "1", 10)
    await segments.settled()
    await keep(segments, "buyers", {"metric": "orders", "gte": 1})
    broken = {
        "any": [
            {"metric": "orders", "gte": 2},
            {"relationship": {"kind": "referred_by"}},
            {"metric": "orders", "gte": 1},
        ]
    }
    await keep(segments, "broken", broken)
    assert await members(segments, "broken") == {profile}
    await segments.db.execute("ALTER VIEW touched.relationship RENAME TO gone")
    another, newcomer = segments.feeds.person()
    segments.feeds.order(another, "2", 10)
    assert await members(segments, "buyers") == {profile, newcomer}

    async def failing() -> dict[str, Any]:
        health = (await segments.get("/v1/segments/broken"))["health"]
        assert health["state"] == "failing"
        return dict(health)

    health = await eventually(failing)
    assert "relationship" in health["error"]
    assert health["failing_since"] is not None
    assert await members(segments, "broken") == {profile}
    await segments.db.execute("ALTER VIEW touched.gone RENAME TO relationship")
    await segments.db.execute("UPDATE watched_rule SET retry_at = now() WHERE key = 'broken'")

    async def caught_up() -> bool:
        return await members(segments, "broken") == {profile, newcomer}

    await eventually(caught_up)
    assert (await segments.get("/v1/segments/broken"))["health"]["error"] is None


async def test_d10_another_rule_changes_only_who_must_move(segments: Segments) -> None:
    """Members stay until everybody has been asked; who stays is not announced again. Edits are guarded by ETag."""
    people = [segments.feeds.person() for _ in range(3)]
    for number, (identity, _) in enumerate(people):
        for order in range(number + 1):
            segments.feeds.order(identity, f"{number}-{order}", 10)
    await segments.settled()
    await keep(segments, "some", {"metric": "orders", "gte": 2})
    assert await members(segments, "some") == {people[1][1], people[2][1]}
    stale = await segments.client.put(
        "/v1/segments/some", json={"name": "x", "rule": {"metric": "orders", "lte": 2}}, headers={"If-Match": '"9"'}
    )
    assert stale.status_code == 412
    changed = await keep(segments, "some", {"metric": "orders", "lte": 2})
    assert changed["version"] == 2
    assert await members(segments, "some") == {people[0][1], people[1][1]}
    assert await announced(segments, "some") == {
        ("entered", str(people[1][1])): 1,
        ("entered", str(people[2][1])): 1,
        ("left", str(people[2][1])): 1,
        ("entered", str(people[0][1])): 1,
    }
    again = await segments.client.put(
        "/v1/segments/some", json={"name": "some", "rule": {"metric": "orders", "lte": 2}}
    )
    assert (again.status_code, again.headers["etag"]) == (200, '"2"')


async def test_d10_lists_and_random_splits(segments: Segments) -> None:
    """A list follows merges; a random split gives everybody to one part and the same one always."""
    people = [segments.feeds.person() for _ in range(40)]
    for identity, _ in people:
        segments.feeds.order(identity, identity.hex, 1)
    await segments.settled()
    await keep(segments, "guests", None)
    chosen = [people[0][1], people[1][1]]
    stranger = uuid4()
    put = await segments.client.post(
        "/v1/segments/guests/members", json={"add": [str(each) for each in [*chosen, stranger]]}
    )
    assert put.json() == {"added": 2, "removed": 0, "unknown": [str(stranger)]}
    assert await members(segments, "guests") == set(chosen)
    segments.feeds.assign({people[1][0]: people[2][1]})
    assert await members(segments, "guests") == {people[0][1], people[2][1]}
    await segments.client.post("/v1/segments/guests/members", json={"remove": [str(people[0][1])]})
    assert await members(segments, "guests") == {people[2][1]}

    await keep(segments, "half", {"random": {"salt": "spring", "from": 0, "to": 0.5}})
    await keep(segments, "other-half", {"random": {"salt": "spring", "from": 0.5, "to": 1}})
    one, other = await members(segments, "half"), await members(segments, "other-half")
    assert not one & other
    assert len(one | other) == 39
    assert min(len(one), len(other)) > 8
    refused = await segments.client.post("/v1/segments/half/members", json={"add": []})
    assert refused.status_code == 409


async def test_d10_preview_and_reasons(segments: Segments) -> None:
    """Size, share and a sample with the value that each condition met; nothing is kept. The same for one profile."""
    people = [segments.feeds.person() for _ in range(10)]
    for number, (identity, _) in enumerate(people):
        segments.feeds.order(identity, f"{number}", 10 * number)
    await segments.settled()
    rule = {"all": [{"metric": "revenue", "gte": 60}, {"not": {"event": "Email Opened"}}]}
    response = await segments.client.post("/v1/segments/preview", json={"rule": rule, "sample": 3})
    assert response.status_code == 200, response.text
    found = response.json()
    assert (found["size"], found["customers"], found["share"]) == (4, 10, 0.4)
    assert len(found["sample"]) == 3
    for each in found["sample"]:
        assert each["explanation"]["matches"] is True
        assert each["explanation"]["parts"][0]["value"] >= 60
    assert (await segments.get("/v1/segments"))["items"] == []
    wrong = await segments.client.post("/v1/segments/preview", json={"rule": {"all": [{"metric": "shoes", "gte": 1}]}})
    assert (wrong.status_code, wrong.json()["errors"][0]["pointer"]) == (422, "/rule/all/0/metric")

    await keep(segments, "good", rule)
    poor = await segments.get(f"/v1/segments/good/members/{people[2][1]}")
    assert (poor["member"], poor["matches"], poor["since"]) == (False, False, None)
    assert [part["matches"] for part in poor["explanation"]["parts"]] == [False, True]
    assert poor["explanation"]["parts"][0]["value"] == 20
    good = await segments.get(f"/v1/segments/good/members/{people[9][1]}")
    assert (good["member"], good["matches"]) == (True, True)
    assert (await segments.client.get(f"/v1/segments/good/members/{uuid4()}")).status_code == 404
    assert (await segments.client.get("/v1/segments/nowhere/members")).status_code == 404


async def test_d10_reasons_give_traits_with_the_scope_alone(segments: Segments, token: TokenFactory) -> None:
    """Who a customer is stays hidden from callers without `profiles:pii`; what says how to serve them does not."""
    _, profile = segments.feeds.person()
    segments.feeds.tell(profile, traits={"email": "ada@example.org", "country": "TW", "tags": ["Byron", "poet"]})
    await asked(segments)
    rule = {"all": [{"trait": name, "exists": True} for name in ("email", "country", "tags")]}
    await keep(segments, "known", rule)
    pii = {"Authorization": f"Bearer {token('segments:read', 'profiles:pii')}"}
    for headers, wanted in (({}, ["***", "TW", ["***", "***"]]), (pii, ["ada@example.org", "TW", ["Byron", "poet"]])):
        previewed = await segments.client.post("/v1/segments/preview", json={"rule": rule}, headers=headers)
        looked_up = await segments.client.get(f"/v1/segments/known/members/{profile}", headers=headers)
        for found in (previewed.json()["sample"][0], looked_up.json()):
            assert found["explanation"]["matches"] is True
            assert [part["value"] for part in found["explanation"]["parts"]] == wanted


async def test_d10_nothing_is_missed_while_everybody_is_asked(start: SegmentsFactory) -> None:
    """Changes that arrive while a new segment is being built win over the older moment that everybody is asked at."""
    feeds = Feeds()
    people = [feeds.person() for _ in range(60)]
    for identity, _ in people:
        feeds.order(identity, f"{identity}-1", 10, ago=30)
    async with start(feeds=feeds) as segments:
        await segments.settled()
        response = await segments.client.put(
            "/v1/segments/twice", json={"name": "t", "rule": {"metric": "orders", "eq": 2}}
        )
        assert response.status_code == 201
        for place, (identity, _) in enumerate(people):
            feeds.order(identity, f"{identity}-2", 10, ago=20)
            if place % 3 == 0:
                feeds.order(identity, f"{identity}-3", 10, ago=10)
        twice = {profile for place, (_, profile) in enumerate(people) if place % 3}
        await keep(segments, "twice", {"metric": "orders", "eq": 2}, description="while it is being built")
        assert await members(segments, "twice") == twice
        counts = await announced(segments, "twice")
        for _, profile in people:
            inside = profile in twice
            assert counts["entered", str(profile)] - counts["left", str(profile)] == inside
            assert counts["entered", str(profile)] <= 1


async def test_d10_conditions_on_dates_of_traits_need_no_event(segments: Segments) -> None:
    """Whoever has not ordered for a year is found without anybody doing anything."""
    identity, profile = segments.feeds.person()
    segments.feeds.touch(
        identity,
        "track",
        datetime.now(UTC) - 365 * DAY + timedelta(seconds=5),
        name="Order Completed",
        data={"order_id": "1", "revenue": 5},
    )
    await segments.settled()
    await keep(segments, "silent", {"metric": "recency_days", "gte": 365})
    assert await members(segments, "silent") == set()

    async def entered() -> bool:
        return await members(segments, "silent") == {profile}

    await eventually(entered, deadline=20)


async def test_d10_a_ranking_of_everybody_moves_members(segments: Segments) -> None:
    """Classes that a ranking gives to many at once reach segments too, and so do relationships."""
    people = [segments.feeds.person() for _ in range(30)]
    for number, (identity, _) in enumerate(people):
        segments.feeds.order(identity, f"{number}", 10 + number)
    segments.feeds.relate("referred_by", people[0][0], people[1][0])
    await segments.settled()
    await keep(segments, "top", {"value_class": ["top"]})
    await keep(segments, "referred", {"relationship": {"kind": "referred_by"}})
    assert await members(segments, "referred") == {people[0][1]}
    await segments.recompute()
    assert await members(segments, "top") == {people[29][1]}
    await keep(segments, "also-top", {"value_class": ["top"]})
    assert await members(segments, "also-top") == {people[29][1]}
