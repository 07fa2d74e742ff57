"""The value pyramid: classes by share of customers and of sales, customers below zero."""

from datetime import UTC, datetime
from decimal import Decimal
from uuid import UUID

from tests.segment.conftest import Segments, SegmentsFactory
from tests.segment.feeds import DAY


def _sizes(classes: dict[str, dict[str, object]]) -> list[object]:
    return [classes[name]["customers"] for name in ("top", "large", "medium", "small", "inactive")]


async def _buyers(segments: Segments, *revenues: int) -> list[UUID]:
    people = [segments.feeds.person() for _ in revenues]
    for place, ((identity, _), revenue) in enumerate(zip(people, revenues, strict=True)):
        segments.feeds.order(identity, f"order-{place}", revenue, 10 + place)
    await segments.settled()
    return [profile for _, profile in people]


async def test_d1_classes_end_at_shares_of_customers_by_default(segments: Segments) -> None:
    await _buyers(segments, *range(1, 22))
    found = await segments.get("/v1/pyramid")
    assert found["cutoffs"] == {"by": "customers", "top": 0.01, "large": 0.05, "medium": 0.2}
    assert _sizes({each["value_class"]: each for each in found["classes"]}) == [1, 1, 3, 16, 0]


async def test_d1_classes_end_at_shares_of_sales(segments: Segments) -> None:
    profiles = await _buyers(segments, 10, 10, 10, 10, 10, 10, 10, 10, 10, 10)
    classes = await segments.pyramid(cutoffs_by="sales")
    # The two who bought last make exactly 20 %; equal sales are told apart by the newer order.
    assert _sizes(classes) == [2, 3, 3, 2, 0]
    assert classes["top"]["share_of_sales"] == 0.2
    top = await segments.get("/v1/pyramid/customers", cutoffs_by="sales", value_class="top")
    assert [(each["profile_id"], each["place"]) for each in top["items"]] == [
        (str(profiles[0]), 1),
        (str(profiles[1]), 2),
    ]
    assert (top["total"], top["sales"]["amount"]) == (2, "20.00")


async def test_d1_whoever_passes_the_share_still_belongs_to_the_class(segments: Segments) -> None:
    await _buyers(segments, 90, 5, 5)
    assert _sizes(await segments.pyramid(cutoffs_by="sales")) == [1, 0, 0, 2, 0]
    shares = {"top_share": "0.95", "large_share": "0.95", "medium_share": "0.951"}
    assert _sizes(await segments.pyramid(cutoffs_by="sales", **shares)) == [2, 0, 1, 0, 0]


async def test_d1_standing_follows_cutoffs_by_sales(start: SegmentsFactory) -> None:
    async with start(cutoffs_by="sales") as segments:
        profiles = await _buyers(segments, 30, 30, 20, 10, 10)
        await segments.recompute()
        classes = [(await segments.standing(profile))["value_class"] for profile in profiles]
        assert classes == ["top", "large", "medium", "small", "small"]


async def test_d1_any_length_of_period(segments: Segments) -> None:
    await _buyers(segments, 5, 7, 9)
    classes = await segments.pyramid(period_days=11)
    assert _sizes(classes) == [1, 0, 0, 0, 2]
    found = await segments.get("/v1/pyramid", period_days=11, as_of="2026-01-01T00:00:00Z")
    assert found["period"] == {"from": "2025-12-21T00:00:00Z", "to": "2026-01-01T00:00:00Z"}


async def test_d1_customers_below_zero_are_named(segments: Segments) -> None:
    feeds = segments.feeds
    people = [feeds.person() for _ in range(4)]
    for place, ((identity, _), cost) in enumerate(zip(people, (1, 15, 12, 10), strict=True)):
        feeds.order(identity, f"order-{place}", 10, 10 + place, cost=cost)
    await segments.settled()
    classes = await segments.pyramid(basis="profit")
    assert classes["top"]["below_zero"] == {"customers": 0, "profit": {"amount": "0.00", "currency": "USD"}}
    assert classes["small"]["below_zero"] == {"customers": 2, "profit": {"amount": "-7.00", "currency": "USD"}}
    page = await segments.get("/v1/pyramid/customers", below_zero=True, limit=1)
    rest = await segments.get("/v1/pyramid/customers", below_zero=True, cursor=page["next_cursor"])
    items = [*page["items"], *rest["items"]]
    assert [(each["profile_id"], each["profit"]["amount"]) for each in items] == [
        (str(people[1][1]), "-5.00"),
        (str(people[2][1]), "-2.00"),
    ]
    assert (page["total"], page["profit"]["amount"], rest["next_cursor"]) == (2, "-7.00", None)
    assert page["as_of"] == rest["as_of"]


async def test_d1_pages_hold_every_customer_once(segments: Segments) -> None:
    profiles = await _buyers(segments, *[7] * 5, 3, 9)
    cursor, seen = None, []
    while True:
        page = await segments.get("/v1/pyramid/customers", limit=2, **({"cursor": cursor} if cursor else {}))
        seen += [each["profile_id"] for each in page["items"]]
        cursor = page["next_cursor"]
        if cursor is None:
            break
    assert len(seen) == len(set(seen)) == len(profiles)
    assert seen[0] == str(profiles[-1])


async def test_d1_what_makes_no_sense_is_refused(segments: Segments) -> None:
    for params in (
        {"top_share": "0.5"},
        {"top_share": "0.5", "large_share": "0.4", "medium_share": "0.9"},
        {"period_days": "0"},
        {"cutoffs_by": "weight"},
    ):
        response = await segments.client.get("/v1/pyramid", params=params)
        assert response.status_code == 422, params
    for cursor in ("nonsense", "WyIyMDI2LTAxLTAxVDAwOjAwOjAwWiIsIk5hTiIsMCwiMSJd"):
        response = await segments.client.get("/v1/pyramid/customers", params={"cursor": cursor})
        assert response.status_code == 422


async def test_d1_the_drawing_names_classes_and_cutoffs(segments: Segments) -> None:
    await _buyers(segments, 5, 7, 9)
    response = await segments.client.get("/v1/pyramid.svg", params={"cutoffs_by": "sales"})
    assert response.headers["content-type"] == "image/svg+xml"
    for words in ("classes end at 20, 50 and 80 % of sales", "Rest of the world", "Below zero"):
        assert words in response.text


async def test_d1_a_year_ago_only_the_orders_up_to_then_count(segments: Segments) -> None:
    await _buyers(segments, 5, 7)
    ago = (datetime.now(UTC) - 10.5 * DAY).isoformat()
    classes = await segments.pyramid(as_of=ago)
    assert _sizes(classes) == [1, 0, 0, 0, 0]
    assert Decimal(classes["top"]["sales"]["amount"]) == 7
