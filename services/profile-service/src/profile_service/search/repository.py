"""The SQL of searching.

A dictionary of the distinct words of all names finds spellings (trigrams, sound, letters, beginning); an inverted index
from words to customers finds who has one of these spellings for each word asked for.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Final
from uuid import UUID

from rapport.database import Connection

from profile_service.ledger.repository import Reader
from profile_service.search.rules import Indexed, letters, sound

WINDOW: Final = 1_000  # customers ranked for one query at most
_TURN: Final = 5_403  # class of the advisory lock under which the index is brought up to date

_WAITING = "SELECT count(*) FROM (SELECT FROM search_pending LIMIT $1) AS waiting"
_TAKE = """
    DELETE FROM search_pending WHERE pending_id IN (SELECT pending_id FROM search_pending ORDER BY pending_id LIMIT $1)
    RETURNING identity_id, profile_id
"""
_LOOK_AGAIN = "INSERT INTO search_pending (profile_id) SELECT unnest($1::uuid[])"
_MEMBERS = """
    SELECT identity_id, profile_id FROM identity WHERE profile_id IN (
        SELECT profile_id FROM identity WHERE identity_id = ANY($1::uuid[]) UNION SELECT unnest($2::uuid[]))
"""
_INDEXED = "SELECT words FROM search_name WHERE profile_id = ANY($1::uuid[])"
_FORGET = "DELETE FROM search_name WHERE profile_id = ANY($1::uuid[])"
_KEEP = """
    INSERT INTO search_name AS old (profile_id, words, current)
    SELECT profile_id, string_to_array(words, ' '), string_to_array(current, ' ')
    FROM unnest($1::uuid[], $2::text[], $3::text[]) AS new(profile_id, words, current)
    ON CONFLICT (profile_id) DO UPDATE SET words = excluded.words, current = excluded.current
    WHERE (old.words, old.current) <> (excluded.words, excluded.current)
"""
_ADD_WORDS = """
    INSERT INTO search_word (word, sound, letters) SELECT * FROM unnest($1::text[], $2::text[], $3::text[])
    ON CONFLICT DO NOTHING
"""
_FORGET_WORDS = """
    DELETE FROM search_word WHERE word = ANY($1::text[])
      AND NOT EXISTS (SELECT FROM search_name WHERE words @> ARRAY[search_word.word])
"""
_SPELLINGS = """
    SELECT asked.word AS asked, near.word
    FROM unnest($1::text[], $2::text[], $3::text[], $4::text[]) AS asked(word, sound, letters, beginning)
    CROSS JOIN LATERAL (
        (SELECT word FROM search_word WHERE word % asked.word ORDER BY word <-> asked.word LIMIT 40)
        UNION
        (SELECT word FROM search_word WHERE sound = asked.sound AND sound <> '' ORDER BY word <-> asked.word LIMIT 40)
        UNION
        (SELECT word FROM search_word WHERE letters = asked.letters LIMIT 40)
        UNION
        (SELECT word FROM search_word WHERE word LIKE asked.beginning LIMIT 40)
    ) AS near
"""
_EMAILS = """
    SELECT profile_id, value FROM identity WHERE kind = 'email' AND value LIKE $1 ORDER BY value LIMIT $2
"""
_PHONES = """
    SELECT profile_id, value FROM identity WHERE kind = 'phone' AND reverse(value) LIKE $1 ORDER BY value LIMIT $2
"""


async def waiting(connection: Reader, most: int) -> int:
    """How many changes the index has not seen, counted up to `most`."""
    return int(await connection.fetchval(_WAITING, most))


async def take(connection: Connection, most: int, *, wait: bool) -> dict[UUID, list[UUID]] | None:
    """Take changes out of the queue, alone until the transaction ends: profiles they touch, with identities.

    None where somebody else is at it, unless to `wait`.
    """
    if wait:
        await connection.execute("SELECT pg_advisory_xact_lock($1, 0)", _TURN)
    elif not await connection.fetchval("SELECT pg_try_advisory_xact_lock($1, 0)", _TURN):
        return None
    taken = await connection.fetch(_TAKE, most)
    identities = [each["identity_id"] for each in taken if each["identity_id"] is not None]
    profiles = [each["profile_id"] for each in taken if each["profile_id"] is not None]
    found: dict[UUID, list[UUID]] = {each: [] for each in profiles}
    for row in await connection.fetch(_MEMBERS, identities, profiles):
        found.setdefault(row["profile_id"], []).append(row["identity_id"])
    return found


async def look_again(connection: Connection, profiles: Collection[UUID]) -> None:
    """Queue profiles whose names have changed by time alone."""
    await connection.execute(_LOOK_AGAIN, list(profiles))


async def replace(connection: Connection, indexed: Mapping[UUID, Indexed]) -> None:
    """Set what these profiles are found by; words that nobody has any more are forgotten."""
    before = {word for row in await connection.fetch(_INDEXED, list(indexed)) for word in row["words"]}
    kept = {profile: each for profile, each in indexed.items() if each.words}
    await connection.execute(_FORGET, [profile for profile in indexed if profile not in kept])
    await connection.execute(
        _KEEP,
        list(kept),
        [" ".join(each.words) for each in kept.values()],
        [" ".join(each.current) for each in kept.values()],
    )
    now = {word for each in kept.values() for word in each.words}
    new = sorted(now - before)
    await connection.execute(_ADD_WORDS, new, [sound(word) for word in new], [letters(word) for word in new])
    if gone := sorted(before - now):
        await connection.execute(_FORGET_WORDS, gone)


async def spellings(connection: Connection, asked: Sequence[str]) -> dict[str, list[str]]:
    """Words of names that may be meant by each of the words asked for."""
    # One wrong letter leaves a short word a fifth of its trigrams; two letters swapped may leave fewer.
    await connection.execute("SET LOCAL pg_trgm.similarity_threshold = 0.2")
    rows = await connection.fetch(
        _SPELLINGS,
        list(asked),
        [sound(word) for word in asked],
        [letters(word) for word in asked],
        [_beginning(word) for word in asked],
    )
    found: dict[str, list[str]] = {word: [] for word in asked}
    for row in rows:
        found[row["asked"]].append(row["word"])
    return found


async def having(connection: Connection, spelt: Iterable[Collection[str]], most: int) -> dict[UUID, Indexed]:
    """Customers whose names have one of the spellings of each word, at most `most`, in no order."""
    # Without these a word that many have is looked for by reading the whole table.
    await connection.execute("SET LOCAL enable_seqscan = off")
    words = [list(each) for each in spelt]
    terms = " AND ".join(f"words && ${number}::text[]" for number, _ in enumerate(words, 2))
    sql = f"SELECT profile_id, words, current FROM search_name WHERE {terms} LIMIT $1"
    rows = await connection.fetch(sql, most, *words)
    return {row["profile_id"]: Indexed(tuple(row["words"]), tuple(row["current"])) for row in rows}


async def with_email(connection: Connection, beginning: str, most: int) -> list[tuple[UUID, str]]:
    """Customers with an e-mail address that begins so."""
    return [(row[0], row[1]) for row in await connection.fetch(_EMAILS, _beginning(beginning), most)]


async def with_phone(connection: Connection, end: str, most: int) -> list[tuple[UUID, str]]:
    """Customers with a phone number that ends in these digits."""
    return [(row[0], row[1]) for row in await connection.fetch(_PHONES, _beginning(end[::-1]), most)]


def _beginning(text: str) -> str:
    return text.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_") + "%"
