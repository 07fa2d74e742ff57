"""Noting what customers allow, and answering whether they may be contacted."""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from itertools import groupby
from uuid import UUID

import asyncpg
from rapport import feed
from rapport.database import Connection
from rapport.feed import Event
from rapport.identity import Identifier, identity_id

from profile_service.consents import repository
from profile_service.consents.errors import UnknownSuppression
from profile_service.consents.rules import GRANTED, Entry, Reason, current, strictest, verdict
from profile_service.consents.schemas import ConsentBody, SuppressionBody
from profile_service.errors import UnknownProfile
from profile_service.ledger import repository as ledger
from profile_service.ledger.records import IdentityRow
from profile_service.profiles.repository import lock_document

Word = tuple[Entry, list[Entry]]


async def put(
    connection: Connection, profile_id: UUID, channel: str, purpose: str, body: ConsentBody
) -> tuple[UUID, Word]:
    """Note a word of the customer as a whole; the profile and the word that counts now. Raises `UnknownProfile`.

    It stays with the identity that brought the id, and takes the place of what other identities of the profile had
    said: the customer has now been asked. A word that a later merge brings in counts again, if it is stricter.
    """
    members = await _members(connection, profile_id)
    await lock_document(connection, members[0].profile_id)
    at = body.at or datetime.now(UTC)
    owner = next(each.identity_id for each in members if each.seed_profile_id == profile_id)
    said = await repository.current_of(connection, [each.identity_id for each in members])
    speakers = {each.identity_id for each in said if (each.channel, each.purpose) == (channel, purpose)}
    entries = [
        Entry(each, channel, purpose, body.status, body.lawful_basis, body.source, body.proof, at, at)
        for each in sorted({owner, *speakers})
    ]
    await note(connection, entries)
    words = await _words(connection, members)
    return members[0].profile_id, words[channel, purpose]


async def listed(connection: Connection, profile_id: UUID) -> tuple[UUID, list[Word]]:
    """The profile, and for each channel and purpose the word that counts with the history; raises `UnknownProfile`."""
    members = await _members(connection, profile_id)
    return members[0].profile_id, list((await _words(connection, members)).values())


async def note(connection: Connection, entries: Iterable[Entry]) -> None:
    """Add to the history what is new in `entries` of any identities, and announce it."""
    ordered = sorted(entries, key=lambda each: (each.subject, each.at, each.status == GRANTED))
    now = {
        each.subject: each for each in await repository.current_of(connection, {each.identity_id for each in ordered})
    }
    added: list[Entry] = []
    confirmed: dict[tuple[UUID, str, str, datetime], Entry] = {}
    for entry in ordered:
        before = now.get(entry.subject)
        if before is not None and entry.repeats(before):
            again = now[entry.subject] = replace(before, confirmed_at=entry.at)
            if before in added:
                added[added.index(before)] = again
            else:
                confirmed[*entry.subject, before.at] = again
        elif before is None or entry != before:
            added.append(entry)
            now[entry.subject] = current([entry] if before is None else [entry, before])
    await repository.add(connection, added)
    await repository.confirm(connection, confirmed.values())
    await _announce(connection, added)


async def check(
    connection: Connection, profile_ids: Sequence[UUID], channel: str, purpose: str
) -> list[tuple[UUID, Reason]]:
    """Why each customer may be contacted (`granted`) or may not (anything else), in the order asked."""
    found = await repository.standing(connection, profile_ids, channel, purpose)
    return [
        (each, verdict(found[each][0], suppressed=found[each][1]) if each in found else "unknown_profile")
        for each in profile_ids
    ]


async def suppress(connection: Connection, identifier: Identifier, body: SuppressionBody) -> asyncpg.Record:
    """Keep anybody from contacting an identifier, whether or not it belongs to somebody known."""
    row = await repository.suppress(connection, identifier, body.channel, body.reason, body.source)
    if row["is_new"]:
        await _tell_suppression(connection, "suppression.added", row)
    return row


async def lift(connection: Connection, suppression_id: UUID) -> None:
    """Remove a do-not-contact entry; raises `UnknownSuppression`."""
    row = await repository.lift(connection, suppression_id)
    if row is None:
        raise UnknownSuppression(f"There is no entry {suppression_id}.")
    await _tell_suppression(connection, "suppression.removed", row)


async def suppressions(
    connection: Connection, identifier: Identifier | None, before: UUID | None, limit: int
) -> list[asyncpg.Record]:
    """Do-not-contact entries, newest first."""
    identity = None if identifier is None else identity_id(identifier.kind, identifier.value)
    return await repository.suppressions(connection, identity, before, limit)


async def _members(connection: Connection, profile_id: UUID) -> list[IdentityRow]:
    members = (await ledger.members_of(connection, [profile_id])).get(profile_id)
    if not members:
        raise UnknownProfile(f"There is no profile {profile_id}.")
    return members


async def _words(connection: Connection, members: Collection[IdentityRow]) -> dict[tuple[str, str], Word]:
    history = await repository.history_of(connection, [each.identity_id for each in members])
    words: dict[tuple[str, str], Word] = {}
    topics = sorted(history, key=lambda each: (each.channel, each.purpose))
    for topic, entries in groupby(topics, key=lambda each: (each.channel, each.purpose)):
        said = list(entries)
        by_identity = {
            each.identity_id: [entry for entry in said if entry.identity_id == each.identity_id] for each in said
        }
        words[topic] = strictest([current(each) for each in by_identity.values()]), said
    return words


async def _announce(connection: Connection, entries: Collection[Entry]) -> None:
    if not entries:
        return
    profiles = await ledger.profiles_of(connection, {each.identity_id for each in entries})
    now = datetime.now(UTC)
    events = []
    for each in entries:
        profile_id = str(profiles[each.identity_id])
        data = {
            "profile_id": profile_id,
            "identity_id": str(each.identity_id),
            "channel": each.channel,
            "purpose": each.purpose,
            "status": each.status,
            "at": each.at,
        }
        events.append(Event(type="consent.changed", time=now, subject=profile_id, data=data))
    await feed.append(connection, events)


async def _tell_suppression(connection: Connection, name: str, row: asyncpg.Record) -> None:
    data = {"identity_id": str(row["identity_id"]), "channel": row["channel"]}
    await feed.append(connection, [Event(type=name, time=datetime.now(UTC), subject=data["identity_id"], data=data)])
