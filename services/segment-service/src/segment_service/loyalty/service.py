"""Answering how loyal customers are."""

from collections.abc import Sequence
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from rapport.database import Connection

from segment_service.loyalty import repository
from segment_service.loyalty.rules import Bought, Loyalty, by_line, loyalty
from segment_service.loyalty.schemas import LineLoyalty, LoyaltyOut, ProductLine, ProductLines, ProfileLoyalty, TrendOut
from segment_service.money import Money, amount_text
from segment_service.standing.errors import UnknownProfile
from segment_service.standing.repository import Rules, current


async def of_profile(
    connection: Connection, profile_id: UUID, rules: Rules, period_days: int | None, repeat_days: int
) -> ProfileLoyalty:
    """A customer's loyalty now, over periods of the configured length unless given; raises `UnknownProfile`."""
    profile = await current(connection, profile_id)
    if profile is None:
        raise UnknownProfile(f"Profile {profile_id} is not known here, or has not arrived yet.")
    async with connection.transaction(isolation="repeatable_read", readonly=True):
        bought = await repository.bought(connection, profile, rules.currency)
        items = await repository.items(connection, profile)
    now, days = datetime.now(UTC), period_days or rules.period_days

    def judged(some: Sequence[Bought]) -> Loyalty:
        return loyalty(some, now, days, repeat_days)

    firm = judged(bought)
    lines = {category: judged(some) for category, some in by_line(bought, items).items()}
    ordered = sorted(lines.items(), key=lambda line: (-line[1].sales, line[0] is None, line[0] or ""))
    return ProfileLoyalty(
        profile_id=profile,
        as_of=now,
        currency=rules.currency,
        period_days=days,
        repeat_days=repeat_days,
        firm=LoyaltyOut(**_figures(firm, rules.currency)),
        lines=[
            LineLoyalty(
                category=category,
                share_of_sales=_share(line.sales, firm.sales),
                share_of_orders=round(line.orders / firm.orders, 4),
                **_figures(line, rules.currency),
            )
            for category, line in ordered
            if line.orders
        ],
    )


async def of_lines(connection: Connection, own: str) -> ProductLines:
    """Every product line over all customers now."""
    now = datetime.now(UTC)
    async with connection.transaction(isolation="repeatable_read", readonly=True):
        buyers = await repository.buyers(connection)
        rows = await repository.lines(connection, own, now)
    total = sum((row.sales for row in rows), Decimal(0))
    items = [
        ProductLine(
            category=row.category,
            customers=row.customers,
            share_of_customers=min(1.0, round(row.customers / max(buyers, row.customers), 4)),
            repeat_rate=round(row.repeated / row.customers, 4),
            orders=row.orders,
            sales=_money(row.sales, own),
            share_of_sales=_share(row.sales, total),
        )
        for row in rows
    ]
    return ProductLines(as_of=now, currency=own, items=items)


def _figures(found: Loyalty, own: str) -> dict[str, Any]:
    current, previous, change, direction = found.trend
    told = TrendOut(current=_money(current, own), previous=_money(previous, own), change=change, direction=direction)
    return {**found._asdict(), "sales": _money(found.sales, own), "trend": told}


def _share(part: Decimal, whole: Decimal) -> float | None:
    return round(float(part / whole), 4) if whole > 0 else None


def _money(amount: Decimal, own: str) -> Money:
    return Money(amount=amount_text(amount), currency=own)
