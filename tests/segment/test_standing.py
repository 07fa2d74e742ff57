"""Standing follows what happens."""

import time
from datetime import datetime
from uuid import uuid4

from tests.segment.conftest import Segments
from tests.segment.feeds import DAY
from tests.support.polling import eventually

KEYS = {
    "profile_id", "as_of", "value_class", "basis", "totals", "period", "rfm", "clv", "lifecycle", "loyalty", "needs",
    "grades", "segments", "treatment",
}  # fmt: skip


async def test_standing_has_every_part_and_exact_sums(segments: Segments) -> None:
    identity, profile = segments.feeds.person()
    segments.feeds.order(identity, "A", "10.10", 30, cost=4)
    segments.feeds.order(identity, "B", 0.2, 400, cost="0.05")
    found = await segments.standing(profile)
    assert set(found) == KEYS
    assert found["profile_id"] == str(profile)
    totals = found["totals"]
    assert totals["orders"] == 2
    assert totals["revenue"] == {"amount": "10.30", "currency": "USD"}
    assert totals["profit"] == {"amount": "6.25", "currency": "USD"}
    assert totals["cost_to_serve"] is None
    assert totals["currency"] == "USD"
    assert found["period"]["orders"] == 1
    assert found["period"]["revenue"] == {"amount": "10.10", "currency": "USD"}
    length = datetime.fromisoformat(found["period"]["to"]) - datetime.fromisoformat(found["period"]["from"])
    assert length == 365 * DAY
    assert found["lifecycle"]["stage"] == "won_back"
    assert found["needs"] == []
    assert found["segments"] == []
    assert found["clv"] is None
    assert found["treatment"] is None
    assert (await segments.get(f"/v1/profiles/{profile}/lifecycle"))["stage"] == "won_back"


async def test_standing_follows_an_order_within_two_seconds(segments: Segments) -> None:
    identity, profile = segments.feeds.person()
    await segments.settled()
    began = time.monotonic()
    segments.feeds.order(identity, "A", 10)

    async def bought() -> bool:
        found = await segments.get(f"/v1/profiles/{profile}/standing")
        return bool(found["totals"]["orders"] == 1 and found["value_class"] in {"top", "small"})

    await eventually(bought, deadline=2)
    assert time.monotonic() - began < 2


async def test_profit_is_unknown_while_the_cost_of_one_order_is(segments: Segments) -> None:
    identity, profile = segments.feeds.person()
    segments.feeds.order(identity, "A", 10, cost=4)
    segments.feeds.order(identity, "B", 10)
    assert (await segments.standing(profile))["totals"]["profit"] is None


async def test_a_profile_nobody_announced_is_not_found(segments: Segments) -> None:
    for path in ("standing", "lifecycle"):
        response = await segments.client.get(f"/v1/profiles/{uuid4()}/{path}")
        assert response.status_code == 404
        assert response.json()["type"] == "urn:rapport:problem:unknown-profile"


async def test_who_was_in_touch_or_consented_is_a_prospect_and_others_are_suspects(segments: Segments) -> None:
    feeds = segments.feeds
    visitor, consenting, denying, mailed, listed = (feeds.person() for _ in range(5))
    feeds.touch(visitor[0])
    feeds.consent(*consenting)
    feeds.consent(*denying, status="denied")
    feeds.touch(mailed[0], "message", direction="outbound")
    feeds.touch(listed[0], "import")
    classes = [
        (await segments.standing(profile))["value_class"]
        for _, profile in (visitor, consenting, denying, mailed, listed)
    ]
    assert classes == ["prospect", "prospect", "suspect", "suspect", "suspect"]


async def test_a_merge_moves_sales_and_its_undoing_moves_them_back(segments: Segments) -> None:
    feeds = segments.feeds
    (one, first), (other, second) = feeds.person(), feeds.person()
    feeds.order(one, "A", 10)
    feeds.order(other, "B", 5)
    await segments.settled()
    feeds.assign({other: first})
    merged = await segments.standing(first)
    assert merged["totals"]["revenue"]["amount"] == "15.00"
    response = await segments.client.get(f"/v1/profiles/{second}/standing")
    assert response.json() | {"as_of": "", "period": ""} == merged | {"as_of": "", "period": ""}
    assert response.headers["content-location"] == f"/v1/profiles/{first}/standing"
    assert sum(each["customers"] or 0 for each in (await segments.pyramid()).values()) == 1
    feeds.assign({other: second})
    assert (await segments.standing(first))["totals"]["revenue"]["amount"] == "10.00"
    assert (await segments.standing(second))["totals"]["revenue"]["amount"] == "5.00"
    assert (await segments.pyramid())["top"]["sales"]["amount"] == "10.00"


