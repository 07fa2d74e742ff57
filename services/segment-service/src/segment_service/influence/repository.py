"""Every statement on referrals."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Final, NamedTuple
from uuid import UUID

from rapport.database import Connection

from segment_service.influence.rules import BIG, ReferralRule

_KIND: Final = "kind = 'referred_by'"
# Levels are bounded and each is a set, so a circle (that merges may close) ends there.
_UP: Final = f"""
    WITH RECURSIVE up (profile_id, depth) AS (
        SELECT unnest($1::uuid[]), 0
        UNION
        SELECT referrer.profile_id, depth + 1
        FROM up JOIN identity_map AS member USING (profile_id)
        JOIN relationship ON relationship.identity_id = member.identity_id AND {_KIND}
        JOIN identity_map AS referrer ON referrer.identity_id = relationship.other_identity_id
        WHERE depth < $2
    )
"""
_DOWN: Final = f"""
    WITH RECURSIVE down (root, profile_id, depth, referrer) AS (
        SELECT root, root, 0, NULL::uuid FROM unnest($1::uuid[]) AS root
        UNION
        SELECT root, referred.profile_id, depth + 1, member.profile_id
        FROM down JOIN identity_map AS member USING (profile_id)
        JOIN relationship ON relationship.other_identity_id = member.identity_id AND {_KIND}
        JOIN identity_map AS referred ON referred.identity_id = relationship.identity_id
        WHERE depth < $2 AND referred.profile_id <> root
    ),
    -- Whoever is reached on several ways counts once, on the shortest.
    brought AS (
        SELECT DISTINCT ON (root, profile_id) root, profile_id, depth, referrer,
               COALESCE(period_revenue, 0) AS sales, COALESCE(period_revenue, 0) * $3::numeric ^ depth AS counted
        FROM down LEFT JOIN customer USING (profile_id) WHERE depth > 0
        ORDER BY root, profile_id, depth, referrer
    )
"""
_REFRESH: Final = f"""
    {_DOWN},
    found AS (
        SELECT root AS profile_id, count(*) FILTER (WHERE depth = 1) AS direct, count(*) AS referrals,
               round(sum(counted), 2) AS referral_value
        FROM brought GROUP BY root
    ),
    gone AS (
        DELETE FROM influence WHERE profile_id = ANY($1) AND profile_id NOT IN (SELECT profile_id FROM found)
        RETURNING profile_id
    ),
    kept AS (
        INSERT INTO influence AS kept (profile_id, direct, referrals, referral_value)
        SELECT profile_id, direct, referrals, referral_value FROM found ORDER BY profile_id
        ON CONFLICT (profile_id) DO UPDATE SET
            direct = EXCLUDED.direct, referrals = EXCLUDED.referrals, referral_value = EXCLUDED.referral_value
        WHERE (kept.direct, kept.referrals, kept.referral_value)
            IS DISTINCT FROM (EXCLUDED.direct, EXCLUDED.referrals, EXCLUDED.referral_value)
        RETURNING profile_id
    )
    SELECT profile_id FROM gone UNION ALL SELECT profile_id FROM kept
"""
_REFERRERS: Final = f"{_UP} SELECT profile_id, min(depth) FROM up GROUP BY profile_id ORDER BY 2, 1"
_CHAIN: Final = f"""
    {_DOWN} SELECT profile_id, depth, referrer, sales, round(counted, 2) FROM brought
    ORDER BY depth, counted DESC, profile_id LIMIT $4
"""
_SUMMARY: Final = f"""
    {_DOWN} SELECT count(*) FILTER (WHERE depth = 1), count(*), round(COALESCE(sum(counted), 0), 2) FROM brought
"""
_OWN: Final = "SELECT value_class, period_revenue FROM customer WHERE profile_id = $1"
_PAGE: Final = """
    SELECT profile_id, value_class, period_revenue, direct, referrals, referral_value
    FROM influence JOIN customer USING (profile_id)
    WHERE (NOT $1 OR referral_value > period_revenue AND value_class <> ALL ($2::text[]))
      AND ($3::numeric IS NULL OR (-referral_value, profile_id) > (-$3::numeric, $4::uuid))
    ORDER BY -referral_value, profile_id LIMIT $5
