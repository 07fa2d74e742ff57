"""Statements of the preparation; asyncpg, because an audience is written by the page."""

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

import msgspec
from rapport.database import Connection

from campaign_service.clients.profiles import Person
from campaign_service.preparation.rules import CONTROL, Known, Verdict

_LEASE = """
    UPDATE job SET state = 'running', owner = $1, lease_until = now() + $2 * interval '1 second', updated_at = now()
    WHERE job_id = (
        SELECT job_id FROM job
        WHERE state IN ('queued', 'running') AND kind = 'prepare' AND (lease_until IS NULL OR lease_until < now())
        ORDER BY job_id LIMIT 1 FOR UPDATE SKIP LOCKED)
    RETURNING job_id, campaign_id, cursor, done
"""
_KEEP = """
    UPDATE job SET cursor = $3, done = done + $4, total = coalesce($5, total), updated_at = now(),
        lease_until = now() + $6 * interval '1 second'
    WHERE job_id = $1 AND owner = $2 AND state = 'running'
    RETURNING true
"""
_HOLD = """
    UPDATE job SET lease_until = now() + $3 * interval '1 second'
    WHERE job_id = $1 AND owner = $2 AND state = 'running'
"""
_END = """
    UPDATE job SET state = $3, error = $4, owner = NULL, lease_until = NULL, total = coalesce(total, done),
        updated_at = now(), ended_at = now()
    WHERE job_id = $1 AND owner = $2 AND state = 'running'
    RETURNING campaign_id
"""
_CAMPAIGN = """
    SELECT campaign_id, channel, purpose, audience, control_share, variants, salt, launched_at
    FROM campaign WHERE campaign_id = $1
"""
# The profile ids are the current ones; whatever an identity of theirs did concerns the whole customer.
_THEIRS = """
    WITH theirs AS (
        SELECT identity_id, profile_id AS who FROM identity_map WHERE profile_id = ANY($1::uuid[])
        UNION SELECT each, each FROM unnest($2::uuid[]) AS each)
    SELECT DISTINCT who FROM theirs
"""
_UNSUBSCRIBED = _THEIRS + "JOIN unsubscribe u USING (identity_id) WHERE u.channel = $3 AND u.purpose = $4"
_COMPLAINING = _THEIRS + "JOIN customer_case c USING (identity_id) WHERE c.open AND c.kind = 'complaint'"
_ADDRESSED = "SELECT identity_id FROM recipient WHERE campaign_id = $1 AND included AND identity_id = ANY($2)"
_MAP = """
    INSERT INTO identity_map (identity_id, profile_id, version)
    SELECT * FROM unnest($1::uuid[], $2::uuid[], $3::bigint[]) ORDER BY 1
    ON CONFLICT (identity_id) DO NOTHING
"""
_RECIPIENTS = """
    INSERT INTO recipient (campaign_id, profile_id, identity_id, included, arm, reason, assigned_at)
    SELECT $1, p.*, $7 FROM unnest($2::uuid[], $3::uuid[], $4::boolean[], $5::text[], $6::text[]) AS p
    ON CONFLICT DO NOTHING
"""
_SENDS = """
    INSERT INTO send (campaign_id, step, channel, profile_id, identity_id, arm, address, person)
    SELECT $1, $2, $3, p.* FROM unnest($4::uuid[], $5::uuid[], $6::text[], $7::text[], $8::jsonb[]) AS p
    ON CONFLICT DO NOTHING
"""
_PREPARED = "UPDATE campaign SET prepared_at = now(), updated_at = now() WHERE campaign_id = $1"
_BACK_TO_DRAFT = """
    UPDATE campaign SET state = 'draft', launched_at = NULL, content = NULL, version = version + 1, updated_at = now()
    WHERE campaign_id = $1
"""
_FORGET = (
    "DELETE FROM send WHERE campaign_id = $1",
    "DELETE FROM recipient WHERE campaign_id = $1",
)
_encode = msgspec.json.Encoder().encode


async def lease(connection: Connection, owner: UUID, seconds: float) -> Mapping[str, Any] | None:
    """The oldest preparation that nobody works on."""
    row = await connection.fetchrow(_LEASE, owner, seconds)
    return dict(row) if row else None