async def test_an_older_assignment_that_arrives_late_changes_nothing(segments: Segments) -> None:
    identity, profile = segments.feeds.person()
    stale = {"identity_id": identity, "kind": "user_id", "profile_id": uuid4(), "version": 0, "seed_profile_id": None}
    segments.feeds.profile.add("identity.assigned", {"assignments": [stale]})
    assert (await segments.standing(profile))["profile_id"] == str(profile)


async def test_orders_that_arrive_before_their_profile_count_once_it_is_known(segments: Segments) -> None:
    identity = uuid4()
    segments.feeds.order(identity, "A", 10)
    await segments.settled()
    profile = uuid4()
    segments.feeds.assign({identity: profile})
    assert (await segments.standing(profile))["totals"]["orders"] == 1


async def test_an_order_reported_under_two_identities_of_one_customer_counts_once(segments: Segments) -> None:
    feeds = segments.feeds
    (visitor, profile), (login, other) = feeds.person("anonymous_id"), feeds.person()
    feeds.order(visitor, "A", 10)
    feeds.order(login, "A", 10, cost=3)
    feeds.order(login, "B", 1, cost=1)
    await segments.settled()
    assert (await segments.standing(profile))["totals"]["orders"] == 1
    feeds.assign({login: profile})
    totals = (await segments.standing(profile))["totals"]
    assert (totals["orders"], totals["revenue"]["amount"], totals["profit"]["amount"]) == (2, "11.00", "7.00")
    classes = await segments.pyramid()
    assert sum(float(each["sales"]["amount"]) for each in classes.values()) == 11
    feeds.touch(login, "track", name="Order Refunded", data={"order_id": "A", "refund": 4})
    assert (await segments.standing(profile))["totals"]["revenue"]["amount"] == "7.00"
    feeds.assign({login: other})
    assert (await segments.standing(profile))["totals"]["revenue"]["amount"] == "10.00"


async def test_different_customers_may_share_an_order_id(segments: Segments) -> None:
    people = [segments.feeds.person() for _ in range(3)]
    for identity, _ in people:
        segments.feeds.order(identity, "1", 10)
    for _, profile in people:
        assert (await segments.standing(profile))["totals"]["revenue"]["amount"] == "10.00"
    assert sum(float(each["sales"]["amount"]) for each in (await segments.pyramid()).values()) == 30


async def test_orders_in_another_currency_count_as_orders_and_not_as_money(segments: Segments) -> None:
    identity, profile = segments.feeds.person()
    segments.feeds.order(identity, "A", 10)
    segments.feeds.order(identity, "B", 99, currency="EUR")
    found = await segments.standing(profile)
    assert found["totals"]["orders"] == 2
    assert found["totals"]["revenue"]["amount"] == "10.00"
    assert found["loyalty"]["orders_in_other_currencies"] == 1
    notes = (await segments.get("/v1/pyramid"))["notes"]
    assert notes == ["1 orders in other currencies than USD count as orders, not in sums of money."]


async def test_sums_that_make_no_sense_are_left_out_and_hold_nothing_up(segments: Segments) -> None:
    identity, profile = segments.feeds.person()
    for number, sense in enumerate(["NaN", "1e400", {}, True, "twelve", 10**30]):
        segments.feeds.order(identity, f"bad{number}", sense)
    segments.feeds.order(identity, "total", "n/a", total="7.50")
    segments.feeds.order(identity, "products", None, products=[{"price": "1.25", "quantity": 2}, {"price": 3}])
    segments.feeds.touch(identity, "track", name="Order Refunded", data={"refund": 5})
    segments.feeds.touch(identity, "order", data=None)
    found = await segments.standing(profile)
    assert found["totals"]["orders"] == 9
    assert found["totals"]["revenue"]["amount"] == "13.00"


async def test_standing_changed_is_announced_once_for_each_change(segments: Segments) -> None:
    identity, profile = segments.feeds.person()
    segments.feeds.order(identity, "A", 10, 200)
    segments.feeds.order(identity, "B", 10, 100)
    segments.feeds.order(identity, "C", 10, 1)
    await segments.settled()
    segments.feeds.touch(identity)
    await segments.recompute()
    response = await segments.client.get("/v1/feed")
    data = [each["data"] for each in response.json() if each["type"] == "standing.changed"]
    assert [(each["profile_id"], each["value_class"]) for each in data][-1] == (str(profile), "top")
    assert len(data) == len({(each["value_class"], each["lifecycle"]) for each in data})
