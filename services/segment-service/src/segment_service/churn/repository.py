"""Every statement on churn episodes and what is said of them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final
from uuid import UUID

import asyncpg
import msgspec
from rapport.database import Connection

from segment_service.churn.rules import BEFORE, REASON_GIVEN, SIGN_NAMES, Episode, Happened, Order, Sign, Statement
from segment_service.purchases.valuation import JOINED, joined, plain

_LOCK: Final = 7_201_967
_POSITION: Final = "SELECT version FROM churn_follow"
_ADVANCE: Final = """
    INSERT INTO churn_follow (version) VALUES ($1) ON CONFLICT (id) DO UPDATE SET version = EXCLUDED.version
"""
# A change has one number however many customers it concerns: it is taken whole.
_BOUNDARY: Final = "SELECT version FROM customer WHERE version > $1 ORDER BY version OFFSET $2 LIMIT 1"
# Customers who changed, or of whom something was heard that matters here. Whoever never lapsed and is not in the file
# has nothing to do with it.
_CONCERNED: Final = """
    SELECT profile_id FROM customer
    WHERE (version > $1 AND version <= $2 OR profile_id IN (
               SELECT profile_id FROM event JOIN identity_map USING (identity_id)
               WHERE event.version > $1 AND event.version <= $2
                 AND (direction = 'outbound' OR name = $4 OR lower(name) = ANY($5::text[]))
           ))
      AND (returned_at IS NOT NULL OR lapsed_from <= $3
           OR EXISTS (SELECT FROM churn_episode JOIN identity_map USING (identity_id)
                      WHERE identity_map.profile_id = customer.profile_id))
    ORDER BY profile_id
"""
_MEMBERS: Final = "SELECT identity_id, profile_id FROM identity_map WHERE profile_id = ANY($1::uuid[])"
_KEY: Final = "profile_id, order_id, identity_id, amended_at"
# An order known under several identities of the profile is one order, of the first of them.
_ORDERS: Final = f"""
    WITH line AS (
        SELECT profile_id, purchase.* FROM purchase JOIN identity_map USING (identity_id)
        WHERE profile_id = ANY($1::uuid[])
    ),
    joined AS (
        SELECT *, identities[1] AS identity_id, NULL::timestamptz AS amended_at
        FROM ({JOINED.format(line="line")}) AS parts
    )
    SELECT profile_id, ordered_at, order_id, identity_id, net, amended_at FROM (
        {plain("line", _KEY, "$2")}
        UNION ALL
        {joined("joined", "$2", _KEY)}
    ) AS bought
"""
_SIGNS: Final = """
    SELECT identity_id, occurred_at, name, event_id::text FROM event
    WHERE identity_id = ANY($1::uuid[]) AND lower(name) = ANY($2::text[])
      AND (name NOT LIKE 'case.%' OR values -> 'kind' @> '["complaint"]')
    UNION ALL
    SELECT identity_id, refunded_at, 'order refunded', order_id FROM refund WHERE identity_id = ANY($1::uuid[])
    UNION ALL
    SELECT identity_id, cancelled_at, 'order cancelled', order_id FROM purchase
    WHERE identity_id = ANY($1::uuid[]) AND cancelled_at IS NOT NULL
"""
_REASONS: Final = """
    SELECT identity_id, occurred_at, values #>> '{reason,0}', values #>> '{note,0}' FROM event
    WHERE identity_id = ANY($1::uuid[]) AND name = $2 AND values #>> '{reason,0}' ~ '^[a-z][a-z0-9_]{1,31}$'
"""
_CONTACTS: Final = """
    SELECT identity_id, occurred_at, COALESCE(channel, name), event_id::text FROM event
    WHERE identity_id = ANY($1::uuid[]) AND direction = 'outbound' AND occurred_at >= $2
"""
_STATEMENTS: Final = """
    SELECT identity_id, about, kind, body, said_at, said_by FROM churn_statement WHERE identity_id = ANY($1::uuid[])
"""
_SAY: Final = """
    INSERT INTO churn_statement (identity_id, about, kind, body, said_at, said_by)
    VALUES ($1, $2, $3, $4::jsonb, $5, $6)
    ON CONFLICT (identity_id, about, kind) DO UPDATE SET
        body = EXCLUDED.body, said_at = EXCLUDED.said_at, said_by = EXCLUDED.said_by
"""
_FIELDS: Final = """
    episode_id, identity_id, silent_since, opened_at, returned_at, state, closed_at, reason, reason_origin, reason_note,
    evidence, actions, outcome, churn_episode.version, updated_at
