"""Orders come out the same however their events arrive: against a plain model."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal
from typing import Any, NamedTuple
from uuid import UUID, uuid4

import asyncpg
import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from rapport.feed import ReceivedEvent
from segment_service.columns.repository import MONTH_ROWS, TWIN_ROWS
from segment_service.consumers import interactions, profiles
from segment_service.purchases.rules import kind_of, number, read_report
from segment_service.standing.repository import Rules
from segment_service.standing.rules import LifecycleRule

from tests.segment.feeds import touchpoint
from tests.support.database import Databases, connection

START = datetime(2026, 1, 1, tzinfo=UTC)
RULES = Rules("USD", 365, LifecycleRule())
NAMES = {
    "completed": "Order Completed",
    "amended": "Order Updated",
    "refunded": "Order Refunded",
    "cancelled": "Order Cancelled",
}


class Said(NamedTuple):
    """One event of one order; `person` counts identities, all of one customer."""

    kind: str
    person: int
    order: str
    hour: int
    revenue: int | None
    cost: int | None
    currency: str | None = None


said = st.builds(
    Said,
    st.sampled_from(["completed", "completed", "amended", "refunded", "cancelled"]),
    st.integers(0, 1),
    st.sampled_from("ABC"),
    st.integers(0, 3),
    st.none() | st.integers(1, 50),
    st.none() | st.integers(1, 50),
    st.sampled_from([None, None, "USD", "EUR", "GBP"]),
)
# Days from START on.
RATES = {"EUR": {0: Decimal(2), 1: Decimal("3.333")}, "GBP": {1: Decimal("0.5")}}


class Expected(NamedTuple):
    orders: int
    elsewhere: int
    revenue: Decimal
    profit: Decimal | None


def rate(currency: str, hour: int) -> Decimal | None:
    """What one unit is worth in USD at an hour."""
    if currency == "USD":
        return Decimal(1)
    days = [day for day in RATES[currency] if day <= hour * 12 // 24]
    return RATES[currency][max(days)] if days else None


def model(events: Sequence[Said]) -> Expected:
    """Totals of the customer, one order after the other."""
    worths = [
        worth for order in sorted({each.order for each in events}) if (worth := _worth(events, order)) is not None
    ]
    nets = [net for net, _ in worths if net is not None]
    margins = [margin for net, margin in worths if net is not None]
    known = bool(margins) and None not in margins
    profit = sum((each or Decimal(0) for each in margins), Decimal(0)) if known else None
    return Expected(len(worths), len(worths) - len(nets), sum(nets, Decimal(0)), profit)


def _worth(events: Sequence[Said], order: str) -> tuple[Decimal | None, Decimal | None] | None:
    """Net and margin of an order in USD; None for what is no order."""
    every = [each for each in events if each.order == order]
    reports = [each for each in every if each.kind in {"completed", "amended"}]
    completed = [each.hour for each in reports if each.kind == "completed"]
    amended = [each.hour for each in reports if each.kind == "amended" and each.revenue is not None]
    if any(each.kind == "cancelled" for each in every) or not completed + amended:
        return None
    hour = min(completed or amended)

    def newest(field: str) -> tuple[int, str] | None:
        named = [
            (each.hour, each.kind == "amended", getattr(each, field), each.currency or ("USD" if each.revenue else ""))
            for each in reports
            if getattr(each, field) is not None
        ]
        return max(named)[2:] if named else None

    revenue, currency = newest("revenue") or (0, "USD")
    factor = rate(currency, hour)
    if factor is None:
        return None, None
    refunds = [each for each in every if each.kind == "refunded"]
    given = [(each.revenue, rate(each.currency or currency, hour)) for each in refunds]
    worth = revenue * factor
    if any(amount is None for amount, _ in given):
        net = Decimal(0)
    elif any(at is None for _, at in given):
        return None, None
    else:
        net = cents(worth - min(worth, sum(((amount or 0) * (at or 0) for amount, at in given), Decimal(0))))
    cost = newest("cost")
    costly = None if cost is None else rate(cost[1] or currency, hour)
    return net, None if cost is None or costly is None else net - cents(cost[0] * costly)


def cents(amount: Decimal) -> Decimal:
    return amount.quantize(Decimal("0.01"), ROUND_HALF_UP)


def event(kind: str, data: Any, number: int = 0) -> ReceivedEvent:
    return ReceivedEvent(str(number), kind, START, msgspec.Raw(msgspec.json.encode(data)))


def recorded(each: Said, number: int, people: Sequence[UUID]) -> ReceivedEvent:
    data: dict[str, Any] = {"order_id": each.order}
    if each.revenue is not None:
        data["revenue"] = each.revenue
    if each.cost is not None:
        data["cost"] = each.cost
    if each.currency is not None:
        data["currency"] = each.currency
    at = START + timedelta(hours=12 * each.hour)
    person = people[each.person]
    return event(
        "touchpoint.recorded",
        touchpoint(person, "track", at, name=NAMES[each.kind], data=data, message_id=f"{person}-{number}"),
    )


async def totals(
    url: str, people: Sequence[UUID], batches: Sequence[Sequence[ReceivedEvent]], *, last: bool
) -> Expected:
    """What the service has after these batches; the map comes before them or `last`."""
    profile = uuid4()
    assignments = [
        {"identity_id": person, "profile_id": profile, "version": 1, "seed_profile_id": profile} for person in people
    ]
    assigned = event("identity.assigned", {"assignments": assignments})
    async with connection(url) as db:
        if not last:
            await _apply(db, profiles, [assigned])
        for batch in batches:
            await _apply(db, interactions, batch)
        if last:
            await _apply(db, profiles, [assigned])
        row = await db.fetchrow(
            "SELECT orders, orders_elsewhere, revenue, profit FROM customer WHERE profile_id = $1", profile
        )
        assert row is not None
        files = await db.fetch(IN_FILES, START, START + timedelta(days=28), "USD", people, profile)
        assert len(files) == row["orders"]
        assert sum((each["net"] or Decimal(0) for each in files), Decimal(0)) == row["revenue"]
        margins = [each["margin"] for each in files if each["net"] is not None]
        assert row["profit"] == (None if not margins or None in margins else sum(margins, Decimal(0)))
        return Expected(*row)


# What goes into the column files says the same.
IN_FILES = f"""
    SELECT net, margin FROM ({MONTH_ROWS}) AS rows WHERE identity_id = ANY($4)
    UNION ALL
    SELECT net, margin FROM ({TWIN_ROWS.replace("$1", "$3")}) AS rows WHERE profile_id = $5
