"""Loyalty to the firm and to product lines."""

from collections import defaultdict
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from statistics import mean, pstdev
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from segment_service.loyalty.rules import Bought, Item, by_line, divided, loyalty, regularity, repeat_rate

from tests.segment.conftest import Segments
from tests.segment.feeds import DAY

NOW = datetime(2026, 11, 25, 12, tzinfo=UTC)
LINES = st.lists(
    st.tuples(st.sampled_from(["tea", "coffee", None]), st.none() | st.decimals(0, 1_000, places=2)).map(Item._make),
    max_size=6,
)
ORDERS = st.lists(st.tuples(st.integers(0, 900), st.none() | st.decimals(0, 5_000, places=2), LINES), max_size=12)


@given(ORDERS)
def test_d7_product_lines_share_all_sales_and_every_order(orders: list[tuple[int, Decimal | None, list[Item]]]) -> None:
    bought = [Bought(str(number), NOW - ago * DAY, net) for number, (ago, net, _) in enumerate(orders)]
    lines = by_line(bought, {str(number): items for number, (_, _, items) in enumerate(orders)})
    firm = loyalty(bought, NOW, 365, 90)
    found = {category: loyalty(some, NOW, 365, 90) for category, some in lines.items()}
    assert sum(each.sales for each in found.values()) == firm.sales == sum(net or 0 for _, net, _ in orders)
    assert sum(each.trend.current for each in found.values()) == firm.trend.current
    assert sum(each.trend.previous for each in found.values()) == firm.trend.previous
    for category, each in found.items():
        having = [ago for ago, _, items in orders if category in ({item.category for item in items} or {None})]
        assert (each.orders, each.order_days) == (len(having), len(set(having)))
        assert (each.tenure_days, each.recency_days) == (max(having), min(having))
        gaps = [after - before for before, after in zip(sorted(set(having)), sorted(set(having))[1:], strict=False)]
        if len(gaps) > 1:
            assert each.regularity == pytest.approx(max(0, 1 - pstdev(gaps) / mean(gaps)), abs=1e-4)
        else:
            assert each.regularity is None
        followed = [min((later for later in having if later < ago), default=None, key=lambda x: ago - x)
                    for ago in set(having)]  # fmt: skip
        days = list(zip(set(having), followed, strict=True))
        told = [next_ is not None and ago - next_ <= 90 for ago, next_ in days if next_ is not None or ago >= 90]
        assert each.repeat_rate == (pytest.approx(mean(told), abs=1e-4) if told else None)


def test_d7_what_an_order_is_worth_is_divided_by_amounts_to_the_cent() -> None:
    tea, coffee, free = Item("tea", Decimal(1)), Item("coffee", Decimal(2)), Item("free", None)
    assert divided(Decimal(100), [tea, coffee, free]) == {
        "coffee": Decimal("66.67"), "free": 0, "tea": Decimal("33.33"),
    }  # fmt: skip
    assert divided(Decimal("0.01"), [free, Item(None, None)]) == {None: Decimal("0.01"), "free": 0}
    assert divided(None, [tea]) == {"tea": None}
    assert divided(Decimal(7), []) == {None: 7}


def test_d7_regularity_is_one_for_a_clock_and_nothing_without_a_rhythm() -> None:
    assert regularity([30, 30, 30]) == 1
    assert regularity([1, 1, 100]) == 0
    assert regularity([30]) is None
    assert repeat_rate([date(2026, 1, 1), date(2026, 3, 1)], date(2026, 4, 1), 90) == 1
    assert repeat_rate([date(2026, 1, 1), date(2026, 3, 1)], date(2026, 9, 1), 90) == 0.5
    assert repeat_rate([date(2026, 1, 1)], date(2026, 1, 2), 90) is None


def product(category: str | None, price: Any, quantity: Any = 1) -> dict[str, Any]:
    return {"category": category, "price": price, "quantity": quantity}


async def told(segments: Segments, profile: Any, **params: Any) -> tuple[dict[str, Any], dict[str | None, Any]]:
    await segments.settled()
    found = await segments.get(f"/v1/profiles/{profile}/loyalty", **params)
    return found["firm"], {each["category"]: each for each in found["lines"]}


