"""The churn file as it follows customers: opened, explained, worked on, closed, undone; announced once each."""

from datetime import UTC, datetime
from typing import Any
from uuid import UUID, uuid4

from rapport.pagination import encode_cursor

from tests.segment.conftest import Segments
from tests.segment.feeds import DAY
from tests.support.polling import eventually


async def caught_up(segments: Segments) -> None:
    """Wait until the file has seen everything."""
    await segments.settled()
    newest = await segments.db.fetchval("SELECT last_value FROM change_version")

    async def seen() -> bool:
        return bool((await segments.db.fetchval("SELECT version FROM churn_follow") or 0) >= newest)

    await eventually(seen)


async def file(segments: Segments, **params: Any) -> list[dict[str, Any]]:
    await caught_up(segments)
    items: list[dict[str, Any]] = (await segments.get("/v1/churn-episodes", **params))["items"]
    return items


async def announced(segments: Segments, profile: UUID | None = None) -> list[tuple[str, str]]:
    events = (await segments.client.get("/v1/feed", params={"limit": 10_000})).json()
    return [
        (each["type"].removeprefix("churn."), each["data"]["state"])
        for each in events
        if each["type"].startswith("churn.") and (profile is None or each["subject"] == str(profile))
    ]


async def patch(segments: Segments, episode: dict[str, Any], **body: Any) -> dict[str, Any]:
    response = await segments.client.patch(f"/v1/churn-episodes/{episode['episode_id']}", json=body)
    assert response.status_code == 200, response.text
    answer: dict[str, Any] = response.json()
    return answer


async def test_d6_an_episode_from_silence_to_return(segments: Segments) -> None:
    identity, profile = segments.feeds.person()
    segments.feeds.order(identity, "A", 40, 500)
    segments.feeds.touch(
        identity, "track", datetime.now(UTC) - 490 * DAY, name="Order Refunded", data={"order_id": "A", "refund": 40}
    )
    (episode,) = await file(segments)
    assert (episode["profile_id"], episode["state"], episode["closed_at"]) == (str(profile), "open", None)
    assert (episode["reason"], episode["reason_origin"]) == ("returned_goods", "inferred")
    assert episode["evidence"][0]["of"] == "A"
    assert await announced(segments) == [("opened", "open")]
    called = await patch(
        segments,
        episode,
        reason="price",
        reason_note="dearer than next door",
        actions=[{"kind": "call", "note": "rang"}],
    )
    assert (called["reason"], called["reason_origin"], called["evidence"][0]["said_by"]) == ("price", "given", "tester")
    segments.feeds.touch(identity, "message", channel="email", direction="outbound")
    await eventually(lambda: of_kinds(segments, episode, ["call", "email"]))
    assert await file(segments, reason="price", state="open")
    assert await file(segments, reason="returned_goods") == []
    segments.feeds.order(identity, "B", 25, 0)
    segments.feeds.order(identity, "C", 5, 0)
    await eventually(lambda: in_state(segments, episode, "won_back"))
    (back,) = await file(segments, state="won_back")
    assert back["episode_id"] == episode["episode_id"]
    assert back["outcome"]["order_id"] == "B"
    assert back["outcome"]["sales"] == {"amount": "30.00", "currency": "USD"}
    assert back["outcome"]["actions_before"] == 2
    assert back["reason"] == "price"
    assert await announced(segments) == [("opened", "open"), ("closed", "won_back")]
    over = await segments.client.patch(f"/v1/churn-episodes/{episode['episode_id']}", json={"state": "closed"})
    assert (over.status_code, over.json()["type"]) == (409, "urn:rapport:problem:churn-episode-over")


async def of_kinds(segments: Segments, episode: dict[str, Any], kinds: list[str]) -> bool:
    found = await segments.get(f"/v1/churn-episodes/{episode['episode_id']}")
    return [each["kind"] for each in found["actions"]] == kinds


async def in_state(segments: Segments, episode: dict[str, Any], state: str) -> bool:
    found: dict[str, Any] = await segments.get(f"/v1/churn-episodes/{episode['episode_id']}")
    return bool(found["state"] == state)


async def test_d6_a_reason_from_a_call_comes_by_the_feed(segments: Segments) -> None:
    identity, _ = segments.feeds.person()
    segments.feeds.order(identity, "A", 40, 500)
    segments.feeds.touch(identity, "track", datetime.now(UTC) - 480 * DAY, name="Delivery Delayed", data={})
    (episode,) = await file(segments)
    assert episode["reason"] == "delivery"
    segments.feeds.touch(identity, "track", name="Churn Reason Given", data={"reason": "moved_away", "note": "to Hue"})
    segments.feeds.touch(identity, "track", name="Churn Reason Given", data={"reason": "Not A Word"})
    (told,) = await file(segments)
    assert (told["reason"], told["reason_origin"], told["reason_note"]) == ("moved_away", "given", "to Hue")
    assert await announced(segments) == [("opened", "open")]