"""


async def _apply(db: "asyncpg.Connection[Any]", consumer: Any, batch: Sequence[ReceivedEvent]) -> None:
    async with db.transaction():
        await consumer.apply(db, batch, RULES)


@pytest.fixture(scope="module")
async def url(databases: Databases) -> Any:
    made = await databases.fresh("segment")
    async with connection(made) as db:
        await db.execute("INSERT INTO ranking DEFAULT VALUES")
        for currency, dated in RATES.items():
            for day, factor in dated.items():
                await db.execute(
                    "INSERT INTO rate VALUES ('USD', $1, $2, $3)",
                    currency,
                    (START + timedelta(days=day)).date(),
                    factor,
                )
    yield made
    await databases.drop(made)


@settings(max_examples=120, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(events=st.lists(said, min_size=1, max_size=12), draw=st.data())
async def test_any_order_and_division_of_arrival_gives_the_same_sums(url: str, events: list[Said], draw: Any) -> None:
    people = [uuid4(), uuid4()]
    numbered = draw.draw(st.permutations(list(enumerate(events))))
    cut = draw.draw(st.integers(0, len(numbered)))
    arrived = [recorded(each, number, people) for number, each in numbered]
    found = await totals(url, people, [arrived[:cut], arrived[cut:]], last=draw.draw(st.booleans()))
    assert found == model(events)


@pytest.mark.parametrize(
    ("given_", "expected"),
    [
        ("12.5", Decimal("12.5")),
        (" -3 ", Decimal(-3)),
        (7, Decimal(7)),
        (Decimal("0.1"), Decimal("0.1")),
        ("1,234", None),
        ("1e3", None),
        ("", None),
        ("NaN", None),
        (True, None),
        ([], None),
        (10**13, None),
        (Decimal("Infinity"), None),
        ("٣", None),
    ],
)
def test_numbers_are_plain_finite_and_bounded(given_: Any, expected: Decimal | None) -> None:
    assert number(given_) == expected


@pytest.mark.parametrize(
    ("data", "revenue"),
    [
        ({"revenue": 5, "total": 6}, "5.00"),
        ({"revenue": None, "total": "6"}, "6.00"),
        ({"products": [{"price": Decimal("1.005"), "quantity": 3}, {"price": "2"}]}, "5.02"),
        ({"products": [{"price": 1}, {"quantity": 3}]}, None),
        ({"products": "none"}, None),
        ({}, None),
    ],
)
def test_revenue_is_named_or_summed_from_the_products(data: dict[str, Any], revenue: str | None) -> None:
    report, _ = read_report("completed", uuid4(), "m", START, {"order_id": 1, **data}, "USD")
    assert report is not None
    assert report.order_id == "1"
    assert report.revenue == (None if revenue is None else Decimal(revenue))


def test_only_order_events_are_read_as_orders() -> None:
    assert kind_of("track", "Order Completed") == "completed"
    assert kind_of("track", "order_canceled") == "cancelled"
    assert kind_of("order", None) == "completed"
    assert kind_of("track", "order") is None
    assert kind_of("track", None) is None
    assert kind_of("page", "Order Completed") is None


def test_a_currency_that_is_none_is_not_taken_for_our_own() -> None:
    report, ignored = read_report("completed", uuid4(), "m", START, {"order_id": "A", "currency": "dollars"}, "USD")
    assert report is not None
    assert (report.currency, ignored) == ("XXX", ["currency"])