"""
_KEPT: Final = f"SELECT {_FIELDS} FROM churn_episode WHERE identity_id = ANY($1::uuid[]) FOR UPDATE"
_ONE: Final = f"""
    SELECT {_FIELDS}, profile_id FROM churn_episode LEFT JOIN identity_map USING (identity_id) WHERE episode_id = $1
"""
_INSERT: Final = """
    INSERT INTO churn_episode (
        identity_id, silent_since, opened_at, returned_at, state, closed_at, reason, reason_origin, reason_note,
        evidence, actions, outcome
    )
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10::jsonb, $11::jsonb, $12::jsonb)
    RETURNING episode_id
"""
_UPDATE: Final = """
    UPDATE churn_episode SET (
        identity_id, silent_since, opened_at, returned_at, state, closed_at, reason, reason_origin, reason_note,
        evidence, actions, outcome
    ) = ROW($2, $3, $4, $5, $6, $7, $8, $9, $10, $11::jsonb, $12::jsonb, $13::jsonb),
    version = version + 1, updated_at = now()
    WHERE episode_id = $1
      AND (identity_id, silent_since, opened_at, returned_at, state, closed_at, reason, reason_origin, reason_note,
           evidence, actions, outcome)
          IS DISTINCT FROM ($2, $3, $4, $5, $6, $7, $8, $9, $10, $11::jsonb, $12::jsonb, $13::jsonb)
"""
_UNDO: Final = """
    UPDATE churn_episode SET state = 'undone', closed_at = $2, version = version + 1, updated_at = now()
    WHERE episode_id = $1
"""
_PAGE: Final = f"""
    SELECT {_FIELDS}, profile_id FROM churn_episode LEFT JOIN identity_map USING (identity_id)
    WHERE ($1::text IS NULL AND state <> 'undone' OR state = $1) AND ($2::text IS NULL OR reason = $2)
      AND ($3::timestamptz IS NULL OR opened_at >= $3) AND ($4::uuid IS NULL OR profile_id = $4)
      AND ($5::timestamptz IS NULL OR (opened_at, episode_id) < ($5, $6::uuid))
    ORDER BY opened_at DESC, episode_id DESC LIMIT $7
"""
_REASON_COUNTS: Final = """
    SELECT COALESCE(reason, 'unknown') AS reason, count(*) AS episodes,
           count(*) FILTER (WHERE reason_origin = 'given') AS given,
           count(*) FILTER (WHERE state = 'won_back') AS won_back, count(*) FILTER (WHERE state = 'open') AS open,
           count(*) FILTER (WHERE state = 'closed') AS closed,
           COALESCE(sum((outcome ->> 'sales')::numeric) FILTER (WHERE state = 'won_back'), 0) AS sales
    FROM churn_episode
    WHERE state <> 'undone' AND ($1::timestamptz IS NULL OR opened_at >= $1)
      AND ($2::timestamptz IS NULL OR opened_at < $2)
    GROUP BY 1 ORDER BY episodes DESC, reason
"""
# An episode counts once for each kind of action that was taken in it.
_ACTION_COUNTS: Final = """
    SELECT action, count(*) AS episodes, count(*) FILTER (WHERE state = 'won_back') AS won_back,
           COALESCE(sum((outcome ->> 'sales')::numeric) FILTER (WHERE state = 'won_back'), 0) AS sales
    FROM churn_episode, LATERAL (
        SELECT DISTINCT each ->> 'kind' AS action FROM jsonb_array_elements(actions) AS each
        WHERE returned_at IS NULL OR (each ->> 'at')::timestamptz < returned_at
        UNION ALL
        SELECT NULL WHERE NOT EXISTS (
            SELECT FROM jsonb_array_elements(actions) AS each
            WHERE returned_at IS NULL OR (each ->> 'at')::timestamptz < returned_at
        )
    ) AS taken
    WHERE state <> 'undone' AND ($1::timestamptz IS NULL OR opened_at >= $1)
      AND ($2::timestamptz IS NULL OR opened_at < $2)
    GROUP BY action ORDER BY action NULLS LAST