async def test_d6_a_late_order_undoes_an_episode_and_its_cancellation_brings_it_back(segments: Segments) -> None:
    identity, profile = segments.feeds.person()
    segments.feeds.order(identity, "A", 40, 700)
    (episode,) = await file(segments)
    await patch(segments, episode, reason="competitor")
    segments.feeds.order(identity, "late", 40, 350)
    assert await file(segments, profile_id=profile) == []
    (undone,) = await file(segments, state="undone")
    refused = await segments.client.patch(f"/v1/churn-episodes/{undone['episode_id']}", json={"reason": "price"})
    assert refused.status_code == 409
    segments.feeds.touch(identity, "track", name="Order Cancelled", data={"order_id": "late"})
    (again,) = await file(segments, profile_id=profile)
    assert (again["episode_id"], again["reason"]) == (episode["episode_id"], "competitor")
    states = [("opened", "open"), ("closed", "undone"), ("opened", "open")]
    assert await announced(segments, profile) == states


async def test_d6_merges_join_episodes_and_their_undoing_divides_them_again(segments: Segments) -> None:
    feeds = segments.feeds
    (one, profile), (other, absorbed) = feeds.person(), feeds.person()
    feeds.order(one, "A", 40, 720)
    feeds.order(other, "B", 40, 700)
    earlier, later = sorted(await file(segments), key=lambda each: str(each["silent_since"]))
    await patch(segments, earlier, reason="price", actions=[{"kind": "letter"}])
    await patch(segments, later, actions=[{"kind": "call"}])
    await segments.settled()
    feeds.assign({other: profile})
    (joined,) = await file(segments)
    assert (joined["profile_id"], joined["reason"]) == (str(profile), "price")
    assert sorted(each["kind"] for each in joined["actions"]) == ["call", "letter"]
    feeds.assign({other: absorbed})
    divided = {each["profile_id"]: each for each in await file(segments)}
    assert divided[str(profile)]["reason"] == "price"
    assert [each["kind"] for each in divided[str(profile)]["actions"]] == ["letter"]
    assert divided[str(absorbed)]["reason"] is None
    assert [each["kind"] for each in divided[str(absorbed)]["actions"]] == ["call"]


async def test_d6_the_report_counts_reasons_and_actions_with_intervals(segments: Segments) -> None:
    feeds = segments.feeds
    people = [feeds.person()[0] for _ in range(6)]
    for number, identity in enumerate(people):
        feeds.order(identity, f"old{number}", 10, 600)
    episodes = await file(segments)
    for number, episode in enumerate(sorted(episodes, key=lambda each: str(each["episode_id"]))):
        await patch(segments, episode, reason="price" if number < 4 else "service", actions=[{"kind": "call"}] * 2)
    by_identity = {row[0]: row[1] for row in await segments.db.fetch("SELECT identity_id, reason FROM churn_episode")}
    priced = [identity for identity in people if by_identity[identity] == "price"]
    feeds.order(priced[0], "new", 33, 0)
    await eventually(lambda: counted(segments, 1))
    report = await segments.get("/v1/churn-report")
    assert (report["episodes"], report["open"], report["won_back"]) == (6, 5, 1)
    price, service = report["reasons"]
    assert (price["reason"], price["episodes"], price["won_back"], price["given"]) == ("price", 4, 1, 4)
    assert (round(price["low"], 3), price["rate"], round(price["high"], 3)) == (0.046, 0.25, 0.699)
    assert price["sales"]["amount"] == "33.00"
    assert (service["reason"], service["won_back"]) == ("service", 0)
    (call,) = report["actions"]
    assert (call["action"], call["episodes"], call["won_back"]) == ("call", 6, 1)
    later = await segments.get("/v1/churn-report", since=datetime.now(UTC).isoformat())
    assert (later["episodes"], later["rate"]) == (0, None)


async def counted(segments: Segments, won_back: int) -> bool:
    return bool((await segments.get("/v1/churn-report"))["won_back"] == won_back)


async def test_d6_episodes_page_and_bad_input_is_told(segments: Segments) -> None:
    for number in range(5):
        segments.feeds.order(segments.feeds.person()[0], f"{number}", 10, 600 + number)
    assert len(await file(segments)) == 5
    seen: list[str] = []
    cursor = None
    while True:
        page = await segments.get("/v1/churn-episodes", limit=2, **({"cursor": cursor} if cursor else {}))
        seen += [each["episode_id"] for each in page["items"]]
        cursor = page["next_cursor"]
        if cursor is None:
            break
    assert len(seen) == len(set(seen)) == 5
    path = f"/v1/churn-episodes/{seen[0]}"
    for body, pointer in (
        ({"reason": "Too Dear"}, "/reason"),
        ({"state": "won_back"}, "/state"),
        ({"actions": [{"kind": "call", "at": "soon"}]}, "/actions/0/at"),
        ({"reasons": "price"}, "/reasons"),
        ({"reason_note": "a\x00b"}, "/reason_note"),
    ):
        refused = await segments.client.patch(path, json=body)
        assert (refused.status_code, refused.json()["errors"][0]["pointer"]) == (422, pointer)
    tag = (await segments.client.get(path)).headers["etag"]
    assert (await segments.client.patch(path, json={"reason": "price"}, headers={"If-Match": tag})).status_code == 200
    assert (await segments.client.patch(path, json={"reason": "other"}, headers={"If-Match": tag})).status_code == 412
    assert (await segments.client.get(f"/v1/churn-episodes/{uuid4()}")).status_code == 404
    for params in ({"cursor": "x"}, {"cursor": encode_cursor("2026-01-01T00:00:00", uuid4())}, {"reason": "a\x00"}):
        assert (await segments.client.get("/v1/churn-episodes", params=params)).status_code == 422
