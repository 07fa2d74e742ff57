"""What an order event says, and what all reports of one order say together: pure rules.

Names and properties follow Segment's e-commerce events.
"""

import re
from collections.abc import Iterable, Mapping
from datetime import datetime
from decimal import ROUND_HALF_UP, Decimal, InvalidOperation
from typing import Any, Final, Literal, NamedTuple
from uuid import UUID

Kind = Literal["completed", "amended", "refunded", "cancelled"]

NO_CURRENCY: Final = "XXX"  # ISO 4217: no currency
LARGEST: Final = Decimal(10) ** 12

_CENT = Decimal("0.01")
_KINDS: Final[Mapping[str, Kind]] = {
    "order completed": "completed",
    "order updated": "amended",
    "order refunded": "refunded",
    "order cancelled": "cancelled",
    "order canceled": "cancelled",
}
_TOUCHPOINT_KINDS: Final[Mapping[str, Kind]] = {**_KINDS, "order": "completed", "refund": "refunded"}
_plain_number = re.compile(r"[+-]?(\d{1,30}(\.\d{0,30})?|\.\d{1,30})\Z", re.ASCII)
_currency = re.compile(r"[A-Z]{3}\Z")


class Amount(NamedTuple):
    """A sum of money and the event that named it: its time, and whether it completed (0) or amended (1) the order."""

    at: datetime
    step: int
    amount: Decimal
    currency: str = ""


class Report(NamedTuple):
    """What one event says of one order; amounts are None where the event names none.

    `currency` is empty where a refund, or an event that names nothing but a cost, does not say: then it is the order's.
    """

    kind: Kind
    identity_id: UUID
    order_id: str
    message_id: str
    at: datetime
    revenue: Decimal | None
    cost: Decimal | None
    currency: str
    refund: Decimal | None


class Order(NamedTuple):
    """What reports of one order say together; `|` of any grouping and order of them gives the same."""

    completed_at: datetime | None = None
    amended_at: datetime | None = None
    revenue: Amount | None = None
    cost: Amount | None = None
    cancelled_at: datetime | None = None

    def __or__(self, other: "Order") -> "Order":
        return Order(
            _first(self.completed_at, other.completed_at),
            _first(self.amended_at, other.amended_at),
            _newest(self.revenue, other.revenue),
            _newest(self.cost, other.cost),
            _first(self.cancelled_at, other.cancelled_at),
        )


def kind_of(touchpoint_type: str, name: str | None) -> Kind | None:
    """What a touchpoint reports about an order, None if it is not about one."""
    if touchpoint_type == "track":
        return _KINDS.get(_plain(name)) if name else None
    return _TOUCHPOINT_KINDS.get(_plain(touchpoint_type))


def read_report(
    kind: Kind, identity_id: UUID, message_id: str, at: datetime, data: Mapping[str, Any], currency: str
) -> tuple[Report | None, list[str]]:
    """The report in an event's properties, None without an order id, and the names of properties that made no sense.

    Revenue is `revenue`, else `total`, else the products' price times quantity; `currency` holds where none is named.
    """
    ignored: list[str] = []
    order_id = _order_id(data.get("order_id"))
    if order_id is None:
        ignored.append("order_id")
        # A completed order without a number is still an order; whatever refers to one cannot be placed.
        if kind != "completed":
            return None, ignored
        order_id = f"message:{message_id}"
    revenue = cost = refund = None
    if kind in {"completed", "amended"}:
        revenue = _amount(data, ("revenue", "total"), "price", ignored)
        cost = _amount(data, ("cost",), "cost", ignored)
    elif kind == "refunded":
        refund = _amount(data, ("refund", "refund_amount", "amount", "revenue", "total"), "price", ignored)
        # Some shops report money given back as a negative sum.
        refund = abs(refund) if refund is not None else None
    named = _currency_of(data.get("currency"), currency if revenue is not None else "", ignored)
    return Report(kind, identity_id, order_id, message_id, at, revenue, cost, named, refund), ignored


def order_of(report: Report) -> Order:
    """What one report says, ready to be merged; refunds are kept apart, one by one."""
    if report.kind == "cancelled":
        return Order(cancelled_at=report.at)
    if report.kind == "refunded":
        return Order()
    step = int(report.kind == "amended")
    return Order(
        completed_at=report.at if not step else None,
        amended_at=report.at if step and report.revenue is not None else None,
        revenue=Amount(report.at, step, report.revenue, report.currency) if report.revenue is not None else None,
        cost=Amount(report.at, step, report.cost, report.currency) if report.cost is not None else None,
    )


def merged(reports: Iterable[Report]) -> dict[tuple[UUID, str], Order]:
    """Reports folded to one order for each identity and order id."""
    orders: dict[tuple[UUID, str], Order] = {}
    for report in reports:
        key = report.identity_id, report.order_id
        orders[key] = orders.get(key, Order()) | order_of(report)
    return orders


def _first(one: datetime | None, other: datetime | None) -> datetime | None:
    return min(one, other) if one is not None and other is not None else one or other


def _newest(one: Amount | None, other: Amount | None) -> Amount | None:
    return max(one, other) if one is not None and other is not None else one or other


def _plain(name: str) -> str:
    return name.strip().lower().replace("_", " ")


def _order_id(value: Any) -> str | None:
    if isinstance(value, bool) or not isinstance(value, str | int | Decimal):
        return None
    text = str(value).strip()
    return text if 0 < len(text) <= 512 and "\x00" not in text else None


def _amount(data: Mapping[str, Any], names: Iterable[str], unit: str, ignored: list[str]) -> Decimal | None:
    for name in names:
        value = data.get(name)
        if value is None or value == "":
            continue
        amount = number(value)
        if amount is not None:
            return _money(amount)
        ignored.append(name)
    return _sum_of_products(data.get("products"), unit, ignored)


def _sum_of_products(products: Any, unit: str, ignored: list[str]) -> Decimal | None:
    if not isinstance(products, list) or not products:
        return None
    total = Decimal(0)
    for product in products:
        if not isinstance(product, Mapping) or product.get(unit) is None:
            return None
        price = number(product[unit])
        quantity = number(1 if product.get("quantity") is None else product["quantity"])
        if price is None or quantity is None or abs(price * quantity) > LARGEST:
            ignored.append(f"products.{unit}")
            return None
        total += price * quantity
    return _money(total) if abs(total) <= LARGEST else None


def number(value: Any) -> Decimal | None:
    """A finite number of at most 10**12 either way, also written as a string; None for anything else."""
    if isinstance(value, bool):
        return None
    try:
        if isinstance(value, str):
            value = value.strip()
            found = Decimal(value) if _plain_number.match(value) else None
        elif isinstance(value, int | Decimal):
            found = Decimal(value)
        else:
            found = None
    except (InvalidOperation, ValueError):
        return None
    return found if found is not None and found.is_finite() and abs(found) <= LARGEST else None


def _money(amount: Decimal) -> Decimal:
    return amount.quantize(_CENT, ROUND_HALF_UP)


def _currency_of(value: Any, default: str, ignored: list[str]) -> str:
    if value is None or value == "":
        return default
    code = value.strip().upper() if isinstance(value, str) else ""
    if _currency.match(code):
        return code
    # Not taken for the firm's own currency: better left out of sums, and said so, than summed wrongly.
    ignored.append("currency")
    return NO_CURRENCY
