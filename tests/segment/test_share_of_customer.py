"""What customers buy here of all that they buy, and why small ones are small."""

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest
from rapport.tokens import KeyStore
from segment_service.share_of_customer.rules import Benchmark, Known, is_small_firm, over, quadrant, usual

from tests.conftest import TokenFactory
from tests.segment.conftest import Segments, SegmentsFactory
from tests.segment.feeds import DAY, Feeds

LOW = Decimal("0.5")


def known(**changes: Any) -> Known:
    facts = {
        "value_class": "small", "own": Decimal(100), "total": None, "origin": None, "is_small_firm": None,
        "usual": None, "bound": Decimal(1_000), "competitors": (),
    }  # fmt: skip
    return Known(**{**facts, **changes})


@pytest.mark.parametrize(
    ("facts", "expected", "reason"),
    [
        ({"value_class": "medium", "total": Decimal(9_000), "origin": "stated"}, None, "is medium"),
        ({}, "unknown", "nobody has said"),
        ({"is_small_firm": True}, "small_firm", "small organisation"),
        ({"bound": None, "total": Decimal(5), "origin": "stated"}, "unknown", "no ranking has"),
        ({"total": Decimal(5_000), "origin": "stated"}, "buys_elsewhere", "2% of it here"),
        ({"total": Decimal(5_000), "origin": "stated", "competitors": ("Acme",)}, "buys_elsewhere", "Acme serves"),
        ({"total": Decimal(1_500), "own": Decimal(900), "origin": "estimated"}, "unknown", "most of it"),
        ({"total": Decimal(5_000), "origin": "benchmark"}, "unknown", "by what is usual"),
        ({"total": Decimal(5_000), "origin": "benchmark", "competitors": ("Acme",)}, "buys_elsewhere", "Acme"),
        ({"total": Decimal(300), "origin": "stated"}, "small_firm", "that takes 1000"),
        ({"total": Decimal(300), "origin": "stated", "usual": Decimal(4_000)}, "cautious", "spend 4000"),
        ({"total": Decimal(300), "origin": "stated", "usual": Decimal(900)}, "small_firm", "spends 300"),
        (
            {"total": Decimal(300), "origin": "stated", "usual": Decimal(4_000), "is_small_firm": True},
            "small_firm",
            "by its size",
        ),
    ],
)
def test_d8_why_a_small_customer_is_small(facts: dict[str, Any], expected: str | None, reason: str) -> None:
    found, reasons = quadrant(known(**facts), LOW)
    assert found == expected
    assert any(reason in each for each in reasons), reasons


def test_d8_sizes_and_what_is_usual() -> None:
    assert is_small_firm("person", "small", None, 50) is None
    assert is_small_firm("organisation", None, None, 50) is None
    assert is_small_firm("organisation", " Micro ", None, 50) is True
    assert is_small_firm("organisation", "large", None, 50) is False
    assert is_small_firm("organisation", "49", Decimal(49), 50) is True
    assert is_small_firm("organisation", "50", Decimal(50), 50) is False
    some = [
        Benchmark("organisation", "large", None, Decimal(9)),
        Benchmark(None, None, "small", Decimal(5)),
        Benchmark(None, None, None, Decimal(1)),
    ]
    assert usual(some, "organisation", "large", "small") == 9
    assert usual(some, "organisation", None, "small") == 5
    assert usual(some, "person", "large", "prospect") == 1
    assert usual([], "person", None, "small") is None
    assert over(Decimal(730), 30) == 60


async def say(segments: Segments, profile: UUID, amount: Any, status: int = 201, **said: Any) -> dict[str, Any]:
    body = {"amount": amount, "origin": "stated", **said}
    response = await segments.client.put(f"/v1/profiles/{profile}/spend-estimates", json=body)
    assert response.status_code == status, response.text
    found: dict[str, Any] = response.json()
    return found


async def share(segments: Segments, profile: UUID) -> dict[str, Any]:
    await segments.settled()
    return await segments.get(f"/v1/profiles/{profile}/share-of-customer")


def ago(days: float) -> str:
    return (datetime.now(UTC) - days * DAY).isoformat()


