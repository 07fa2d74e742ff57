"""The ledger's SQL. Plain asyncpg with arrays: a batch of events is a handful of statements however many it holds."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, TypeAlias
from uuid import UUID

import asyncpg
from rapport.database import Connection

from profile_service.ledger.records import Evidence, IdentityRow, Key, LinkRow, Plan, Times, View
from profile_service.ledger.rules import SHARED, CannotLink, Verdict

Reader: TypeAlias = "Connection | asyncpg.Pool[asyncpg.Record]"  # asyncpg's classes take no parameters at run time

_IDENTITY = (
    "identity_id, kind, value, seed_profile_id, profile_id, profile_kind, blocked, first_seen, last_evidence_at, "
    "created_at, assigned_at"
)
_LINK = "link_id, a, b, kind, state, guards, evidence_at, event_id, source"

_GRAPH = 5_401  # class of the advisory locks on parts of the ledger
# For a few identities planning costs more than running: one plan for all times, by index whatever the tables hold yet.
_BEGIN = """
    SET LOCAL plan_cache_mode = force_generic_plan;
    SET LOCAL enable_seqscan = off; SET LOCAL enable_hashjoin = off; SET LOCAL enable_mergejoin = off;
    SAVEPOINT unlocked
"""
_PLAN_ANEW = """
    SET LOCAL plan_cache_mode = auto;
    SET LOCAL enable_seqscan = on; SET LOCAL enable_hashjoin = on; SET LOCAL enable_mergejoin = on
"""
# In order, so that no two callers wait for each other; a stripe is the last 12 bits of an id.
_LOCK = """
    SELECT stripe, pg_advisory_xact_lock($2, stripe), clock_timestamp() AS now
    FROM (
        SELECT DISTINCT ('x' || right(id::text, 3))::bit(12)::int AS stripe
        FROM (
            SELECT unnest($1::uuid[]) AS id
            UNION ALL
            SELECT profile_id FROM identity WHERE identity_id = ANY($1::uuid[])
        ) AS involved
        ORDER BY stripe
    ) AS stripes
"""
_ALONE = f"""
    SELECT id, uuidv7() AS seed,
        coalesce(
            (SELECT true FROM link WHERE a = id LIMIT 1),
            (SELECT true FROM link WHERE b = id LIMIT 1),
            (SELECT true FROM cannot_link WHERE a = id LIMIT 1),
            (SELECT true FROM cannot_link WHERE b = id LIMIT 1),
            (SELECT true FROM identity AS other WHERE other.profile_id = identity.profile_id AND other.identity_id <> id
             LIMIT 1)
        ) AS tied,
        {_IDENTITY}
    FROM unnest($1::uuid[]) AS id LEFT JOIN identity ON identity_id = id
"""
_PROFILES_OF = f"""
    SELECT {_IDENTITY} FROM identity
    WHERE profile_id IN (SELECT profile_id FROM identity WHERE identity_id = ANY($1::uuid[]))
"""
_CLUSTERS_OF = f"""
    WITH RECURSIVE cluster(id) AS (
        SELECT unnest($1::uuid[])
        UNION
        SELECT near.id FROM cluster CROSS JOIN LATERAL (
            SELECT b AS id FROM link WHERE a = cluster.id AND retracted_at IS NULL
            UNION ALL
            SELECT a FROM link WHERE b = cluster.id AND retracted_at IS NULL
        ) AS near
    )
    SELECT {_IDENTITY} FROM identity JOIN cluster ON identity_id = id
"""
_LINKS_AMONG = f"SELECT {_LINK}, retracted_at FROM link WHERE a = ANY($1::uuid[])"
_LINKS_OF_PAIRS = f"""
    SELECT found.* FROM unnest($1::uuid[], $2::uuid[], $3::text[]) AS pair(pair_a, pair_b, pair_kind)
    CROSS JOIN LATERAL (
        (SELECT {_LINK}, retracted_at FROM link
         WHERE a = pair_a AND b = pair_b AND kind = pair_kind AND retracted_at IS NULL LIMIT 1)
        UNION ALL
        (SELECT {_LINK}, retracted_at FROM link
         WHERE a = pair_a AND b = pair_b AND kind = pair_kind AND retracted_at IS NOT NULL
         ORDER BY retracted_at DESC LIMIT 1)
    ) AS found
