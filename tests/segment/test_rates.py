"""Orders in several currencies, refunds in any of them, rates that are given and corrected."""

from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from segment_service.rates.rules import concerned
from segment_service.revaluation import service as revaluation

from tests.segment.conftest import Segments
from tests.segment.feeds import DAY
from tests.support.polling import eventually


def day(ago: float) -> str:
    return (datetime.now(UTC) - ago * DAY).date().isoformat()


async def put(segments: Segments, currency: str, *rates: tuple[str, Any], **headers: str) -> Any:
    body = {"rates": [{"from": since, "rate": rate} for since, rate in rates]}
    return await segments.client.put(f"/v1/rates/{currency}", json=body, headers=headers)


async def revalued(segments: Segments) -> None:
    async def done() -> bool:
        return not await segments.db.fetchval("SELECT count(*) FROM revaluation")

    await eventually(done)


async def test_d1_orders_count_at_the_rate_of_their_day(segments: Segments) -> None:
    identity, profile = segments.feeds.person()
    segments.feeds.order(identity, "A", 10, 30, currency="EUR", cost=4)
    segments.feeds.order(identity, "B", 10, 5, currency="EUR", cost=4)
    segments.feeds.order(identity, "C", 1, 1, cost="0.50")
    before = await segments.standing(profile)
    assert (before["totals"]["revenue"]["amount"], before["loyalty"]["orders_in_other_currencies"]) == ("1.00", 2)
    response = await put(segments, "EUR", (day(20), "1.25"), (day(10), 1.5))
    assert response.status_code == 201
    assert response.json()["to"] == "USD"
    await revalued(segments)
    found = await segments.standing(profile)
    # The first order is older than the first rate: still elsewhere.
    assert found["totals"]["revenue"]["amount"] == "16.00"
    assert found["totals"]["profit"]["amount"] == "9.50"
    assert found["loyalty"]["orders_in_other_currencies"] == 1
    assert (await put(segments, "EUR", (day(40), "1.25"), (day(10), "1.5"))).status_code == 200
    await revalued(segments)
    found = await segments.standing(profile)
    assert found["totals"]["revenue"]["amount"] == found["period"]["revenue"]["amount"] == "28.50"
    classes = await segments.pyramid(basis="profit")
    assert (classes["top"]["sales"]["amount"], classes["top"]["profit"]["amount"]) == ("28.50", "17.00")
    assert (await segments.get("/v1/pyramid"))["notes"] == []
    response = await segments.client.delete("/v1/rates/EUR")
    assert response.status_code == 204
    await revalued(segments)
    assert (await segments.standing(profile))["totals"]["revenue"]["amount"] == "1.00"


