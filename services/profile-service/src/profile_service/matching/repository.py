"""The SQL of match candidates."""

from collections.abc import Collection, Iterable, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

import asyncpg
import msgspec
from rapport.database import Connection

from profile_service.ledger.repository import Reader
from profile_service.matching.rules import Found

_LAST_RUN = """
    SELECT result->>'watermark' FROM job
    WHERE kind = 'match_run' AND state = 'succeeded' AND result->>'rules' = $1 ORDER BY job_id DESC LIMIT 1
"""
_KEPT_APART = """
    SELECT DISTINCT least(one.profile_id, other.profile_id) AS a, greatest(one.profile_id, other.profile_id) AS b
    FROM cannot_link
    JOIN identity AS one ON one.identity_id = cannot_link.a
    JOIN identity AS other ON other.identity_id = cannot_link.b
    WHERE withdrawn_at IS NULL AND one.profile_id <> other.profile_id
      AND (one.profile_id = ANY($1::uuid[]) OR other.profile_id = ANY($1::uuid[]))
"""
_OFFER = """
    INSERT INTO match_candidate (a, b, probability, weights, guards, job_id)
    SELECT a, b, probability, weights::jsonb, string_to_array(guards, ' '), $6
    FROM unnest($1::uuid[], $2::uuid[], $3::float8[], $4::text[], $5::text[]) AS new(a, b, probability, weights, guards)
    ON CONFLICT (a, b, source) DO UPDATE SET
        probability = excluded.probability, weights = excluded.weights, guards = excluded.guards,
        job_id = excluded.job_id, updated_at = now()
    WHERE match_candidate.state = 'open'
"""
# Profiles nobody changed were not compared with each other again, so what was found of them stays.
_DROP_OUTDATED = """
    DELETE FROM match_candidate
    WHERE state = 'open' AND job_id <> $1 AND ($2::timestamptz IS NULL OR EXISTS (
        SELECT FROM identity AS side JOIN identity AS member ON member.profile_id = side.profile_id
        WHERE side.identity_id IN (a, b) AND (member.assigned_at >= $2 OR EXISTS (
            SELECT FROM fact WHERE fact.identity_id = member.identity_id AND greatest(recorded_at, withdrawn_at) >= $2
        ))
    ))
"""
# Candidates by probability, and links that guards hold unless somebody has decided on them.
_FOUND = """
    SELECT candidate_id, a, b, state, source, probability, weights, guards, link_id, job_id, found_at, decided_at,
           decided_by, reason
    FROM match_candidate
"""
_HELD = """
    SELECT link_id AS candidate_id, a, b, 'open' AS state, 'guard' AS source, confidence AS probability,
           NULL::jsonb AS weights, guards, link_id, NULL::uuid AS job_id, recorded_at AS found_at,
           NULL::timestamptz AS decided_at, NULL::text AS decided_by, NULL::text AS reason
    FROM link
    WHERE state = 'held' AND retracted_at IS NULL AND NOT guards && ARRAY['blocked_value', 'cannot_link']
      AND NOT EXISTS (SELECT FROM match_candidate WHERE candidate_id = link.link_id)
"""
_WITH_PROFILES = """
    SELECT candidate.*, one.profile_id AS profile_a, other.profile_id AS profile_b
    FROM ({candidates}) AS candidate
    JOIN identity AS one ON one.identity_id = candidate.a
    JOIN identity AS other ON other.identity_id = candidate.b
"""
_APART = " OR ".join(
    f"""
    EXISTS (
        SELECT FROM identity AS here
        JOIN cannot_link ON cannot_link.{this} = here.identity_id AND withdrawn_at IS NULL
        JOIN identity AS there ON there.identity_id = cannot_link.{that}
        WHERE here.profile_id = one.profile_id AND there.profile_id = other.profile_id
    )"""
    for this, that in (("a", "b"), ("b", "a"))
)
_SOME = f"""
    {_WITH_PROFILES}
    WHERE (state <> 'open' OR one.profile_id <> other.profile_id AND NOT ({_APART}))
      AND ($1::text IS NULL OR state = $1) AND ($2::text IS NULL OR source = $2)
      AND ($3::float8 IS NULL OR probability >= $3) AND ($4::float8 IS NULL OR probability <= $4)
      AND ($5::uuid IS NULL OR one.profile_id = $5 OR other.profile_id = $5)
      AND candidate_id < coalesce($6::uuid, 'ffffffff-ffff-ffff-ffff-ffffffffffff')
    ORDER BY candidate_id DESC LIMIT $7
"""
# The first of each, found by its index, and of these the first: nobody sorts all that there are.
_PAGE = f"""
    ({_SOME.format(candidates=_FOUND)}) UNION ALL ({_SOME.format(candidates=_HELD)})
    ORDER BY candidate_id DESC LIMIT $7
"""
_ONE = f"{_WITH_PROFILES.format(candidates=f'{_FOUND} UNION ALL {_HELD}')} WHERE candidate_id = $1"
_DECIDE = """
    INSERT INTO match_candidate (candidate_id, a, b, source, state, probability, guards, link_id, decided_at,
                                 decided_by, reason)
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8, now(), $9, $10)
    ON CONFLICT (a, b, source) DO UPDATE SET
        state = excluded.state, link_id = excluded.link_id, decided_at = now(), decided_by = excluded.decided_by,
        reason = excluded.reason
"""


