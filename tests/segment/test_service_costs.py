"""What contacts and tasks cost, and profit after it."""

from datetime import UTC, datetime
from typing import Any

from tests.segment.conftest import Segments
from tests.segment.feeds import DAY
from tests.segment.test_rates import revalued


def month(ago: float) -> str:
    return (datetime.now(UTC) - ago * DAY).date().replace(day=1).isoformat()


async def put(segments: Segments, channel: str, *costs: tuple[str, str, Any], **headers: str) -> Any:
    body = {"costs": [{"direction": direction, "from": since, "cost": cost} for direction, since, cost in costs]}
    return await segments.client.put(f"/v1/service-costs/{channel}", json=body, headers=headers)


async def test_d1_profit_is_after_what_contacts_and_tasks_cost(segments: Segments) -> None:
    feeds = segments.feeds
    (buyer, profile), (caller, prospect) = feeds.person(), feeds.person()
    feeds.order(buyer, "A", 100, 5, cost=60, message_id="order")
    for _ in range(3):
        feeds.touch(buyer, "call", channel="phone")
    feeds.touch(buyer, "message", channel="phone", direction="outbound")
    feeds.touch(caller, "call", channel="phone")
    feeds.interaction.add("task.completed", {"identity_id": buyer, "kind": "visit", "occurred_at": datetime.now(UTC)})
    before = (await segments.standing(profile))["totals"]
    assert (before["cost_to_serve"], before["profit"]["amount"]) == (None, "40.00")
    assert (await segments.pyramid())["top"]["cost_to_serve"] is None
    assert (await put(segments, "phone", ("inbound", "2020-01-01", "4.005"))).status_code == 201
    assert (await put(segments, "task:visit", ("outbound", "2020-01-01", 30))).status_code == 201
    await revalued(segments)
    after = (await segments.standing(profile))["totals"]
    # Three calls of 4.005 and a visit; nobody knows what an outbound call costs.
    assert (after["cost_to_serve"]["amount"], after["profit"]["amount"]) == ("42.02", "-2.02")
    assert (await segments.standing(prospect))["totals"]["profit"]["amount"] == "-4.01"
    classes = await segments.pyramid(basis="profit")
    assert classes["top"]["profit"]["amount"] == "-2.02"
    assert classes["top"]["cost_to_serve"]["amount"] == "42.02"
    assert classes["prospect"]["below_zero"] == {"customers": 1, "profit": {"amount": "-4.01", "currency": "USD"}}
    losing = await segments.get("/v1/pyramid/customers", below_zero=True)
    assert [(each["profile_id"], each["value_class"]) for each in losing["items"]] == [
        (str(prospect), "prospect"),
        (str(profile), "top"),
    ]
    feeds.touch(caller, "call", channel="phone")
    assert (await segments.standing(prospect))["totals"]["cost_to_serve"]["amount"] == "8.01"
    assert (await segments.pyramid(basis="profit"))["prospect"]["cost_to_serve"]["amount"] == "8.01"


async def test_d1_costs_hold_by_month_and_corrections_reach_everybody(segments: Segments) -> None:
    identity, profile = segments.feeds.person()
    for ago in (400, 100, 2):
        segments.feeds.touch(identity, "call", datetime.now(UTC) - ago * DAY, channel="phone")
    await segments.settled()
    await put(segments, "phone", ("inbound", month(400), 1), ("inbound", month(2), 5))
    await revalued(segments)
    assert (await segments.standing(profile))["totals"]["cost_to_serve"]["amount"] == "7.00"
    assert (await segments.pyramid(basis="profit"))["prospect"]["cost_to_serve"]["amount"] == "6.00"
    await put(segments, "phone", ("inbound", month(100), 2))
    await revalued(segments)
    assert (await segments.standing(profile))["totals"]["cost_to_serve"]["amount"] == "4.00"
    before = await segments.get("/v1/pyramid", basis="profit", as_of=(datetime.now(UTC) - 40 * DAY).isoformat())
    assert before["classes"][5]["cost_to_serve"]["amount"] == "2.00"
    assert (await segments.client.delete("/v1/service-costs/phone")).status_code == 204
    await revalued(segments)
    assert (await segments.standing(profile))["totals"]["cost_to_serve"] is None
    assert (await segments.pyramid(basis="profit"))["prospect"]["cost_to_serve"] is None


async def test_d1_what_contacts_cost_follows_a_merge(segments: Segments) -> None:
    (one, first), (other, second) = segments.feeds.person(), segments.feeds.person()
    await put(segments, "phone", ("inbound", "2020-01-01", 3))
    for identity in (one, other, other):
        segments.feeds.touch(identity, "call", channel="phone")
    assert (await segments.standing(second))["totals"]["cost_to_serve"]["amount"] == "6.00"
    segments.feeds.assign({other: first})
    assert (await segments.standing(first))["totals"]["cost_to_serve"]["amount"] == "9.00"
    assert (await segments.pyramid(basis="profit"))["prospect"]["cost_to_serve"]["amount"] == "9.00"


async def test_d1_costs_of_a_channel_are_a_document_with_a_version(segments: Segments) -> None:
    assert (await segments.client.get("/v1/service-costs/phone")).status_code == 404
    assert (await segments.client.delete("/v1/service-costs/phone")).status_code == 404
    tag = (await put(segments, "phone", ("outbound", "2026-02-01", "0.0004"))).headers["etag"]
    read = await segments.client.get("/v1/service-costs/phone")
    assert (read.headers["etag"], read.json()["costs"][0]["cost"]) == (tag, "0.0004")
    assert (await put(segments, "phone", ("inbound", "2026-02-01", 1), **{"If-Match": '"x"'})).status_code == 412
    assert (await put(segments, "mail", ("inbound", "2026-02-01", 1), **{"If-Match": tag})).status_code == 412
    assert [each["channel"] for each in (await segments.get("/v1/service-costs"))["items"]] == ["phone"]
    for costs in (
        [("inbound", "2026-02-02", 1)],
        [("inbound", "2026-02-01", -1)],
        [("sideways", "2026-02-01", 1)],
        [("inbound", "2026-02-01", 1), ("inbound", "2026-02-01", 2)],
        [],
    ):
        assert (await put(segments, "phone", *costs)).status_code == 422, costs