async def test_d1_a_corrected_rate_reaches_every_customer_in_batches(
    segments: Segments, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(revaluation, "_AT_ONCE", 2)
    people = [segments.feeds.person() for _ in range(7)]
    await put(segments, "EUR", (day(100), 2))
    for place, (identity, _) in enumerate(people):
        segments.feeds.order(identity, f"order-{place}", 10, 3, currency="EUR")
    assert {(await segments.standing(profile))["totals"]["revenue"]["amount"] for _, profile in people} == {"20.00"}
    body = {
        "rates": [{"currency": "EUR", "from": day(100), "rate": "3"}, {"currency": "GBP", "from": day(9), "rate": 1}]
    }
    response = await segments.client.post("/v1/rates", json=body)
    assert response.json() == {"added": 1, "corrected": 1, "unchanged": 0}
    await revalued(segments)
    assert {(await segments.standing(profile))["totals"]["revenue"]["amount"] for _, profile in people} == {"30.00"}
    assert sum(float(each["sales"]["amount"]) for each in (await segments.pyramid()).values()) == 210
    response = await segments.client.post("/v1/rates", json=body)
    assert response.json() == {"added": 0, "corrected": 0, "unchanged": 2}
    assert await segments.db.fetchval("SELECT count(*) FROM revaluation") == 0


REFUNDS: list[tuple[list[dict[str, Any]], str]] = [
    ([{"refund": 4}], "12.00"),
    ([{"refund": 4, "currency": "EUR"}], "12.00"),
    ([{"refund": 4, "currency": "USD"}], "16.00"),
    ([{"refund": 4}, {"refund": 4}, {"refund": 9}], "0.00"),
    ([{}], "0.00"),
    # A refund that has no rate leaves its order in no sum.
    ([{"refund": 1, "currency": "GBP"}], "0.00"),
]


async def test_d1_refunds_of_any_currency_before_and_after_the_order(segments: Segments) -> None:
    await put(segments, "EUR", (day(100), 2))
    feeds, people = segments.feeds, []
    for place, (refunds, revenue) in enumerate((*REFUNDS, *REFUNDS)):
        identity, profile = feeds.person()
        people.append((identity, profile, f"order-{place}", refunds, revenue))

    def give_back(some: list[Any]) -> None:
        for identity, _, order, refunds, _ in some:
            for each in refunds:
                feeds.touch(identity, "track", name="Order Refunded", data={"order_id": order, **each})

    give_back(people[: len(REFUNDS)])
    for identity, _, order, _, _ in people:
        feeds.order(identity, order, 10, 3, currency="EUR")
    await segments.settled()
    give_back(people[len(REFUNDS) :])
    for _, profile, _, refunds, revenue in people:
        found = await segments.standing(profile)
        assert (found["totals"]["orders"], found["totals"]["revenue"]["amount"]) == (1, revenue)
        assert found["loyalty"]["orders_in_other_currencies"] == int(refunds[0].get("currency") == "GBP")
    classes = await segments.pyramid()
    assert sum(Decimal(each["sales"]["amount"]) for each in classes.values()) == 80
    for identity, _, order, _, _ in people:
        feeds.touch(identity, "track", name="Order Cancelled", data={"order_id": order})
    for _, profile, _, _, _ in people:
        assert (await segments.standing(profile))["totals"]["orders"] == 0
    assert (await segments.pyramid())["prospect"]["customers"] == len(people)


async def test_d1_orders_of_two_identities_count_once_at_their_rate(segments: Segments) -> None:
    (one, profile), (other, _) = segments.feeds.person(), segments.feeds.person()
    await put(segments, "EUR", (day(100), 2))
    segments.feeds.order(one, "A", 10, 3, currency="EUR")
    segments.feeds.order(other, "A", 10, 3, currency="EUR")
    segments.feeds.touch(other, "track", name="Order Refunded", data={"order_id": "A", "refund": 2, "currency": "EUR"})
    (third, _) = segments.feeds.person()
    back = {"order_id": "A", "refund": 1, "currency": "GBP"}
    segments.feeds.touch(third, "track", name="Order Refunded", data=back)
    await put(segments, "GBP", (day(100), 3))
    segments.feeds.assign({other: profile, third: profile})
    assert (await segments.standing(profile))["totals"]["revenue"]["amount"] == "13.00"
    assert (await segments.pyramid())["top"]["sales"]["amount"] == "13.00"
    await put(segments, "GBP", (day(100), 4))
    await revalued(segments)
    assert (await segments.standing(profile))["totals"]["revenue"]["amount"] == "12.00"
    assert (await segments.pyramid())["top"]["sales"]["amount"] == "12.00"


async def test_d1_rates_are_a_document_with_a_version(segments: Segments) -> None:
    assert (await segments.client.get("/v1/rates/EUR")).status_code == 404
    assert (await segments.client.delete("/v1/rates/EUR")).status_code == 404
    assert (await put(segments, "EUR", (day(1), 2), **{"If-Match": '"x"'})).status_code == 412
    tag = (await put(segments, "EUR", (day(1), 2), (day(9), "1.90"))).headers["etag"]
    read = await segments.client.get("/v1/rates/EUR")
    assert read.headers["etag"] == tag
    assert [each["rate"] for each in read.json()["rates"]] == ["1.9", "2"]
    assert (await put(segments, "EUR", (day(1), 3), **{"If-Match": '"x"'})).status_code == 412
    assert (await put(segments, "EUR", (day(1), 3), **{"If-Match": tag})).status_code == 200
    await put(segments, "GBP", (day(1), 3))
    page = await segments.get("/v1/rates", limit=1)
    rest = await segments.get("/v1/rates", limit=1, cursor=page["next_cursor"])
    assert [each["currency"] for each in (*page["items"], *rest["items"])] == ["EUR", "GBP"]
    assert rest["next_cursor"] is None


NONSENSE: list[tuple[str, list[tuple[str, Any]]]] = [
    ("USD", [("2026-01-01", 1)]),
    ("EUR", []),
    ("EUR", [("2026-01-01", 0)]),
    ("EUR", [("2026-01-01", "NaN")]),
    ("EUR", [("2026-01-01", 1), ("2026-01-01", 2)]),
    ("EUR", [("1026-01-01", 1)]),
    ("euro", [("2026-01-01", 1)]),
]


async def test_d1_rates_that_make_no_sense_are_refused(segments: Segments) -> None:
    for currency, rates in NONSENSE:
        response = await put(segments, currency, *rates)
        assert response.status_code == 422, rates
        assert response.json()["errors"][0]["pointer"]


DATES = st.dictionaries(st.dates(date(2026, 1, 1), date(2026, 1, 12)), st.integers(1, 3).map(Decimal), max_size=5)


@given(before=DATES, after=DATES)
def test_d1_exactly_the_days_with_another_rate_are_concerned(
    before: dict[date, Decimal], after: dict[date, Decimal]
) -> None:
    def held(rates: dict[date, Decimal], on: date) -> Decimal | None:
        return max(((since, rate) for since, rate in rates.items() if since <= on), default=(on, None))[1]

    every = [date(2026, 1, number) for number in range(1, 20)]
    differing = [on for on in every if held(before, on) != held(after, on)]
    found = concerned(before, after)
    if found is None:
        assert differing == []
    else:
        assert differing[0] == found.since
        assert differing[-1] == (every[-1] if found.until is None else found.until - DAY)
