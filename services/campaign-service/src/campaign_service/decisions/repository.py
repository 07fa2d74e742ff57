"""Statements of the decisions; asyncpg: this is asked while a customer waits."""

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

import msgspec
from rapport.database import Connection

from campaign_service.decisions.rules import Candidate, OpenCase

# A profile id may be one from before a merge; the customer is all identities of the profile that answers for it now.
_WHO = """
    WITH now_called AS (
        SELECT coalesce((SELECT profile_id FROM identity_map WHERE seed_profile_id = $1 LIMIT 1), $1) AS profile_id),
    theirs AS (
        SELECT m.identity_id, m.seed_profile_id FROM identity_map m JOIN now_called USING (profile_id))
"""
_KNOWN = (
    _WHO
    + """,
    place AS (
        SELECT DISTINCT ON (r.campaign_id) r.campaign_id, r.included, r.arm, r.reason
        FROM recipient r
        WHERE r.profile_id IN (SELECT profile_id FROM now_called UNION SELECT $1
            UNION SELECT seed_profile_id FROM theirs WHERE seed_profile_id IS NOT NULL)
        ORDER BY r.campaign_id, r.included DESC, r.arm = 'control' DESC)
    SELECT NULL::uuid AS case_id, NULL AS severity, NULL::timestamptz AS since, c.campaign_id, c.name, c.priority,
        c.offer, c.variants, place.included, place.arm, place.reason
    FROM campaign c LEFT JOIN place USING (campaign_id)
    WHERE c.state = 'running' AND (c.offer IS NOT NULL OR c.variants <> '[]')
    UNION ALL
    SELECT k.case_id, k.severity, k.since, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL
    FROM customer_case k JOIN theirs USING (identity_id) WHERE k.open AND k.kind = 'complaint'
    ORDER BY priority DESC NULLS LAST, campaign_id DESC
    """
)
_RECORD = """
    INSERT INTO decision (profile_id, channel, moment, record) VALUES ($1, $2, $3, $4) RETURNING decision_id
"""
_FIND = "SELECT decision_id, profile_id, channel, moment, decided_at, record FROM decision WHERE decision_id = $1"
_encode = msgspec.json.Encoder().encode


async def known(connection: Connection, profile_id: UUID) -> tuple[list[OpenCase], list[Candidate]]:
    """Open complaints and running offers, the most important and then the newest campaign first."""
    cases: list[OpenCase] = []
    candidates: list[Candidate] = []
    for row in await connection.fetch(_KNOWN, profile_id):
        if row["case_id"] is not None:
            cases.append(OpenCase(row["case_id"], row["severity"], row["since"]))
        else:
            offer = _offer(dict(row))
            candidates.append(
                Candidate(
                    row["campaign_id"],
                    row["name"],
                    row["priority"],
                    offer.get("offer_id"),
                    offer.get("text"),
                    row["included"],
                    row["arm"],
                    row["reason"],
                )
            )
    return cases, candidates


def _offer(row: Mapping[str, Any]) -> dict[str, Any]:
    variants: Sequence[dict[str, Any]] = msgspec.json.decode(row["variants"])
    common: dict[str, Any] | None = msgspec.json.decode(row["offer"]) if row["offer"] else None
    own = [each["offer"] for each in variants if each.get("offer") and row["arm"] in (None, "control", each["name"])]
    return (own[0] if own else common) or {}


async def record(
    connection: Connection, profile_id: UUID, channel: str | None, moment: str | None, document: Mapping[str, Any]
) -> UUID:
    """Keep a decision as it was made; its id."""
    decision_id: UUID = await connection.fetchval(_RECORD, profile_id, channel, moment, _encode(document).decode())
    return decision_id


async def find(connection: Connection, decision_id: UUID) -> dict[str, Any] | None:
    """A decision as it was made."""
    row = await connection.fetchrow(_FIND, decision_id)
    return {**row, **msgspec.json.decode(row["record"])} if row else None