async def test_d8_the_word_that_counts_survives_merges_and_their_undoing(segments: Segments) -> None:
    feeds = segments.feeds
    (one, first), (two, second) = feeds.person(), feeds.person()
    feeds.order(one, "A", 200, products=[{"category": "tea", "price": 50}, {"category": "coffee", "price": 150}])
    feeds.order(two, "B", 100)
    assert (await share(segments, first))["total"] is None
    await say(segments, first, 4_000, origin="estimated", at=ago(1), source="visit")
    await say(segments, first, "1000.00", origin="stated", at=ago(30))
    said = await say(segments, first, 800, origin="stated", at=ago(9), source="call")
    await say(segments, first, 800, 200, origin="stated", at=said["at"], source="call")
    await say(segments, first, 100, category="tea", origin="estimated")
    await say(segments, second, 50, origin="stated", at=ago(20))
    found = await share(segments, first)
    assert found["total"] == {
        "amount": {"amount": "800.00", "currency": "USD"}, "origin": "stated", "source": "call", "at": said["at"],
    }  # fmt: skip
    assert (found["share"], found["open_potential"]["amount"]) == (0.25, "600.00")
    (tea,) = found["categories"]
    assert (tea["category"], tea["own"]["amount"], tea["share"], tea["origin"]) == ("tea", "50.00", 0.5, "estimated")
    history = (await segments.get(f"/v1/profiles/{first}/spend-estimates"))["items"]
    assert [each["amount"] for each in history] == ["100.00", "4000.00", "800.00", "1000.00"]
    feeds.assign({two: first})
    found = await share(segments, first)
    assert (found["total"]["amount"]["amount"], found["share"]) == ("800.00", 0.375)
    # What is said of the one who was merged away goes back with them.
    await say(segments, second, 60, origin="stated")
    assert (await share(segments, first))["total"]["amount"]["amount"] == "60.00"
    feeds.assign({two: second})
    assert (await share(segments, first))["total"]["amount"]["amount"] == "800.00"
    assert (await share(segments, second))["total"]["amount"]["amount"] == "60.00"
    assert (await share(segments, second))["share"] == 1


async def test_d8_competitors_other_currencies_and_what_is_usual(segments: Segments) -> None:
    feeds = segments.feeds
    identity, profile = feeds.person()
    feeds.order(identity, "A", 100)
    await segments.settled()
    path = f"/v1/profiles/{profile}/competitors/Tea%20%26%20Co"
    assert (await segments.client.put(path, json={"share": 0.3})).status_code == 201
    known_now = await segments.client.put(path, json={"amount": "50", "source": "invoice"})
    assert (known_now.status_code, known_now.json()["currency"]) == (200, "USD")
    found = await share(segments, profile)
    assert found["competitors"] == [known_now.json()]
    assert [(each["name"], each["share"], each["amount"]) for each in found["competitors"]] == [
        ("Tea & Co", None, "50.00")
    ]
    usually = {"benchmarks": [{"kind": "organisation", "amount": "9000"}, {"amount": "500"}]}
    assert (await segments.client.put("/v1/spend-benchmarks", json=usually)).status_code == 200
    assert (await segments.get("/v1/spend-benchmarks"))["benchmarks"][1] == {
        "kind": None, "size": None, "value_class": None, "amount": "500.00",
    }  # fmt: skip
    found = await share(segments, profile)
    assert (found["total"]["origin"], found["total"]["amount"]["amount"], found["share"]) == (
        "benchmark",
        "500.00",
        0.2,
    )
    await say(segments, profile, 300, currency="EUR")
    assert (await share(segments, profile))["total"]["origin"] == "benchmark", "nobody knows what a euro is worth"
    rates = {"rates": [{"from": "2020-01-01", "rate": "2"}]}
    assert (await segments.client.put("/v1/rates/EUR", json=rates)).status_code == 201
    found = await share(segments, profile)
    assert (found["total"]["origin"], found["total"]["amount"]["amount"]) == ("stated", "600.00")
    assert (await segments.client.delete(path)).status_code == 204
    assert (await segments.client.delete(path)).status_code == 404
    for wrong in (
        {"amount": -1, "origin": "stated"},
        {"amount": 1, "origin": "guessed"},
        {"amount": 1, "origin": "stated", "at": "2199-01-01"},
        {"amount": 1, "origin": "stated", "source": "\x00"},
    ):
        refused = await segments.client.put(f"/v1/profiles/{profile}/spend-estimates", json=wrong)
        assert refused.status_code == 422, wrong
    assert (await segments.client.put(path, json={"currency": "EUR"})).status_code == 422
    assert (await segments.client.get(f"/v1/profiles/{uuid4()}/share-of-customer")).status_code == 404


