"""The messages of the whole data set: valid, unique, and exact to the cent."""

from collections import defaultdict
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import msgspec
import pytest
from rapport_local.sample.expected import Totals, expected_orders
from rapport_local.sample.loader import encoded
from rapport_local.sample.messages import Identify, message, user_id
from rapport_local.sample.people import SYNTHETIC
from rapport_local.sample.rows import CategoryLine, Household, Mailing, Order, Redemption, shift_to
from rapport_local.sample.source import Source

AT = datetime(2017, 3, 1, 17, tzinfo=UTC)
WEEKS = timedelta(weeks=400)


class _Product(msgspec.Struct):
    price: Decimal
    quantity: int


class _Properties(msgspec.Struct):
    order_id: str | None = None
    revenue: Decimal | None = None
    products: list[_Product] = []


class _Message(msgspec.Struct, rename="camel"):
    type: str
    message_id: str
    user_id: str
    timestamp: datetime
    event: str | None = None
    properties: _Properties | None = None


@pytest.fixture(scope="module")
def sent(full: Source) -> list[tuple[int, _Message]]:
    """Size in bytes and content, read as a collector reads them, of every message."""
    decoder = msgspec.json.Decoder(_Message)
    shift = shift_to(datetime.now(UTC), full.last_at)
    return [(len(each), decoder.decode(each)) for each in encoded(full, shift)]


def test_orders_and_sales_per_household_equal_the_tables(sent: list[tuple[int, _Message]]) -> None:
    orders: dict[str, set[str]] = defaultdict(set)
    sales: dict[str, Decimal] = defaultdict(Decimal)
    for _, each in sent:
        if each.event == "Order Completed":
            assert each.properties is not None
            assert each.properties.order_id is not None
            assert each.properties.revenue is not None
            parts = sum((part.price * part.quantity for part in each.properties.products), Decimal())
            assert parts == each.properties.revenue
            assert each.properties.order_id not in orders[each.user_id]
            orders[each.user_id].add(each.properties.order_id)
            sales[each.user_id] += each.properties.revenue
    found = {user: Totals(len(ids), int(sales[user] * 100)) for user, ids in orders.items()}
    assert found == {user_id(household): each for household, each in expected_orders("full").items()}
    assert sum(sales.values()) == Decimal("4596039.58")


def test_every_message_has_an_id_of_its_own(full: Source, sent: list[tuple[int, _Message]]) -> None:
    assert len({each.message_id for _, each in sent}) == len(sent) == len(full)


def test_every_message_is_below_32_kilobytes(sent: list[tuple[int, _Message]]) -> None:
    assert max(size for size, _ in sent) < 32_768


def test_nothing_happens_in_the_future_and_the_end_is_recent(sent: list[tuple[int, _Message]]) -> None:
    now = datetime.now(UTC)
    last = max(each.timestamp for _, each in sent)
    assert now - timedelta(weeks=1, minutes=5) < last <= now


def _built(row: Household | Mailing | Order | Redemption, shift: timedelta = WEEKS) -> dict[str, Any]:
    built: dict[str, Any] = msgspec.json.decode(msgspec.json.encode(message(row, shift)))
    return built


ORDER = Order(
    42, 31198570044, 330, AT, 1204, 310, 50, [CategoryLine("soft drinks", 704, 3), CategoryLine("beef", 500, 1)]
)
MAILING = Mailing(42, 8, "Type A", AT, AT + timedelta(days=30))
REDEMPTION = Redemption(42, 51380041013, 8, AT)
HOUSEHOLD = Household(42, AT, {"age": "25-34", "kids_count": "1"})


def test_an_order_follows_segments_ecommerce_names() -> None:
    built = _built(ORDER)
    assert (built["type"], built["event"], built["userId"]) == ("track", "Order Completed", "hh-42")
    assert datetime.fromisoformat(built["timestamp"]) == AT + WEEKS
    properties = built["properties"]
    assert properties.pop("products") == [
        {"product_id": "soft-drinks", "category": "soft drinks", "price": 7.04, "quantity": 1, "units": 3},
        {"product_id": "beef", "category": "beef", "price": 5.0, "quantity": 1, "units": 1},
    ]
    assert properties == {
        "order_id": "31198570044",
        "revenue": 12.04,
        "currency": "USD",
        "discount": 3.1,
        "coupon_discount": 0.5,
        "store_id": "330",
        "channel": "shop",
        "direction": "inbound",
    }


def test_a_mailing_is_an_outbound_letter() -> None:
    built = _built(MAILING)
    assert built["event"] == "Campaign Mailed"
    assert built["properties"]["channel"] == "letter"
    assert built["properties"]["direction"] == "outbound"
    assert built["properties"]["campaign_id"] == "8"
    assert datetime.fromisoformat(built["properties"]["ends_at"]) == AT + WEEKS + timedelta(days=30)


def test_a_redemption_names_coupon_and_campaign() -> None:
    built = _built(REDEMPTION)
    assert built["event"] == "Coupon Redeemed"
    assert built["properties"]["coupon_upc"] == "51380041013"
    assert built["properties"]["campaign_id"] == "8"


def test_a_household_says_what_of_it_is_synthetic() -> None:
    traits = _built(HOUSEHOLD)["traits"]
    assert traits["synthetic"] == list(SYNTHETIC)
    assert set(SYNTHETIC) < set(traits)
    assert traits["age"] == "25-34"
    assert traits["kids_count"] == "1"
    assert (traits["language"], traits["country"]) == ("en", "US")


def test_consent_is_sent_only_where_it_was_asked() -> None:
    sent = [message(Household(number, AT, {}), WEEKS) for number in range(1, 2501)]
    consents = [each.context.get("consent") for each in sent if isinstance(each, Identify)]
    assert {"categoryPreferences": {"email_marketing": True}} in consents
    assert {"categoryPreferences": {"email_marketing": False}} in consents
    assert None in consents


@pytest.mark.parametrize("row", [ORDER, MAILING, REDEMPTION, HOUSEHOLD])
def test_ids_do_not_depend_on_the_day_of_loading(row: Household | Mailing | Order | Redemption) -> None:
    assert _built(row, WEEKS)["messageId"] == _built(row, WEEKS + timedelta(weeks=1))["messageId"]


def test_ids_stay_what_they_were() -> None:
    # Loaded stacks hold these; another value would load everything twice.
    assert [_built(row)["messageId"] for row in (HOUSEHOLD, MAILING, ORDER, REDEMPTION)] == [
        "c5c19d9e-f60e-51d7-a37c-be2b52bba818",
        "f0a914a9-525e-5b3b-9c31-e4b89af00f36",
        "81fedda8-a8de-5b51-9823-807adbfb0f87",
        "ee2698c4-b471-590a-8362-990eefb38ea2",
    ]
