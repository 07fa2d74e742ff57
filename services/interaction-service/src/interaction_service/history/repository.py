"""SQL of what a customer's history comes to."""

from collections.abc import Sequence
from typing import NamedTuple
from uuid import UUID

from rapport.database import Connection

from interaction_service.history.rules import Addition

_ADD = """
    INSERT INTO touchpoint_rollup AS kept (identity_id, channel, type, count, first_at, last_at)
    SELECT * FROM unnest($1::uuid[], $2::text[], $3::text[], $4::bigint[], $5::timestamptz[], $6::timestamptz[])
    ON CONFLICT (identity_id, channel, type) DO UPDATE
    SET count = kept.count + excluded.count,
        first_at = least(kept.first_at, excluded.first_at),
        last_at = greatest(kept.last_at, excluded.last_at)
"""
# One round trip, JSON made by the server and passed on as it is. The rollups run a moment behind, so a short history
# is counted itself, exact at once; a long one would take the longer the longer it is, and there a moment's lag is
# within noise. The condition on the rollups' sum is checked once before the count begins, and LIMIT bounds it where
# the rollups are far behind.
_OVERVIEW = """
    WITH rolled AS MATERIALIZED (
        SELECT channel, sum(count)::bigint AS count, min(first_at) AS first_at, max(last_at) AS last_at
        FROM touchpoint_rollup WHERE identity_id = ANY($1) GROUP BY channel
    ), counted AS MATERIALIZED (
        SELECT channel, count(*) AS count, min(occurred_at) AS first_at, max(occurred_at) AS last_at
        FROM (
            SELECT found.channel, found.occurred_at FROM unnest($1::uuid[]) AS own (id)
            CROSS JOIN LATERAL (
                SELECT channel, occurred_at FROM touchpoint WHERE identity_id = own.id
                ORDER BY occurred_at DESC LIMIT $3
            ) AS found
            WHERE (SELECT coalesce(sum(count), 0) < $2 FROM rolled)
            LIMIT $3
        ) AS bounded
        GROUP BY channel
    )
    SELECT
        (SELECT coalesce(json_agg(rolled), '[]') FROM rolled) AS rolled,
        (SELECT coalesce(json_agg(counted), '[]') FROM counted) AS counted,
        (SELECT coalesce(json_agg(recent), '[]') FROM (
            SELECT found.touchpoint_id, found.identity_id, found.type, found.name, found.channel, found.direction,
                   found.occurred_at, found.received_at, found.data
            FROM unnest($1::uuid[]) AS own (id)
            CROSS JOIN LATERAL (
                SELECT * FROM touchpoint WHERE identity_id = own.id
                ORDER BY occurred_at DESC, touchpoint_id DESC LIMIT $4
            ) AS found
            ORDER BY found.occurred_at DESC, found.touchpoint_id DESC LIMIT $4
        ) AS recent) AS recent,
        (SELECT coalesce(json_agg(cases), '[]') FROM (
            SELECT case_id, kind, severity, state, subject, owner, due_at, opened_at FROM customer_case
            WHERE identity_id = ANY($1) AND state IN ('open', 'in_progress')
            ORDER BY opened_at DESC, case_id DESC LIMIT 50
        ) AS cases) AS cases
"""


class Overview(NamedTuple):
    """Counts by channel, the newest touchpoints and the open cases, each as JSON text."""

    rolled: str
    counted: str
    recent: str
    cases: str


async def overview(
    connection: Connection, identities: Sequence[UUID], exact_below: int, count_at_most: int, recent: int
) -> Overview:
    """Everything an answer says about a customer's past, for the same cost however long that is."""
    row = await connection.fetchrow(_OVERVIEW, identities, exact_below, count_at_most, recent)
    if row is None:
        raise RuntimeError("a query without FROM gave no row")
    return Overview(*row)


async def add(connection: Connection, additions: Sequence[Addition]) -> None:
    """Add to the rollups, in the order of their key so that two workers cannot wait for each other."""
    if additions:
        columns = zip(*sorted(additions, key=lambda each: each[:3]), strict=True)
        await connection.execute(_ADD, *(list(column) for column in columns))


async def lock_position(connection: Connection, consumer: str) -> str | None:
    """The position of the fold, held until the transaction ends; None while another worker folds."""
    await connection.execute("INSERT INTO feed_position (consumer) VALUES ($1) ON CONFLICT DO NOTHING", consumer)
    found: str | None = await connection.fetchval(
        "SELECT last_event_id FROM feed_position WHERE consumer = $1 FOR UPDATE SKIP LOCKED", consumer
    )
    return found


async def move_position(connection: Connection, consumer: str, to: str) -> None:
    """Store the position after what was folded."""
    await connection.execute(
        "UPDATE feed_position SET last_event_id = $2, updated_at = now() WHERE consumer = $1", consumer, to
    )