async def hold(connection: Connection, job_id: UUID, owner: UUID, seconds: float) -> None:
    """Keep a job while another service lets us wait."""
    await connection.execute(_HOLD, job_id, owner, seconds)


async def keep(
    connection: Connection,
    job_id: UUID,
    owner: UUID,
    cursor: str | None,
    done: int,
    total: int | None,
    seconds: float,
) -> bool:
    """Move a job on; False when it is no longer ours."""
    return bool(await connection.fetchval(_KEEP, job_id, owner, cursor, done, total, seconds))


async def succeed(connection: Connection, job_id: UUID, owner: UUID) -> None:
    """The audience is complete: from now on messages may go."""
    campaign_id = await connection.fetchval(_END, job_id, owner, "succeeded", None)
    if campaign_id is not None:
        await connection.execute(_PREPARED, campaign_id)


async def fail(connection: Connection, job_id: UUID, owner: UUID, error: str) -> None:
    """The audience cannot be made: nothing was sent, and the campaign is a draft again."""
    campaign_id = await connection.fetchval(_END, job_id, owner, "failed", error)
    if campaign_id is not None:
        for statement in (_BACK_TO_DRAFT, *_FORGET):
            await connection.execute(statement, campaign_id)


async def campaign(connection: Connection, campaign_id: UUID) -> dict[str, Any]:
    """What the preparation needs of a campaign."""
    row = await connection.fetchrow(_CAMPAIGN, campaign_id)
    if row is None:
        raise LookupError(f"campaign {campaign_id} is gone")
    found = dict(row)
    return found | {name: msgspec.json.decode(found[name]) for name in ("audience", "variants")}


async def known(
    connection: Connection,
    campaign_id: UUID,
    channel: str,
    purpose: str,
    profile_ids: Sequence[UUID],
    identity_ids: Sequence[UUID],
) -> Known:
    """What is known against writing to these customers, who have these addresses."""
    unsubscribed = await connection.fetch(_UNSUBSCRIBED, profile_ids, identity_ids, channel, purpose)
    complaining = await connection.fetch(_COMPLAINING, profile_ids, identity_ids)
    addressed = await connection.fetch(_ADDRESSED, campaign_id, identity_ids)
    return Known(*(frozenset(row[0] for row in rows) for rows in (unsubscribed, complaining, addressed)))


async def remember_identities(connection: Connection, people: Sequence[Person]) -> None:
    """What was just looked up, until the feed, whose versions are higher, says so or otherwise."""
    pairs = sorted({(each.identity_id, person.current) for person in people for each in person.identities})
    if pairs:
        ids, profiles = zip(*pairs, strict=True)
        await connection.execute(_MAP, ids, profiles, [0] * len(pairs))


async def write(
    connection: Connection,
    found: Mapping[str, Any],
    verdicts: Sequence[Verdict],
    arms: Mapping[UUID, str],
    step: str,
) -> None:
    """One page of recipients, and a message for each who is treated; writing it again changes nothing."""
    campaign_id, channel, at = found["campaign_id"], found["channel"], found["launched_at"]
    rows = [(v.profile_id, v.identity_id, v.included, arms.get(v.profile_id), v.reason) for v in verdicts]
    columns = list(zip(*rows, strict=True)) or [()] * 5
    await connection.execute(_RECIPIENTS, campaign_id, *columns, at)
    treated = [v for v in verdicts if v.included and arms[v.profile_id] != CONTROL]
    await connection.execute(
        _SENDS,
        campaign_id,
        step,
        channel,
        [verdict.profile_id for verdict in treated],
        [verdict.identity_id for verdict in treated],
        [arms[verdict.profile_id] for verdict in treated],
        [verdict.address for verdict in treated],
        [_person(verdict) for verdict in treated],
    )


def _person(verdict: Verdict) -> str:
    assert verdict.person is not None  # noqa: S101  who is included was looked up
    facts = {"language": verdict.person.language, "facts": verdict.person.facts}
    return _encode(facts).decode()