"""
_HELD_AT = """
    SELECT id FROM unnest($1::uuid[]) AS id
    WHERE EXISTS (SELECT FROM link WHERE a = id AND state = 'held' AND retracted_at IS NULL)
       OR EXISTS (SELECT FROM link WHERE b = id AND state = 'held' AND retracted_at IS NULL)
"""
_SHARED = """
    SELECT id FROM unnest($1::uuid[], $2::text[]) AS asked(id, guard)
    WHERE EXISTS (SELECT FROM link WHERE a = id AND state = 'held' AND retracted_at IS NULL AND guard = ANY(guards))
       OR EXISTS (SELECT FROM link WHERE b = id AND state = 'held' AND retracted_at IS NULL AND guard = ANY(guards))
"""
_CANNOT_AMONG = """
    SELECT a, b, made_at FROM cannot_link
    WHERE a = ANY($1::uuid[]) AND b = ANY($1::uuid[]) AND withdrawn_at IS NULL
"""
_ALIASES_TO = """
    SELECT a, b, evidence_at, event_id, source, confidence
    FROM link JOIN identity ON identity_id = CASE WHEN a = ANY($1::uuid[]) THEN b ELSE a END
    WHERE link.kind = 'alias' AND identity.kind = 'user_id' AND retracted_at IS NULL
      AND (a = ANY($1::uuid[]) OR b = ANY($1::uuid[]))
"""
_MEMBERS = f"""
    SELECT asked.seed_profile_id AS asked, {", ".join("member." + column for column in _IDENTITY.split(", "))}
    FROM identity AS asked JOIN identity AS member ON member.profile_id = asked.profile_id
    WHERE asked.seed_profile_id = ANY($1::uuid[])
"""
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
    INSERT INTO cannot_link (a, b, made_at, made_by, link_id)
    SELECT a, b, $4, $5, link_id FROM unnest($1::uuid[], $2::uuid[], $3::uuid[]) AS new(a, b, link_id)
    ON CONFLICT DO NOTHING
"""


def stripe_of(some_id: UUID) -> int:
    """The lock that covers an identity or a profile; few enough that a large batch can hold all."""
    return some_id.int & 0xFFF


async def begin(connection: Connection) -> None:
    """Prepare for work on the ledger, before it is locked."""
    await connection.execute(_BEGIN)


async def let_go(connection: Connection) -> None:
    """Give back all locks taken since `begin`."""
    await connection.execute("ROLLBACK TO SAVEPOINT unlocked")


async def lock(connection: Connection, ids: Collection[UUID]) -> tuple[set[int], datetime]:
    """Wait for the locks of identities and of their profiles, held until the transaction ends; which, and the time."""
    rows = await connection.fetch(_LOCK, list(ids), _GRAPH)
    return {row["stripe"] for row in rows}, rows[-1]["now"]


async def view_if_alone(
    connection: Connection, ids: Collection[UUID], deep: Collection[UUID], others: Collection[UUID]
) -> View | None:
    """The view of `ids` at one look, if nothing but they themselves is in it; `others` have to be untied as well.

    It is what `view_of` and `add_evidence_context` would give.
    """
    view = View()
    for record in await connection.fetch(_ALONE, [*ids, *others]):
        identity, seed, tied, *columns = record
        if tied:
            return None
        view.seeds[identity] = seed
        if columns[0] is not None and identity in ids:
            view.identities[identity] = IdentityRow(*columns)
    view.deep = view.identities.keys() & deep
    return view


async def view_of(connection: Connection, ids: Collection[UUID], deep: Collection[UUID]) -> View:
    """The profiles of `ids`, and whole clusters of evidence around those in `deep`; unknown ids are left out."""
    view = View()
    await connection.execute(_PLAN_ANEW)
    for record in await connection.fetch(_PROFILES_OF, list(ids)):
        view.identities[record["identity_id"]] = IdentityRow(*record)
    if deep:
        await _look_deep(connection, view, deep)
    return view


