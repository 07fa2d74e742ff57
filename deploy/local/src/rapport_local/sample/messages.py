"""Turns rows of the data set into messages of the Segment HTTP Tracking API.

Money leaves as JSON numbers with at most two decimals, from whole cents, so that reading them as decimals gives
the cents back. A basket's `products` are its product categories, each with quantity 1 at the price of all that was
bought of it: what several units cost is seldom a whole number of cents for each (fuel has thousands of units), so
only this makes price times quantity, summed, equal `revenue` to the cent. The units counted are in `units`.

A `messageId` is computed from what the message tells, never from the dates as moved: loading again, on whatever
day, repeats the ids, and the collector drops what it has.
"""

import re
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Any, Final
from uuid import UUID, uuid5

import msgspec

from rapport_local.sample.people import SYNTHETIC, email_consent, person
from rapport_local.sample.rows import CategoryLine, Household, Mailing, Order, Redemption, Row

# Frozen: a stack that holds the sample knows it by ids computed with this.
NAMESPACE: Final = UUID("4c1f6d0a-7d0e-5b52-9d55-0f1c8a6e2b17")
CURRENCY: Final = "USD"

_LIBRARY = {"name": "rapport-sample", "version": "1"}
_CONTEXT: dict[str, Any] = {"library": _LIBRARY}


class Product(msgspec.Struct):
    """One category in a basket; `price` of all its units together."""

    product_id: str
    category: str
    price: float
    quantity: int
    units: int


class OrderProperties(msgspec.Struct):
    """Amounts in whole currency units; `discount` includes `coupon_discount`, `revenue` is after both."""

    order_id: str
    revenue: float
    currency: str
    discount: float
    coupon_discount: float
    store_id: str
    channel: str
    direction: str
    products: list[Product]


class MailingProperties(msgspec.Struct):
    """A letter of a campaign that the shop ran before it had this product."""

    campaign_id: str
    campaign_type: str
    ends_at: datetime
    channel: str
    direction: str


class RedemptionProperties(msgspec.Struct):
    """A coupon handed in at the counter."""

    coupon_upc: str
    campaign_id: str
    channel: str
    direction: str


class Track(msgspec.Struct, rename="camel", tag_field="type", tag="track"):
    """A `track` call."""

    message_id: str
    user_id: str
    event: str
    timestamp: datetime
    properties: OrderProperties | MailingProperties | RedemptionProperties
    context: dict[str, Any]


class Identify(msgspec.Struct, rename="camel", tag_field="type", tag="identify"):
    """An `identify` call."""

    message_id: str
    user_id: str
    timestamp: datetime
    traits: dict[str, Any]
    context: dict[str, Any]


def user_id(household: int) -> str:
    """The household's account in the shop: its `user_id` identifier."""
    return f"hh-{household}"


def message_id(kind: str, *key: object) -> str:
    """The same id for the same thing told, always."""
    return str(uuid5(NAMESPACE, ":".join(map(str, (kind, *key)))))


def message(row: Row, shift: timedelta) -> Identify | Track:
    """What the shop's systems send for `row`, its time moved by `shift`."""
    match row:
        case Order():
            return order_completed(row, shift)
        case Mailing():
            return campaign_mailed(row, shift)
        case Redemption():
            return coupon_redeemed(row, shift)
        case Household():
            return identify(row, shift)


def identify(row: Household, shift: timedelta) -> Identify:
    """The household's account: who it is, its demographics, and its consent if it was asked."""
    traits: dict[str, Any] = {
        **person(row.household)._asdict(),
        "language": "en",
        "country": "US",
        **row.demographics,
        "synthetic": SYNTHETIC,
    }
    consent = email_consent(row.household)
    context = _CONTEXT if consent is None else {**_CONTEXT, "consent": _consent_object(consent)}
    ident = message_id("identify", row.household)
    return Identify(ident, user_id(row.household), row.since + shift, traits, context)


def order_completed(row: Order, shift: timedelta) -> Track:
    """A basket paid for in a shop."""
    properties = OrderProperties(
        order_id=str(row.basket),
        revenue=row.cents / 100,
        currency=CURRENCY,
        discount=row.discount_cents / 100,
        coupon_discount=row.coupon_cents / 100,
        store_id=str(row.store),
        channel="shop",
        direction="inbound",
        products=[_product(line) for line in row.lines],
    )
    ident = message_id("order", row.household, row.basket)
    return _track(row, ident, "Order Completed", shift, properties)


def campaign_mailed(row: Mailing, shift: timedelta) -> Track:
    """A campaign's letter sent to a household."""
    ident = message_id("mailing", row.household, row.campaign)
    properties = MailingProperties(
        campaign_id=str(row.campaign),
        campaign_type=row.campaign_type,
        ends_at=row.ends + shift,
        channel="letter",
        direction="outbound",
    )
    return _track(row, ident, "Campaign Mailed", shift, properties)


def coupon_redeemed(row: Redemption, shift: timedelta) -> Track:
    """A coupon handed in; one household may do so with several of a kind, on different days."""
    ident = message_id("redemption", row.household, row.coupon, row.campaign, row.at.date())
    properties = RedemptionProperties(
        coupon_upc=str(row.coupon), campaign_id=str(row.campaign), channel="shop", direction="inbound"
    )
    return _track(row, ident, "Coupon Redeemed", shift, properties)


def _track(
    row: Order | Mailing | Redemption,
    ident: str,
    event: str,
    shift: timedelta,
    properties: OrderProperties | MailingProperties | RedemptionProperties,
) -> Track:
    return Track(ident, user_id(row.household), event, row.at + shift, properties, _CONTEXT)


def _consent_object(granted: bool) -> dict[str, Any]:
    return {"categoryPreferences": {"email_marketing": granted}}


def _product(line: CategoryLine) -> Product:
    return Product(_slug(line.category), line.category, line.cents / 100, 1, line.units)


@lru_cache(maxsize=1024)
def _slug(category: str) -> str:
    return re.sub("[^a-z0-9]+", "-", category).strip("-")