"""
_STATE: Final = "SELECT version, profile_id, rules, as_of FROM influence_follow"
_FOLLOW: Final = """
    INSERT INTO influence_follow AS kept (version, profile_id, rules, as_of) VALUES ($1, $2, $3, $4)
    ON CONFLICT (id) DO UPDATE SET
        version = EXCLUDED.version, profile_id = EXCLUDED.profile_id, rules = EXCLUDED.rules,
        as_of = COALESCE(EXCLUDED.as_of, kept.as_of)
"""
_CHANGED: Final = """
    SELECT version, profile_id FROM customer WHERE (version, profile_id) > ($1, $2) ORDER BY version, profile_id
    LIMIT $3
"""
_OTHERS: Final = """
    UPDATE customer SET version = $2 WHERE profile_id IN (
        SELECT profile_id FROM relationship JOIN identity_map ON identity_map.identity_id = other_identity_id
        WHERE kind = 'referred_by' AND relationship.identity_id = ANY($1::uuid[])
    )
"""


class Followed(NamedTuple):
    """Up to which changed customer referrals are counted, by which figures, and when all were."""

    version: int
    profile_id: UUID
    rules: str
    as_of: datetime | None


class Referred(NamedTuple):
    """Somebody whom a customer brought, directly at depth 1; `referrer` is who referred them."""

    profile_id: UUID
    depth: int
    referrer: UUID
    sales: Decimal
    counted: Decimal


class Influencer(NamedTuple):
    """A customer who brought others."""

    profile_id: UUID
    value_class: str
    own: Decimal
    direct: int
    referrals: int
    brought: Decimal


async def followed(connection: Connection) -> Followed | None:
    """How far referrals are counted; None before the first time."""
    row = await connection.fetchrow(_STATE)
    return Followed(*row) if row is not None else None


async def follow(connection: Connection, state: Followed) -> None:
    """Keep how far referrals are counted."""
    await connection.execute(_FOLLOW, *state)


async def changed(connection: Connection, after: tuple[int, UUID], limit: int) -> list[tuple[int, UUID]]:
    """Customers computed anew after one, in the order of changes."""
    return [(row[0], row[1]) for row in await connection.fetch(_CHANGED, *after, limit)]


async def refresh(connection: Connection, profiles: Sequence[UUID], rule: ReferralRule) -> list[UUID]:
    """Count for `profiles` and for all who brought them, in one's turn; whose figures are others now."""
    concerned = [row[0] for row in await connection.fetch(_REFERRERS, profiles, rule.depth)]
    return [row[0] for row in await connection.fetch(_REFRESH, concerned, rule.depth, rule.decay)]


async def notice_erasure(connection: Connection, identities: Collection[UUID], version: int) -> None:
    """Have those counted anew who referred these identities, which are about to go."""
    await connection.execute(_OTHERS, list(identities), version)


async def own(connection: Connection, profile: UUID) -> tuple[str, Decimal]:
    """A customer's class and sales of the period."""
    row = await connection.fetchrow(_OWN, profile)
    return (row[0], row[1]) if row is not None else ("suspect", Decimal(0))


async def summary(connection: Connection, profile: UUID, rule: ReferralRule) -> tuple[int, int, Decimal]:
    """How many a customer brought directly and in all, and what those count."""
    row = await connection.fetchrow(_SUMMARY, [profile], rule.depth, rule.decay)
    assert row is not None  # noqa: S101  an aggregate has a row
    return row[0], row[1], row[2]


async def chain(connection: Connection, profile: UUID, rule: ReferralRule, limit: int) -> list[Referred]:
    """Those whom a customer brought, nearest first, then by what they count."""
    return [Referred(*row) for row in await connection.fetch(_CHAIN, [profile], rule.depth, rule.decay, limit)]


async def referrers(connection: Connection, profile: UUID, rule: ReferralRule) -> list[tuple[UUID, int]]:
    """Those who brought a customer, nearest first."""
    rows = await connection.fetch(_REFERRERS, [profile], rule.depth)
    return [(row[0], row[1]) for row in rows if row[0] != profile]


async def page(
    connection: Connection,
    *,
    leaders: bool,
    after: tuple[Decimal, UUID] | None,
    limit: int,
) -> list[Influencer]:
    """Customers who brought others, most value first; only opinion leaders if so asked."""
    rows = await connection.fetch(_PAGE, leaders, sorted(BIG), *(after or (None, None)), limit)
    return [Influencer(*row) for row in rows]
