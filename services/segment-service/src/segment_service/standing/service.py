"""One customer's standing, written out as bytes."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from decimal import Decimal
from typing import Annotated, Final
from uuid import UUID

import asyncpg
import msgspec
from msgspec import Meta
from rapport.database import Connection
from rapport.pagination import Page, decode_cursor, encode_cursor

from segment_service.columns.engine import Engine
from segment_service.columns.ranking import Question, bounds
from segment_service.columns.store import ColumnStore
from segment_service.rfm.repository import fixed as fixed_scores
from segment_service.settings import SegmentSettings
from segment_service.standing import repository
from segment_service.standing.errors import UnknownProfile
from segment_service.standing.repository import Rules
from segment_service.standing.rules import Milestones, rfm_group, stage_at
from segment_service.standing.schemas import StandingChangeOut
from segment_service.treatments.rules import Policy
from segment_service.treatments.service import Policies, granted

_DAY: Final = 86_400
_Number = Annotated[int, Meta(ge=0, le=2**62)]


async def standing(
    pool: asyncpg.Pool[asyncpg.Record], profile_id: UUID, rules: Rules, policies: Policies, now: datetime
) -> tuple[UUID, bytes]:
    """The current profile id and its standing at `now` as JSON; raises `UnknownProfile`."""
    row = await _row(pool, profile_id)
    return row[0], render(row, rules, await policies.current(pool), now)


async def standing_as_of(
    pool: asyncpg.Pool[asyncpg.Record],
    store: ColumnStore,
    engine: Engine,
    settings: SegmentSettings,
    rules: Rules,
    policies: Policies,
    profile_id: UUID,
    as_of: datetime,
) -> tuple[UUID, bytes]:
    """The same at another time, by what is known today of orders and contacts up to then; raises `UnknownProfile`."""
    question = Question(as_of - rules.period, as_of, "revenue", settings.cutoffs)
    with engine.place():
        files = await store.refresh()
        ranks = await engine.run(lambda duck: bounds(duck, files, question))
    if (fixed := await fixed_scores(pool)) is not None:
        ranks = ranks._replace(quintiles=fixed.at(as_of))
    row = await repository.read_as_of(pool, profile_id, as_of, rules, ranks)
    if row is None:
        raise _unknown(profile_id)
    return row[0], render(row, rules, await policies.current(pool), as_of)


async def changes(
    connection: Connection, profile_id: UUID, until: datetime | None, cursor: str | None, limit: int
) -> Page[StandingChangeOut]:
    """What was announced of a customer, newest first; raises `Invalid` for a cursor that no page gave."""
    before = decode_cursor(cursor, tuple[_Number])[0] if cursor is not None else None
    rows = await repository.logged(connection, profile_id, until, before, limit + 1)
    items = [StandingChangeOut(**dict(row)) for row in rows[:limit]]
    following = encode_cursor(rows[limit - 1]["change_id"]) if len(rows) > limit else None
    return Page(items=items, next_cursor=following)


async def _row(pool: asyncpg.Pool[asyncpg.Record], profile_id: UUID) -> asyncpg.Record:
    row = await repository.read(pool, profile_id)
    if row is None:
        raise _unknown(profile_id)
    return row


def _unknown(profile_id: UUID) -> UnknownProfile:
    return UnknownProfile(f"Profile {profile_id} is not known here, or has not arrived yet.")


def render(row: asyncpg.Record, rules: Rules, policies: Sequence[Policy], now: datetime) -> bytes:
    """A row of `repository.READ` as the standing's JSON.

    Put together by hand: every value is a number, a time, an id or one of a few words, and this costs a third of
    building objects and encoding them.
    """
    (profile_id, value_class, orders, revenue, profit, period_orders, period_revenue, order_days, elsewhere) = row[:9]
    r, f, m, last, first = row[9:14]
    segments, grades, needs = row[26:29]
    treatment = granted(policies, value_class, _held(grades)).decode() if policies else "null"
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
        f'"rfm":{rfm},"clv":{_clv(row, unit)},"lifecycle":{{"stage":"{stage}","since":{_time(since)}}},'
        f'"loyalty":{{"tenure_days":{tenure},"order_days":{order_days},"mean_gap_days":{gap},'
        f'"orders_in_other_currencies":{elsewhere}}},'
        f'"needs":{needs or "[]"},"grades":{grades or "{}"},"segments":{_keys(segments)},"treatment":{treatment}}}'
    ).encode()


def _clv(row: asyncpg.Record, unit: str) -> str:
    p_alive, expected, value, by_margin, horizon = row[21:26]
    if p_alive is None or horizon is None:
        return "null"
    return (
        f'{{"p_alive":{p_alive},"expected_orders":{expected},"value":{_money(value, unit)},'
        f'"basis":"{"margin" if by_margin else "revenue"}","horizon_days":{horizon}}}'
    )


def _keys(segments: list[str] | None) -> str:
    return '["' + '","'.join(segments) + '"]' if segments else "[]"


def _held(grades: str | None) -> dict[str, str]:
    return {scheme: each["grade"] for scheme, each in msgspec.json.decode(grades).items()} if grades else {}


def _money(amount: Decimal | None, unit: str) -> str:
    return "null" if amount is None else f'{{"amount":"{amount:.2f}{unit}'


def _time(at: datetime | None) -> str:
    # asyncpg gives UTC, so does the caller's clock.
    return "null" if at is None else f'"{at.astimezone(UTC).isoformat()[:-6]}Z"'
