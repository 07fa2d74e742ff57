"""What a touchpoint of the interaction feed means here: a response, an order, money back, a goal reached."""

from collections.abc import Iterable
from datetime import datetime
from decimal import Decimal, InvalidOperation
from typing import Any, Final, NamedTuple
from uuid import UUID

import msgspec

ORDERED: Final = frozenset({"Order Completed", "Order Updated"})
REFUNDED: Final = "Order Refunded"
CANCELLED: Final = "Order Cancelled"
# What a mail program or server does by itself is not somebody answering.
NOT_RESPONSES: Final = frozenset(
    {"Email Sent", "Email Delivered", "Email Opened", "Email Bounced", "Email Marked as Spam", "Unsubscribed"}
)
_LARGEST: Final = Decimal(10) ** 15


class Touchpoint(msgspec.Struct):
    """The data of `touchpoint.recorded`, as much of it as is used here."""

    touchpoint_id: UUID
    identity_id: UUID
    type: str
    occurred_at: datetime
    name: str | None = None
    direction: str = "inbound"
    source: str | None = None
    message_id: str | None = None
    data: msgspec.Raw = msgspec.Raw(b"{}")


class OrderReport(NamedTuple):
    """What one event says about an order; `amount` is None where it names none."""

    order_id: str
    identity_id: UUID
    name: str
    at: datetime
    message_id: str
    amount: Decimal | None
    currency: str | None


_properties = msgspec.json.Decoder(dict[str, Any])


def properties(touchpoint: Touchpoint) -> dict[str, Any]:
    """What the event said; nothing where it is no object."""
    try:
        return _properties.decode(touchpoint.data)
    except msgspec.MsgspecError:
        return {}


def responded_to(touchpoint: Touchpoint, said: dict[str, Any]) -> UUID | None:
    """The campaign that somebody answered: an inbound touchpoint, other than the mail program's own, that names it."""
    if touchpoint.direction != "inbound" or touchpoint.source == "campaign":
        return None
    if touchpoint.name in NOT_RESPONSES or touchpoint.type in {"identify", "alias", "group"}:
        return None
    named = said.get("campaign_id")
    if not isinstance(named, str):
        return None
    try:
        return UUID(named)
    except ValueError:
        return None


def order_report(touchpoint: Touchpoint, said: dict[str, Any]) -> OrderReport | None:
    """What an order event says. Revenue is `revenue`, else `total`, else the sum of its products (Segment's fields)."""
    name = touchpoint.name
    if name is None or (name not in ORDERED and name not in {REFUNDED, CANCELLED}):
        return None
    named = said.get("order_id")
    message_id = touchpoint.message_id or str(touchpoint.touchpoint_id)
    order_id = str(named).replace("\x00", "") if isinstance(named, str | int) else ""
    currency = said.get("currency")
    return OrderReport(
        order_id[:500] or f"message {message_id[:400]}",
        touchpoint.identity_id,
        name,
        touchpoint.occurred_at,
        message_id[:500],
        _stated(said),
        currency.upper() if isinstance(currency, str) and len(currency) == 3 else None,
    )


def _stated(said: dict[str, Any]) -> Decimal | None:
    for field in ("revenue", "total"):
        if (amount := _decimal(said.get(field))) is not None:
            return amount
    products = said.get("products")
    if not isinstance(products, list) or not products:
        return None
    lines = [_line(each) for each in products if isinstance(each, dict)]
    known = [line for line in lines if line is not None]
    return sum(known, Decimal(0)) if known else None


def _line(product: dict[str, Any]) -> Decimal | None:
    price = _decimal(product.get("price"))
    quantity = _decimal(product.get("quantity", 1))
    return None if price is None or quantity is None else price * quantity


def _decimal(value: Any) -> Decimal | None:
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    try:
        amount = Decimal(str(value).strip())
    except InvalidOperation:
        return None
    return amount if amount.is_finite() and abs(amount) < _LARGEST else None


def goal_events(touchpoints: Iterable[Touchpoint], goals: frozenset[str]) -> list[Touchpoint]:
    """Events, other than orders, that some campaign wants to bring about."""
    return [each for each in touchpoints if each.name in goals and each.type in {"track", "page", "screen"}]
