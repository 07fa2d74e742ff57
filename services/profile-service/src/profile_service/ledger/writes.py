"""Writing down what was decided, in a few statements however much it is."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

import asyncpg
from rapport.database import Connection

from profile_service.ledger.records import Evidence, Key, LinkRow, Plan, Times
from profile_service.ledger.rules import Verdict

_INSERT_IDENTITIES = """
    INSERT INTO identity (identity_id, kind, value, seed_profile_id, profile_id, profile_kind, blocked, first_seen,
                          last_evidence_at)
    SELECT * FROM unnest($1::uuid[], $2::text[], $3::text[], $4::uuid[], $5::uuid[], $6::text[], $7::bool[],
                         $8::timestamptz[], $9::timestamptz[])
    RETURNING identity_id, kind, profile_id, seed_profile_id, version
"""
_UPDATE_IDENTITIES = """
    UPDATE identity SET
        profile_id = coalesce(new.profile_id, identity.profile_id),
        version = CASE WHEN new.profile_id IS NULL THEN version ELSE nextval('assignment_version') END,
        assigned_at = CASE WHEN new.profile_id IS NULL THEN assigned_at ELSE now() END,
        first_seen = least(identity.first_seen, new.first_seen),
        last_evidence_at = greatest(identity.last_evidence_at, new.last_evidence_at)
    FROM unnest($1::uuid[], $2::uuid[], $3::timestamptz[], $4::timestamptz[])
         AS new(identity_id, profile_id, first_seen, last_evidence_at)
    WHERE identity.identity_id = new.identity_id
    RETURNING identity.identity_id, kind, identity.profile_id, seed_profile_id, version,
              new.profile_id IS NOT NULL AS moved
"""
_INSERT_LINKS = """
    INSERT INTO link (a, b, kind, state, guards, source, event_id, reason, confidence, evidence_at)
    SELECT a, b, kind, state, string_to_array(guards, ' '), source, event_id, reason, confidence, evidence_at
    FROM unnest($1::uuid[], $2::uuid[], $3::text[], $4::text[], $5::text[], $6::text[], $7::text[], $8::text[],
                $9::float8[], $10::timestamptz[])
         AS new(a, b, kind, state, guards, source, event_id, reason, confidence, evidence_at)
    RETURNING link_id, a, b, kind
"""
_CHANGE_LINKS = """
    UPDATE link SET state = new.state, guards = string_to_array(new.guards, ' '), evidence_at = new.evidence_at,
                    event_id = new.event_id
    FROM unnest($1::uuid[], $2::text[], $3::text[], $4::timestamptz[], $5::text[])
         AS new(link_id, state, guards, evidence_at, event_id)
    WHERE link.link_id = new.link_id
"""
_RETRACT = """
    UPDATE link SET retracted_at = $2, retracted_by = $3, retraction_reason = $4 WHERE link_id = ANY($1::uuid[])
"""
_KEEP_APART = """
    WITH word AS MATERIALIZED (SELECT uuidv7() AS id)
    INSERT INTO cannot_link (cannot_link_id, a, b, made_at, made_by, link_id)
    SELECT word.id, a, b, $4, $5, link_id FROM word, unnest($1::uuid[], $2::uuid[], $3::uuid[]) AS new(a, b, link_id)
    ON CONFLICT DO NOTHING
"""


async def insert_identities(connection: Connection, rows: Sequence[tuple[Any, ...]]) -> list[asyncpg.Record]:
    """Add identities as (id, kind, value, seed, profile, profile kind, blocked, first seen, last evidence).

    Answers their assignments.
    """
    columns = [list(column) for column in zip(*rows, strict=True)]
    return await connection.fetch(_INSERT_IDENTITIES, *columns) if rows else []


async def update_identities(
    connection: Connection, profiles: Mapping[UUID, UUID], times: Mapping[UUID, Times]
) -> list[asyncpg.Record]:
    """Set the profile of identities, and widen the times of identities; the assignments changed."""
    ids = [*{*profiles, *times}]
    if not ids:
        return []
    first, last = zip(*(times.get(each, (None, None)) for each in ids), strict=True)
    rows = await connection.fetch(
        _UPDATE_IDENTITIES, ids, [profiles.get(each) for each in ids], list(first), list(last)
    )
    return [row for row in rows if row["moved"]]


async def insert_links(connection: Connection, links: Iterable[tuple[Evidence, Verdict]]) -> dict[Key, UUID]:
    """Add evidence with the verdict on it; ids by key."""
    rows = [
        (
            *(edge := evidence.edge).key,
            "accepted" if verdict.accepted else "held",
            " ".join(verdict.guards),
            evidence.source,
            evidence.event_id,
            evidence.reason,
            evidence.confidence,
            edge.evidence_at,
        )
        for evidence, verdict in links
    ]
    if not rows:
        return {}
    columns = [list(column) for column in zip(*rows, strict=True)]
    records = await connection.fetch(_INSERT_LINKS, *columns)
    return {(each["a"], each["b"], each["kind"]): each["link_id"] for each in records}


async def change_links(
    connection: Connection, changes: Sequence[tuple[LinkRow, Verdict, datetime, str | None]]
) -> None:
    """Write verdicts, times and events of standing links."""
    if changes:
        await connection.execute(
            _CHANGE_LINKS,
            [link.link_id for link, *_ in changes],
            ["accepted" if verdict.accepted else "held" for _, verdict, _, _ in changes],
            [" ".join(verdict.guards) for _, verdict, _, _ in changes],
            [at for _, _, at, _ in changes],
            [event_id for *_, event_id in changes],
        )


async def retract(connection: Connection, plan: Plan) -> None:
    """Mark the plan's links as retracted and its pairs as kept apart."""
    if plan.retract:
        ids = [link.link_id for link in plan.retract]
        await connection.execute(_RETRACT, ids, plan.at, plan.by, plan.reason)
    if plan.keep_apart:
        links = {(link.a, link.b): link.link_id for link in plan.retract}
        pairs = sorted({(min(pair), max(pair)) for pair in plan.keep_apart})
        first, second = zip(*pairs, strict=True)
        because = [links.get(pair) for pair in pairs]
        await connection.execute(_KEEP_APART, list(first), list(second), because, plan.at, plan.by)
