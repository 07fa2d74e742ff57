"""The queue of profiles that segments have to look at again."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Final, NamedTuple
from uuid import UUID

from rapport.database import Connection

STANDING: Final = "standing"
CONSENT: Final = "consent"
IDENTITIES: Final = "identities"
RELATIONSHIP: Final = "relationship"
ANYTHING: Final = "*"
# Whoever has more causes than this is looked at as a whole.
_MOST_CAUSES: Final = 64

_PUT = f"""
    INSERT INTO unevaluated AS kept (profile_id, causes, version)
    SELECT profile_id, array_agg(DISTINCT cause), $3
    FROM unnest($1::uuid[], $2::text[]) AS given (profile_id, cause)
    GROUP BY profile_id ORDER BY profile_id
    ON CONFLICT (profile_id) DO UPDATE SET
        version = EXCLUDED.version,
        causes = CASE
            WHEN kept.causes @> EXCLUDED.causes THEN kept.causes
            WHEN cardinality(kept.causes) + cardinality(EXCLUDED.causes) > {_MOST_CAUSES} THEN ARRAY['{ANYTHING}']
            ELSE ARRAY(SELECT unnest(kept.causes) UNION SELECT unnest(EXCLUDED.causes))
        END
"""
_SOME = "SELECT profile_id, causes, since, version FROM unevaluated ORDER BY since LIMIT $1"
_DONE = """
    DELETE FROM unevaluated USING unnest($1::uuid[], $2::bigint[]) AS done (profile_id, version)
    WHERE unevaluated.profile_id = done.profile_id AND unevaluated.version = done.version
"""
_MORE_THAN = "SELECT count(*) > $1 FROM (SELECT FROM unevaluated LIMIT $1 + 1) AS counted"
_COMMON = """
    SELECT cause FROM unevaluated, unnest(causes) AS cause GROUP BY cause HAVING count(*) >= $1 ORDER BY cause
"""
_DROP = "DELETE FROM unevaluated WHERE causes <@ $1::text[]"
_DROP_CAUSES = """
    UPDATE unevaluated SET causes = ARRAY(SELECT unnest(causes) EXCEPT SELECT unnest($1::text[]))
    WHERE causes && $1::text[]
"""


class Waiting(NamedTuple):
    """A profile to be looked at; `version` tells whether something more has changed since this was read."""

    profile_id: UUID
    causes: list[str]
    since: datetime
    version: int


async def put(connection: Connection, causes: Mapping[UUID, Collection[str]], version: int) -> None:
    """Say what has changed of profiles, in the transaction and the turn of the change that `version` numbers."""
    profiles = [profile for profile, each in causes.items() for _ in each]
    if profiles:
        await connection.execute(_PUT, profiles, [cause for each in causes.values() for cause in each], version)


async def some(connection: Connection, limit: int) -> list[Waiting]:
    """Who has waited longest; nobody is held."""
    return [Waiting(*row) for row in await connection.fetch(_SOME, limit)]


async def done(connection: Connection, rows: Sequence[Waiting]) -> None:
    """Take profiles off the queue, but for those that something has changed of since they were read."""
    await connection.execute(_DONE, [each.profile_id for each in rows], [each.version for each in rows])


async def more_than(connection: Connection, number: int) -> bool:
    """Whether more profiles wait."""
    return bool(await connection.fetchval(_MORE_THAN, number))


async def common(connection: Connection, least: int) -> list[str]:
    """The causes that at least so many profiles wait for."""
    return [row[0] for row in await connection.fetch(_COMMON, least)]


async def drop(connection: Connection, causes: Collection[str]) -> None:
    """Have nobody wait for these causes any more; in the turn in which somebody else has taken them over."""
    await connection.execute(_DROP, list(causes))
    await connection.execute(_DROP_CAUSES, list(causes))