async def test_d7_loyalty_follows_orders_refunds_and_merges(segments: Segments) -> None:
    feeds = segments.feeds
    (one, first), (two, second) = feeds.person(), feeds.person()
    for number, ago in enumerate((400, 300, 200, 100, 10)):
        feeds.order(one, f"T{number}", 30, ago, products=[product("tea", 5, 2), product("coffee", 20)])
    feeds.order(two, "C", 60, 50, products=[product("coffee", 60)])
    feeds.order(two, "X", 12, 20)
    feeds.touch(one, "track", datetime.now(UTC), name="Order Refunded", data={"order_id": "T4", "refund": 15})
    firm, lines = await told(segments, first)
    assert (firm["orders"], firm["order_days"], firm["tenure_days"], firm["recency_days"]) == (5, 5, 400, 10)
    assert firm["mean_gap_days"] == 97.5
    assert firm["regularity"] == pytest.approx(1 - pstdev([100, 100, 100, 90]) / 97.5, abs=1e-4)
    assert firm["repeat_rate"] == 0.25
    assert lines.keys() == {"tea", "coffee"}
    worth = Decimal(firm["sales"]["amount"])
    assert sum(Decimal(each["sales"]["amount"]) for each in lines.values()) == worth
    standing = await segments.standing(first)
    assert standing["totals"]["revenue"]["amount"] == firm["sales"]["amount"] == "135.00"
    assert (lines["tea"]["sales"]["amount"], lines["tea"]["share_of_sales"]) == ("45.00", 0.3333)
    assert lines["coffee"]["share_of_orders"] == 1
    # 105 in the last year, 30 in the one before.
    assert (firm["trend"]["change"], firm["trend"]["direction"]) == (2.5, "rising")
    firm, _ = await told(segments, first, period_days=90, repeat_days=100)
    assert (firm["trend"]["current"]["amount"], firm["trend"]["previous"]["amount"]) == ("15.00", "30.00")
    assert (firm["trend"]["direction"], firm["repeat_rate"]) == ("falling", 1)
    feeds.assign({two: first})
    firm, lines = await told(segments, first)
    assert (firm["orders"], firm["sales"]["amount"]) == (7, "207.00")
    assert {name: each["sales"]["amount"] for name, each in lines.items()} == {
        "coffee": "150.00", "tea": "45.00", None: "12.00",
    }  # fmt: skip
    merged = await segments.get(f"/v1/profiles/{second}/loyalty")
    assert merged["profile_id"] == str(first)
    feeds.assign({two: second})
    firm, lines = await told(segments, second)
    assert {name: each["sales"]["amount"] for name, each in lines.items()} == {"coffee": "60.00", None: "12.00"}
    assert (firm["regularity"], firm["trend"]["change"]) == (None, None)


async def test_d7_product_lines_over_everybody(segments: Segments) -> None:
    feeds = segments.feeds
    orders = [
        (0, "A", 30, 90, [product("tea", 10), product("coffee", 20)]),
        (0, "B", 10, 60, [product("tea", 10)]),
        (1, "C", 40, 30, [product("tea", 5), product("tea", 5), product("coffee", 10)]),
        (1, "D", 5, 20, []),
        (2, "E", 8, 10, [product("tea", None), product("coffee", None)]),
    ]
    people = [feeds.person() for _ in range(4)]
    for person, order_id, revenue, ago, products in orders:
        feeds.order(people[person][0], order_id, revenue, ago, products=products)
    # The same order again under another identity of the same customer counts once.
    again, _ = feeds.person()
    feeds.assign({again: people[0][1]})
    feeds.order(again, "A", 30, 89.9, products=[product("tea", 10), product("coffee", 20)])
    await segments.settled()
    sales: dict[str | None, Decimal] = defaultdict(Decimal)
    days: dict[str | None, dict[int, int]] = defaultdict(lambda: defaultdict(int))
    for person, order_id, revenue, ago, products in orders:
        bought = Bought(order_id, NOW - timedelta(days=ago), Decimal(revenue))
        items = [Item(each["category"], each["price"] and Decimal(each["price"])) for each in products]
        for category, (part,) in by_line([bought], {order_id: items}).items():
            sales[category] += part.net or 0
            days[category][person] += 1
    found = await segments.get("/v1/loyalty/lines")
    assert [each["category"] for each in found["items"]] == ["coffee", "tea", None]
    for each in found["items"]:
        bought_by = days[each["category"]]
        assert Decimal(each["sales"]["amount"]) == sales[each["category"]]
        assert each["customers"] == len(bought_by)
        assert each["share_of_customers"] == round(len(bought_by) / 3, 4)
        assert each["repeat_rate"] == round(sum(count > 1 for count in bought_by.values()) / len(bought_by), 4)
    assert sum(each["share_of_sales"] for each in found["items"]) == pytest.approx(1, abs=1e-3)
    assert (await segments.client.get("/v1/profiles/00000000-0000-0000-0000-000000000000/loyalty")).status_code == 404
