"""Every statement on customers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import astuple, dataclass, replace
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

import asyncpg
from rapport.database import Connection

from segment_service.clv.units import UNITS
from segment_service.standing.rules import Dropout, LifecycleRule, Ranks
from segment_service.standing.statements import AS_OF, TOUCH

# Changes take turns: two feeds, time and the ranking all write customers, and change numbers must grow in the order of
# commits. Any number will do, as long as nobody else uses it in this database.
_LOCK: Final = 7_201_964
_DAY: Final = 86_400.0

# The hottest read of this service: columns in the order that `service.render` takes them in.
READ: Final = """
    SELECT profile_id, value_class, orders, revenue, profit, period_orders, period_revenue, order_days,
           orders_elsewhere, r, f, m, last_order_at, first_order_at, established_at, returned_at, won_back_until,
           at_risk_from, lapsed_from, contacted_at, cost_to_serve, p_alive, expected_orders, value, by_margin,
           (SELECT horizon_days FROM clv_scoring JOIN clv_fit USING (fit_id)),
           (SELECT array_agg(key ORDER BY key) FROM judgement JOIN watched_rule USING (rule_id)
            WHERE judgement.profile_id = $1 AND member AND owner = 'segment'),
           (SELECT json_object_agg(scheme, json_build_object('grade', grade, 'since', since)) FROM grade_held
            WHERE grade_held.profile_id = $1),
           (SELECT json_agg(json_build_object('group', need_group, 'confidence', confidence, 'since', since)
                            ORDER BY confidence DESC, need_group)
            FROM need_held WHERE need_held.profile_id = $1)
    FROM customer LEFT JOIN clv_score USING (profile_id) WHERE profile_id = $1
"""
_SURVIVOR = "SELECT profile_id FROM identity_map WHERE seed_profile_id = $1 LIMIT 1"
_CURRENT = """
    SELECT profile_id FROM identity_map WHERE profile_id = $1
    UNION ALL
    SELECT profile_id FROM identity_map WHERE seed_profile_id = $1
    LIMIT 1
"""
_LOG = """
    INSERT INTO standing_change (profile_id, at, value_class, lifecycle)
    SELECT profile_id, $1, value_class, lifecycle
    FROM unnest($2::uuid[], $3::text[], $4::text[]) AS moved (profile_id, value_class, lifecycle)
"""
_LOGGED = """
    SELECT change_id, profile_id, at, value_class, lifecycle FROM standing_change
    WHERE profile_id IN (
        SELECT $1::uuid UNION SELECT seed_profile_id FROM identity_map WHERE profile_id = $1
    ) AND ($2::timestamptz IS NULL OR at <= $2) AND ($3::bigint IS NULL OR change_id < $3)
    ORDER BY change_id DESC LIMIT $4
"""
_REMOVE_EMPTY = """
    DELETE FROM customer
    WHERE profile_id = ANY($1::uuid[])
      AND NOT EXISTS (SELECT FROM identity_map WHERE identity_map.profile_id = customer.profile_id)
    RETURNING profile_id
"""
_DUE = "SELECT profile_id FROM customer WHERE due_at <= $1 ORDER BY due_at LIMIT $2"
_NEXT_PROFILES = """
    SELECT profile_id FROM (SELECT DISTINCT profile_id FROM identity_map WHERE profile_id > $1) AS every
    ORDER BY profile_id LIMIT $2
"""
_PROFILES_OF = "SELECT DISTINCT profile_id FROM identity_map WHERE identity_id = ANY($1::uuid[])"
_OWNERS = "SELECT identity_id, profile_id FROM identity_map WHERE identity_id = ANY($1::uuid[])"


@dataclass(frozen=True, slots=True)
class Rules:
    """Settings that a customer is computed with."""

    currency: str
    period_days: int
    lifecycle: LifecycleRule

    @property
    def period(self) -> timedelta:
        """How long an order keeps its customer active."""
        return timedelta(days=self.period_days)


@dataclass(frozen=True, slots=True)
class Moved:
    """A customer whose class or stage is another one now."""

    profile_id: UUID
    value_class: str
    lifecycle: str


async def take_turn(connection: Connection) -> None:
    """Wait until nobody else changes customers; until the end of the transaction."""
    await connection.execute("SELECT pg_advisory_xact_lock($1)", _LOCK)


async def take_long_turn(connection: Connection) -> None:
    """The same until `end_turn`, outside a transaction."""
    await connection.execute("SELECT pg_advisory_lock($1)", _LOCK)


async def end_turn(connection: Connection) -> None:
    """Let the next one change customers."""
    await connection.execute("SELECT pg_advisory_unlock($1)", _LOCK)


async def next_version(connection: Connection) -> int:
    """The number of the change at hand; only in one's turn."""
    return int(await connection.fetchval("SELECT nextval('change_version')"))


async def newest_version(connection: Connection | asyncpg.Pool[asyncpg.Record]) -> int:
    """The number of the last change, 0 before the first."""
    value = await connection.fetchval("SELECT last_value FROM change_version WHERE is_called")
    return int(value or 0)