async def _look_deep(connection: Connection, view: View, deep: Collection[UUID]) -> None:
    for record in await connection.fetch(_CLUSTERS_OF, list(deep)):
        view.identities[record["identity_id"]] = IdentityRow(*record)
        view.deep.add(record["identity_id"])
    for record in await connection.fetch(_LINKS_AMONG, list(view.deep)):
        _keep(view, record)


async def add_evidence_context(connection: Connection, view: View, evidence: Iterable[Evidence]) -> None:
    """Add to `view` what decides about `evidence`: links of its pairs, held links near by, cannot-links."""
    if keys := [each.edge.key for each in evidence]:
        await _look_at_pairs(connection, view, keys)
    everybody = list(view.identities)
    view.held = {record["id"] for record in await connection.fetch(_HELD_AT, everybody)}
    await _look_for_shared(connection, view)
    view.cannot_links = [CannotLink(*record) for record in await connection.fetch(_CANNOT_AMONG, everybody)]


async def _look_at_pairs(connection: Connection, view: View, keys: Collection[Key]) -> None:
    columns = [list(column) for column in zip(*keys, strict=True)]
    for record in await connection.fetch(_LINKS_OF_PAIRS, *columns):
        _keep(view, record)


async def _look_for_shared(connection: Connection, view: View) -> None:
    rows = [view.identities[each] for each in view.held if not view.identities[each].blocked]
    guards = [SHARED + row.kind for row in rows]
    if rows:
        found = await connection.fetch(_SHARED, [row.identity_id for row in rows], guards)
        view.shared = {record["id"] for record in found}


def _keep(view: View, record: asyncpg.Record) -> None:
    *columns, retracted_at = record
    link = LinkRow(*columns)
    if retracted_at is None:
        view.links[link.key] = link
    else:
        view.retracted[link.key] = max(retracted_at, view.retracted.get(link.key, retracted_at))


async def members_of(connection: Reader, profile_ids: Collection[UUID]) -> dict[UUID, list[IdentityRow]]:
    """Identities of profiles by the id asked for, present or past; ids that were never given are left out."""
    found: dict[UUID, list[IdentityRow]] = {}
    for record in await connection.fetch(_MEMBERS, list(profile_ids)):
        asked, *columns = record
        found.setdefault(asked, []).append(IdentityRow(*columns))
    return found


async def profiles_of(connection: Connection, identities: Collection[UUID]) -> dict[UUID, UUID]:
    """Profile of each of these identities that exists."""
    rows = await connection.fetch(
        "SELECT identity_id, profile_id FROM identity WHERE identity_id = ANY($1::uuid[])", list(identities)
    )
    return {row["identity_id"]: row["profile_id"] for row in rows}


async def first_seen_of(connection: Connection, identities: Collection[UUID]) -> dict[UUID, datetime]:
    """Time of the earliest evidence of each of these identities that exists."""
    rows = await connection.fetch(
        "SELECT identity_id, first_seen FROM identity WHERE identity_id = ANY($1::uuid[])", list(identities)
    )
    return {row["identity_id"]: row["first_seen"] for row in rows}


async def said_at(connection: Connection, keys: Collection[Key]) -> tuple[dict[Key, datetime], Mapping[Key, datetime]]:
    """Time of the evidence for each of these links that stands; and when others were retracted last."""
    view = View()
    if keys:
        await _look_at_pairs(connection, view, keys)
    return {key: link.evidence_at for key, link in view.links.items()}, view.retracted


async def seed_identity(connection: Connection, profile_id: UUID) -> UUID:
    """The identity that brought this profile id, which must exist."""
    identity: UUID = await connection.fetchval(
        "SELECT identity_id FROM identity WHERE seed_profile_id = $1", profile_id
    )
    return identity


async def aliases_to(connection: Connection, identities: Collection[UUID]) -> list[Evidence]:
    """What was said by alias about `identities`."""
    records = await connection.fetch(_ALIASES_TO, list(identities))
    return [
        Evidence(
            each["a"],
            each["b"],
            "alias",
            each["source"],
            each["evidence_at"],
            each["event_id"],
            None,
            each["confidence"],
        )
        for each in records
    ]


async def new_profile_ids(connection: Connection, count: int) -> list[UUID]:
    """Time-ordered ids."""
    return [
        record["id"] for record in await connection.fetch("SELECT uuidv7() AS id FROM generate_series(1, $1)", count)
    ]


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
