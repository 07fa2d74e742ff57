"""One customer's standing, written out as bytes."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, Final
from uuid import UUID

import asyncpg

from segment_service.standing import repository
from segment_service.standing.errors import UnknownProfile
from segment_service.standing.repository import Rules
from segment_service.standing.rules import Milestones, rfm_group, stage_at

_DAY: Final = 86_400


async def standing(
    pool: asyncpg.Pool[asyncpg.Record], profile_id: UUID, rules: Rules, now: datetime
) -> tuple[UUID, bytes]:
    """The current profile id and its standing at `now` as JSON; raises `UnknownProfile`."""
    row = await _row(pool, profile_id)
    return row[0], render(row, rules, now)


async def lifecycle(pool: asyncpg.Pool[asyncpg.Record], profile_id: UUID, now: datetime) -> dict[str, Any]:
    """The stage at `now` and since when; raises `UnknownProfile`."""
    row = await _row(pool, profile_id)
    stage, since = stage_at(Milestones._make(row[13:20]), now)
    return {"profile_id": row[0], "as_of": now, "stage": stage, "since": since}


async def _row(pool: asyncpg.Pool[asyncpg.Record], profile_id: UUID) -> asyncpg.Record:
    row = await repository.read(pool, profile_id)
    if row is None:
        raise UnknownProfile(f"Profile {profile_id} is not known here, or has not arrived yet.")
    return row


def render(row: asyncpg.Record, rules: Rules, now: datetime) -> bytes:
    """A row of `repository.READ` as the standing's JSON.

    Put together by hand: every value is a number, a time, an id or one of a few words, and this costs a third of
    building objects and encoding them.
    """
    (profile_id, value_class, orders, revenue, profit, period_orders, period_revenue, order_days, elsewhere) = row[:9]
    r, f, m, last, first = row[9:14]
    stage, since = stage_at(Milestones._make(row[13:20]), now)
    unit = f'","currency":"{rules.currency}"}}'
    at = _time(now)
    rfm, tenure, gap = "null", "null", "null"
    if first is not None:
        tenure = str(max(0, int((now - first).total_seconds() // _DAY)))
        if order_days > 1:
            gap = str(round((last - first).total_seconds() / _DAY / (order_days - 1), 2))
        if r is not None:
            recency = max(0, int((now - last).total_seconds() // _DAY))
            rfm = f'{{"recency_days":{recency},"r":{r},"f":{f},"m":{m},"group":"{rfm_group(r, f, m)}"}}'
    return (
        f'{{"profile_id":"{profile_id}","as_of":{at},"value_class":"{value_class}","basis":"revenue",'
        f'"totals":{{"orders":{orders},"revenue":{{"amount":"{revenue:.2f}{unit},"profit":{_money(profit, unit)},'
        f'"cost_to_serve":{_money(row[20], unit)},"first_order_at":{_time(first)},"last_order_at":{_time(last)},'
        f'"currency":"{rules.currency}"}},'
        f'"period":{{"from":{_time(now - rules.period)},"to":{at},"orders":{period_orders},'
        f'"revenue":{{"amount":"{period_revenue:.2f}{unit}}},'
        f'"rfm":{rfm},"clv":null,"lifecycle":{{"stage":"{stage}","since":{_time(since)}}},'
        f'"loyalty":{{"tenure_days":{tenure},"order_days":{order_days},"mean_gap_days":{gap},'
        f'"orders_in_other_currencies":{elsewhere}}},'
        '"needs":[],"grades":{},"segments":[],"treatment":null}'
    ).encode()


def _money(amount: Decimal | None, unit: str) -> str:
    return "null" if amount is None else f'{{"amount":"{amount:.2f}{unit}'


def _time(at: datetime | None) -> str:
    # asyncpg gives UTC, so does the caller's clock.
    return "null" if at is None else f'"{at.astimezone(UTC).isoformat()[:-6]}Z"'