"""


async def position(connection: Connection | asyncpg.Pool[asyncpg.Record]) -> int:
    """The newest change that the file has seen."""
    return int(await connection.fetchval(_POSITION) or 0)


async def advance(connection: Connection, version: int) -> None:
    """The file has seen every change up to this one."""
    await connection.execute(_ADVANCE, version)


async def boundary(connection: Connection, version: int, limit: int) -> int | None:
    """The change behind `version` with which more than `limit` customers have changed; None when fewer have."""
    found: int | None = await connection.fetchval(_BOUNDARY, version, limit)
    return found


async def concerned(connection: Connection, since: int, until: int, now: datetime) -> list[UUID]:
    """Customers of whom something changed after `since`, up to `until`, that can matter to the file."""
    rows = await connection.fetch(_CONCERNED, since, until, now, REASON_GIVEN, SIGN_NAMES)
    return [row[0] for row in rows]


async def take_turn(connection: Connection) -> None:
    """Wait until nobody else writes the file; until the end of the transaction."""
    await connection.execute("SELECT pg_advisory_xact_lock($1)", _LOCK)


async def members(connection: Connection, profiles: Sequence[UUID]) -> dict[UUID, UUID]:
    """Profile by identity."""
    return {row[0]: row[1] for row in await connection.fetch(_MEMBERS, profiles)}


async def orders(connection: Connection, profiles: Sequence[UUID], currency: str) -> Mapping[UUID, list[Order]]:
    """Orders by profile."""
    found: dict[UUID, list[Order]] = defaultdict(list)
    for profile, *order in await connection.fetch(_ORDERS, profiles, currency):
        found[profile].append(Order(*order))
    return found


async def happened(
    connection: Connection, owners: Mapping[UUID, UUID], since: datetime | None
) -> Mapping[UUID, Happened]:
    """What else is known, by profile; `since` the first silence of any of them."""
    identities = list(owners)
    found: dict[UUID, tuple[list[Sign], list[Statement], list[Any], list[Any]]] = defaultdict(lambda: ([], [], [], []))
    for identity, *sign in await connection.fetch(_SIGNS, identities, SIGN_NAMES):
        found[owners[identity]][0].append(Sign(*sign))
    for row in await connection.fetch(_STATEMENTS, identities):
        said = Statement._make(row)._replace(body=msgspec.json.decode(row["body"]))
        found[owners[said.identity_id]][1].append(said)
    for identity, *reason in await connection.fetch(_REASONS, identities, REASON_GIVEN):
        found[owners[identity]][2].append(tuple(reason))
    if since is not None:
        for identity, *contact in await connection.fetch(_CONTACTS, identities, since - BEFORE):
            found[owners[identity]][3].append(tuple(contact))
    return {profile: Happened(*each) for profile, each in found.items()}


async def kept(connection: Connection, identities: Sequence[UUID]) -> list[asyncpg.Record]:
    """Stored episodes, held until the end of the transaction."""
    return await connection.fetch(_KEPT, identities)


async def one(connection: Connection, episode_id: UUID) -> asyncpg.Record | None:
    """An episode and whose it is."""
    return await connection.fetchrow(_ONE, episode_id)


async def insert(connection: Connection, episode: Episode) -> UUID:
    """Store an episode; its id."""
    found: UUID = await connection.fetchval(_INSERT, *_row(episode))
    return found


async def update(connection: Connection, episode_id: UUID, episode: Episode) -> None:
    """Store what an episode is now."""
    await connection.execute(_UPDATE, episode_id, *_row(episode))


async def undo(connection: Connection, episode_id: UUID, now: datetime) -> None:
    """An episode is none any more."""
    await connection.execute(_UNDO, episode_id, now)


async def say(connection: Connection, said: Statement) -> None:
    """Keep what somebody said, instead of what was said of the same before."""
    await connection.execute(
        _SAY, said.identity_id, said.about, said.kind, _json(said.body), said.said_at, said.said_by
    )


async def page(
    connection: Connection,
    state: str | None,
    reason: str | None,
    since: datetime | None,
    profile_id: UUID | None,
    after: tuple[datetime, UUID] | None,
    limit: int,
) -> list[asyncpg.Record]:
    """Episodes, the newest first; those undone only when asked for."""
    return await connection.fetch(_PAGE, state, reason, since, profile_id, *(after or (None, None)), limit)


async def counts(
    connection: Connection, since: datetime | None, until: datetime | None
) -> tuple[list[asyncpg.Record], list[asyncpg.Record]]:
    """Episodes that opened in a time, by reason and by action."""
    by_reason = await connection.fetch(_REASON_COUNTS, since, until)
    return by_reason, await connection.fetch(_ACTION_COUNTS, since, until)


def _row(episode: Episode) -> tuple[Any, ...]:
    plain = episode[:9]
    return (*plain, _json(episode.evidence), _json(episode.actions), _json(episode.outcome))


def _json(value: Any) -> str | None:
    return None if value is None else msgspec.json.encode(value).decode()
