"""Facts that a list tells again: what is new is told, what has grown old is refreshed, the rest stays as it is."""

import hashlib
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Final, NamedTuple
from uuid import UUID

import asyncpg
from rapport.database import Connection

from profile_service.facts.rules import Origin

# A list says when it was sent, not when its values were seen: to a week its facts are as old as last time.
FRESH: Final = timedelta(days=7)
_NEVER: Final = datetime.min.replace(tzinfo=UTC)

_KEPT = """
    SELECT profile_id, identity_id, key, fact_id, digest, observed_at, withdrawn_at IS NOT NULL AS withdrawn,
           origin = $3 AND source = $4 AS ours,
           confidence = $5 AND expires_at IS NOT DISTINCT FROM $6 AND import_id = ANY($7::uuid[]) AS same
    FROM identity JOIN fact USING (identity_id) WHERE profile_id = ANY($1::uuid[]) AND key = ANY($2::text[])
"""
_REFRESH = """
    UPDATE fact SET observed_at = $2, confidence = $3, expires_at = $4, import_id = $5, recorded_at = now()
    WHERE fact_id = ANY($1::uuid[]) AND observed_at <= $2
"""


class Told(NamedTuple):
    """What is told of an identity of a profile; the value is canonical JSON."""

    profile_id: UUID
    identity_id: UUID
    key: str
    value: str


@dataclass(frozen=True, slots=True)
class Terms:
    """What all facts of a list have in common; `like` are the lists from the same source on the same terms."""

    origin: Origin
    source: str
    confidence: float
    observed_at: datetime
    expires_at: datetime | None
    import_id: UUID
    like: Collection[UUID]


@dataclass(slots=True)
class Sorted:
    """Places of what is new; facts to be refreshed, and those of them that something newer had put out of use."""

    new: list[int] = field(default_factory=list)
    stale: list[UUID] = field(default_factory=list)
    revived: list[int] = field(default_factory=list)


async def sort_out(connection: Connection, terms: Terms, told: Sequence[Told]) -> Sorted:
    """What has to be done about facts told of identities that exist.

    Nothing, for one that was told less than a week before on the same terms, unless the profile has another value that
    was seen since.
    """
    found = Sorted()
    if not told:
        return found
    records = await connection.fetch(
        _KEPT,
        list({each.profile_id for each in told}),
        list({each.key for each in told}),
        *(terms.origin, terms.source, terms.confidence, terms.expires_at, list(terms.like)),
    )
    kept = {(each["identity_id"], each["key"], each["digest"]): each for each in records if each["ours"]}
    seen = _seen(records)
    since = terms.observed_at - FRESH
    for place, each in enumerate(told):
        digest = hashlib.sha256(each.value.encode()).digest()
        fact = kept.get((each.identity_id, each.key, digest))
        if fact is None or fact["withdrawn"]:
            found.new.append(place)
        elif (at := fact["observed_at"]) <= terms.observed_at:
            others = seen[fact["profile_id"], each.key]
            overtaken = len(others) > 1 and any(then >= at for other, then in others.items() if other != digest)
            if overtaken:
                found.revived.append(place)
            if overtaken or not fact["same"] or at < since:
                found.stale.append(fact["fact_id"])
    return found


async def refresh(connection: Connection, terms: Terms, facts: Sequence[UUID]) -> None:
    """Make facts as new as the list."""
    if facts:
        await connection.execute(
            _REFRESH, facts, terms.observed_at, terms.confidence, terms.expires_at, terms.import_id
        )


def _seen(records: Sequence[asyncpg.Record]) -> Mapping[tuple[UUID, str], dict[bytes, datetime]]:
    """Of each profile and key, when each value was seen last."""
    found: dict[tuple[UUID, str], dict[bytes, datetime]] = {}
    for each in records:
        values, at = found.setdefault((each["profile_id"], each["key"]), {}), each["observed_at"]
        if at > values.get(each["digest"], _NEVER):
            values[each["digest"]] = at
    return found