async def touch(
    connection: Connection, profiles: Sequence[UUID], version: int, now: datetime, rules: Rules
) -> list[Moved]:
    """Compute customers anew from all that is known of them; those whose class or stage changed."""
    rows = await connection.fetch(TOUCH, profiles, version, *_arguments(now, await fitted(connection, rules)))
    return [Moved(*row[:3]) for row in rows if row["moved"]]


def _arguments(now: datetime, rules: Rules) -> tuple[object, ...]:
    rule = rules.lifecycle
    return (
        rules.currency,
        now,
        rules.period_days * _DAY,
        rule.new_days * _DAY,
        rule.new_order_days,
        rule.at_risk_days * _DAY,
        rule.at_risk_gaps,
        rule.lapsed_days * _DAY,
        rule.lapsed_gaps,
        rule.lapsed_days_at_most * _DAY,
        rule.won_back_days * _DAY,
        *(astuple(rule.dropout) if rule.dropout is not None else (None,) * 4),
        1 / rule.at_risk_p_alive - 1,
        1 / rule.lapsed_p_alive - 1,
    )


async def fitted(connection: Connection | asyncpg.Pool[asyncpg.Record], rules: Rules) -> Rules:
    """The rules with the newest lifetime value model, if it decides who is late and there is one."""
    if rules.lifecycle.lapse_by != "p_alive":
        return rules
    row = await connection.fetchrow("SELECT r, alpha, a, b, time_unit FROM clv_fit ORDER BY fit_id DESC LIMIT 1")
    if row is None:
        return rules
    dropout = Dropout(row["r"], row["alpha"] * UNITS[row["time_unit"]] * _DAY, row["a"], row["b"])
    return replace(rules, lifecycle=replace(rules.lifecycle, dropout=dropout))


async def read_as_of(
    pool: asyncpg.Pool[asyncpg.Record], profile_id: UUID, as_of: datetime, rules: Rules, ranks: Ranks
) -> asyncpg.Record | None:
    """A customer's row by `READ` as it would have been, placed by the bounds of that time; None for an unknown id."""
    current = await pool.fetchval(_CURRENT, profile_id)
    if current is None:
        return None
    known = await fitted(pool, rules)
    return await pool.fetchrow(AS_OF + READ, current, 0, *_arguments(as_of, known), *ranks.columns)


async def log(connection: Connection, moved: Sequence[Moved], at: datetime) -> None:
    """Keep what is announced."""
    await connection.execute(
        _LOG,
        at,
        [each.profile_id for each in moved],
        [each.value_class for each in moved],
        [each.lifecycle for each in moved],
    )


async def logged(
    connection: Connection, profile_id: UUID, until: datetime | None, before: int | None, limit: int
) -> list[asyncpg.Record]:
    """What was announced of a profile and of those merged into it, newest first."""
    return await connection.fetch(_LOGGED, profile_id, until, before, limit)


async def remove_empty(connection: Connection, profiles: Sequence[UUID]) -> list[UUID]:
    """Drop those of `profiles` that no identity belongs to any more; which they were."""
    return [row[0] for row in await connection.fetch(_REMOVE_EMPTY, profiles)]


async def read(pool: asyncpg.Pool[asyncpg.Record], profile_id: UUID) -> asyncpg.Record | None:
    """A customer's row by `READ`; an id that was merged away gives the survivor's."""
    row = await pool.fetchrow(READ, profile_id)
    if row is None:
        survivor = await pool.fetchval(_SURVIVOR, profile_id)
        row = await pool.fetchrow(READ, survivor) if survivor is not None else None
    return row


async def present_id(connection: Connection, profile_id: UUID) -> UUID:
    """The id that a profile has now; an id that nobody has is given back."""
    found: UUID | None = await connection.fetchval(_SURVIVOR, profile_id)
    return found or profile_id


async def current(connection: Connection, profile_id: UUID) -> UUID | None:
    """The id that a profile has now, which is another one if it was merged away; None for an unknown id."""
    found: UUID | None = await connection.fetchval(_CURRENT, profile_id)
    return found


async def due(connection: Connection, now: datetime, limit: int) -> list[UUID]:
    """Customers whom time alone has changed, longest due first."""
    return [row[0] for row in await connection.fetch(_DUE, now, limit)]


async def profiles_after(connection: Connection, profile_id: UUID, limit: int) -> list[UUID]:
    """The next profiles in the order of their ids."""
    return [row[0] for row in await connection.fetch(_NEXT_PROFILES, profile_id, limit)]


async def profiles_of(connection: Connection, identities: Sequence[UUID]) -> list[UUID]:
    """The profiles that identities belong to; none for identities that are not in the map yet."""
    return [row[0] for row in await connection.fetch(_PROFILES_OF, identities)]


async def owners(connection: Connection, identities: Sequence[UUID]) -> dict[UUID, UUID]:
    """The profile of each identity that is in the map already."""
    return {row[0]: row[1] for row in await connection.fetch(_OWNERS, identities)}