async def last_run(connection: Reader, rules: str) -> datetime | None:
    """From when on changes have not been compared yet; None when nothing was compared by these rules."""
    found = await connection.fetchval(_LAST_RUN, rules)
    return None if found is None else datetime.fromisoformat(found)


async def kept_apart(connection: Connection, profiles: Collection[UUID]) -> set[frozenset[UUID]]:
    """Pairs of profiles, one of them among `profiles`, that an operator has said are two customers."""
    return {frozenset(row) for row in await connection.fetch(_KEPT_APART, list(profiles))}


async def offer(connection: Connection, job_id: UUID, found: Iterable[Found]) -> None:
    """Keep pairs for review; those known and not decided get their new probability."""
    rows = [
        (
            *sorted((each.a, each.b)),
            each.probability,
            msgspec.json.encode(each.weights).decode(),
            " ".join(f"lacks:{what}" for what in each.lacks),
        )
        for each in found
    ]
    if rows:
        rows.sort(key=lambda row: row[:2])
        await connection.execute(_OFFER, *(list(column) for column in zip(*rows, strict=True)), job_id)


async def drop_outdated(connection: Connection, job_id: UUID, since: datetime | None) -> None:
    """Forget candidates that a run would have found again and did not."""
    await connection.execute(_DROP_OUTDATED, job_id, since)


async def page(
    connection: Connection,
    state: str | None,
    source: str | None,
    least: float | None,
    most: float | None,
    profile_id: UUID | None,
    before: UUID | None,
    limit: int,
) -> Sequence[asyncpg.Record]:
    """Candidates, newest first."""
    return await connection.fetch(_PAGE, state, source, least, most, profile_id, before, limit)


async def one(connection: Connection, candidate_id: UUID) -> asyncpg.Record | None:
    """A candidate, with the profiles of its two sides at present."""
    return await connection.fetchrow(_ONE, candidate_id)


async def lock(connection: Connection, candidate_id: UUID) -> None:
    """Make those who decide on one candidate take turns."""
    await connection.execute("SELECT pg_advisory_xact_lock(5403, hashtext($1))", str(candidate_id))


async def decide(
    connection: Connection, row: asyncpg.Record, state: str, link_id: UUID | None, by: str, reason: str | None
) -> None:
    """Keep what an operator said of a candidate."""
    arguments: list[Any] = [row[name] for name in ("candidate_id", "a", "b", "source")]
    arguments += [state, row["probability"], row["guards"], link_id, by, reason]
    await connection.execute(_DECIDE, *arguments)