async def test_d8_small_customers_are_listed_by_open_potential(segments: Segments) -> None:
    feeds = segments.feeds
    people = [feeds.person() for _ in range(9)]
    for number, (identity, profile) in enumerate(people):
        # The first is top, the second large, the third medium with 700, the others small.
        feeds.order(identity, f"O{number}", 900 - 100 * number if number < 3 else 10 + number)
        feeds.tell(profile, kind="organisation", traits={"size": "large" if number % 2 else 12})
    await segments.caught_up()
    await segments.recompute()
    bound = await segments.db.fetchval(
        "SELECT min(amount) FROM ranking, unnest(classes, sales) AS b (class, amount) WHERE class <> 'small'"
    )
    totals = {3: 100, 4: 5_000, 5: 3_000, 6: 300, 7: 4_000, 8: None}
    for number, total in totals.items():
        if total is not None:
            await say(segments, people[number][1], total)
    usually = {"benchmarks": [{"size": "large", "amount": "9000"}]}
    await segments.client.put("/v1/spend-benchmarks", json=usually)
    rows = await segments.db.fetch("SELECT profile_id, value_class, period_revenue FROM customer")
    class_of = {row["profile_id"]: row for row in rows}
    expected = []
    for number, total in totals.items():
        row = class_of[people[number][1]]
        if total is not None:
            size = "large" if number % 2 else "12"
            facts = Known(
                value_class=row["value_class"], own=row["period_revenue"], total=Decimal(total), origin="stated",
                is_small_firm=not number % 2, usual=Decimal(9_000) if size == "large" else None, bound=bound,
                competitors=(),
            )  # fmt: skip
            expected.append((total - row["period_revenue"], str(row["profile_id"]), quadrant(facts, LOW)[0]))
    expected.sort(key=lambda each: (-each[0], UUID(each[1])))
    assert {each[2] for each in expected} >= {"buys_elsewhere", "small_firm", "cautious"}
    found: list[Any] = []
    cursor: dict[str, str] = {}
    while True:
        page = await segments.get("/v1/share-of-customer", limit=2, **cursor)
        found += page["items"]
        if page["next_cursor"] is None:
            break
        cursor = {"cursor": page["next_cursor"]}
    assert [(Decimal(e["open_potential"]["amount"]), e["profile_id"], e["quadrant"]) for e in found] == expected
    for each in found:
        alone = await segments.get(f"/v1/profiles/{each['profile_id']}/share-of-customer")
        assert (alone["quadrant"], alone["reasons"], alone["share"]) == (
            each["quadrant"], each["reasons"], each["share"],
        )  # fmt: skip
    away = await segments.get("/v1/share-of-customer", quadrant="buys_elsewhere")
    assert [each["profile_id"] for each in away["items"]] == [
        each[1] for each in expected if each[2] == "buys_elsewhere"
    ]
    assert (await segments.client.get("/v1/share-of-customer?quadrant=other")).status_code == 422


async def test_d8_what_is_said_of_somebody_is_given_out_and_erased(
    start: SegmentsFactory, keys: KeyStore, token: TokenFactory
) -> None:
    feeds = Feeds()
    async with start(feeds=feeds) as segments:
        identity, profile = feeds.person()
        await segments.settled()
        await say(segments, profile, 10, source="their mother")
        await segments.client.put(f"/v1/profiles/{profile}/competitors/Acme", json={})
        headers = {"Authorization": f"Bearer {token('privacy')}"}
        async with httpx.AsyncClient(base_url=segments.client.base_url, headers=headers, timeout=60) as client:
            person = {"identities": [str(identity)], "profiles": [str(profile)]}
            given = (await client.post("/v1/privacy/exports", json=person)).json()["sections"]
            assert given["spend_estimate"][0]["source"] == "their mother"
            assert given["competitor"][0]["name"] == "Acme"
            erased = await client.post("/v1/privacy/erasures", json={"request_id": str(uuid4()), **person})
            assert erased.status_code == 200, erased.text
        for table in ("spend_estimate", "competitor"):
            assert await segments.db.fetchval(f"SELECT count(*) FROM {table}") == 0
