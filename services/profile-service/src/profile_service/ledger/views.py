"""The part of the ledger that a decision needs, in a few statements however many identities it is about."""

from collections.abc import Collection, Iterable, Mapping
from datetime import datetime
from uuid import UUID

import asyncpg
from rapport.database import Connection

from profile_service.ledger.records import Evidence, IdentityRow, Key, LinkRow, View
from profile_service.ledger.repository import IDENTITY, plan_anew
from profile_service.ledger.rules import SHARED, CannotLink, Edge

_LINK = "link_id, a, b, kind, state, guards, evidence_at, event_id, source"

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
        {IDENTITY}
    FROM unnest($1::uuid[]) AS id LEFT JOIN identity ON identity_id = id
"""
_PROFILES_OF = f"""
    SELECT {IDENTITY} FROM identity
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
    SELECT {IDENTITY} FROM identity JOIN cluster ON identity_id = id
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
# In an order that one index has: else all held links may be gone through to find one.
_HELD_AT = """
    SELECT id FROM unnest($1::uuid[]) AS id
    WHERE coalesce(
        (SELECT true FROM link WHERE a = id AND state = 'held' AND retracted_at IS NULL ORDER BY evidence_at LIMIT 1),
        (SELECT true FROM link WHERE b = id AND state = 'held' AND retracted_at IS NULL ORDER BY evidence_at LIMIT 1),
        false
    )
"""
_SHARED = """
    SELECT id FROM unnest($1::uuid[], $2::text[]) AS asked(id, guard)
    WHERE coalesce(
        (SELECT true FROM link
         WHERE a = id AND state = 'held' AND retracted_at IS NULL AND guard = ANY(guards) ORDER BY evidence_at LIMIT 1),
        (SELECT true FROM link
         WHERE b = id AND state = 'held' AND retracted_at IS NULL AND guard = ANY(guards) ORDER BY evidence_at LIMIT 1),
        false
    )
"""
_INSIDE = """
    SELECT evidence_at, kind, a, b FROM link
    WHERE a = ANY($1::uuid[]) AND b = ANY($1::uuid[]) AND state = 'accepted' AND retracted_at IS NULL
"""
_SHARED_SINCE = """
    SELECT id, least(
        (SELECT evidence_at FROM link
         WHERE a = id AND state = 'held' AND retracted_at IS NULL AND guard = ANY(guards)
         ORDER BY evidence_at LIMIT 1),
        (SELECT evidence_at FROM link
         WHERE b = id AND state = 'held' AND retracted_at IS NULL AND guard = ANY(guards)
         ORDER BY evidence_at LIMIT 1)
    ) AS since
    FROM unnest($1::uuid[], $2::text[]) AS asked(id, guard)
"""
_CANNOT_AMONG = """
    SELECT a, b, made_at FROM cannot_link
    WHERE a = ANY($1::uuid[]) AND b = ANY($1::uuid[]) AND withdrawn_at IS NULL
"""


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
    await plan_anew(connection)
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
    asked = {key for each in evidence for key in (each.edge.key, each.rests_on) if key is not None}
    everybody = list(view.identities)
    # Of whole clusters all links are in view already.
    if keys := sorted(key for key in asked if key[0] not in view.deep):
        await _look_at_pairs(connection, view, keys)
    if view.deep.issuperset(everybody):
        _tell_held(view)
    else:
        view.held = {record["id"] for record in await connection.fetch(_HELD_AT, everybody)}
        await _look_for_shared(connection, view)
    view.cannot_links = [CannotLink(*record) for record in await connection.fetch(_CANNOT_AMONG, everybody)]


async def add_past(connection: Connection, view: View) -> None:
    """Add to `view` what made its profiles, and since when shared identities in it are so; after all else."""
    everybody = list(view.identities)
    view.inside = [Edge(*record) for record in await connection.fetch(_INSIDE, everybody)]
    guards = [SHARED + view.identities[each].kind for each in view.shared]
    if guards:
        found = await connection.fetch(_SHARED_SINCE, list(view.shared), guards)
        view.shared_since = {record["id"]: record["since"] for record in found}
    view.past = True


async def _look_at_pairs(connection: Connection, view: View, keys: Collection[Key]) -> None:
    columns = [list(column) for column in zip(*keys, strict=True)]
    for record in await connection.fetch(_LINKS_OF_PAIRS, *columns):
        _keep(view, record)


def _tell_held(view: View) -> None:
    held = [(link, end) for link in view.links.values() if link.state == "held" for end in (link.a, link.b)]
    view.held = {end for _, end in held if end in view.identities}
    view.shared = {
        end
        for link, end in held
        if (row := view.identities.get(end)) is not None and not row.blocked and SHARED + row.kind in link.guards
    }


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


async def said_at(connection: Connection, keys: Collection[Key]) -> tuple[dict[Key, datetime], Mapping[Key, datetime]]:
    """Time of the evidence for each of these links that stands; and when others were retracted last."""
    view = View()
    if keys:
        await _look_at_pairs(connection, view, keys)
    return {key: link.evidence_at for key, link in view.links.items()}, view.retracted
