"""Every statement on orders and their lines, as loyalty looks at them."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import Final, NamedTuple
from uuid import UUID

from rapport.database import Connection

from segment_service.loyalty.rules import Bought, Item
from segment_service.purchases.valuation import JOINED, joined, plain

_ORDER: Final = "profile_id, order_id"


def _bought(which: str, own: str) -> str:
    """Every counted order of some profiles with its worth, as `bought`."""
    return f"""
        line AS (
            SELECT profile_id, purchase.* FROM identity_map JOIN purchase USING (identity_id) {which}
        ),
        joined AS ({JOINED.format(line="line")}),
        bought AS ({plain("line", _ORDER, own)} UNION ALL {joined("joined", own, _ORDER)})
    """


_BOUGHT: Final = f"""
    WITH {_bought("WHERE profile_id = $1", "$2")} SELECT order_id, ordered_at, net FROM bought
"""
_ITEMS: Final = "SELECT order_id, category, price * quantity AS amount FROM touched.purchase_line"
# An order's worth is divided over its product lines by their amounts, or evenly if none has one.
_LINES: Final = f"""
    WITH {_bought("", "$1")},
    item AS (
        SELECT profile_id, order_id, category, sum(GREATEST(price * quantity, 0)) AS amount, count(*) AS pieces
        FROM rule.purchase_line GROUP BY profile_id, order_id, category
    ),
    part AS (
        SELECT profile_id, order_id, ordered_at, category, net * CASE
            WHEN sum(amount) OVER every > 0 THEN COALESCE(amount, 0) / sum(amount) OVER every
            ELSE COALESCE(pieces / sum(pieces) OVER every, 1) END AS sales
        FROM bought LEFT JOIN item USING (profile_id, order_id) WHERE ordered_at <= $2
        WINDOW every AS (PARTITION BY profile_id, order_id)
    ),
    buyer AS (
        SELECT profile_id, category, count(*) AS orders, sum(sales) AS sales,
               count(DISTINCT (ordered_at AT TIME ZONE 'UTC')::date) AS days
        FROM part GROUP BY profile_id, category
    )
    SELECT category, count(*) AS customers, count(*) FILTER (WHERE days > 1) AS repeated, sum(orders) AS orders,
           round(COALESCE(sum(sales), 0), 2) AS sales
    FROM buyer GROUP BY category ORDER BY sales DESC, category NULLS LAST
"""
_BUYERS: Final = "SELECT count(*) FROM customer WHERE orders > 0"


class LineRow(NamedTuple):
    """A product line over all customers; `repeated` of them bought it on more than one day."""

    category: str | None
    customers: int
    repeated: int
    orders: int
    sales: Decimal


async def bought(connection: Connection, profile: UUID, own: str) -> list[Bought]:
    """The counted orders of a customer, in no order; worth is in `own` currency, None without a rate."""
    return [Bought(*row) for row in await connection.fetch(_BOUGHT, profile, own)]


async def items(connection: Connection, profile: UUID) -> dict[str, list[Item]]:
    """The lines of a customer's orders; inside a transaction."""
    await connection.execute("SELECT set_config('segment.profiles', $1, true)", f"{{{profile}}}")
    found: dict[str, list[Item]] = {}
    for order_id, category, amount in await connection.fetch(_ITEMS):
        found.setdefault(order_id, []).append(Item(category, amount))
    return found


async def lines(connection: Connection, own: str, now: datetime) -> list[LineRow]:
    """Every product line, most sales first."""
    return [LineRow(*row) for row in await connection.fetch(_LINES, own, now, timeout=600)]


async def buyers(connection: Connection) -> int:
    """How many customers ever ordered."""
    return int(await connection.fetchval(_BUYERS))
