"""Noting what customers allow, and answering whether they may be contacted."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from itertools import groupby
from uuid import UUID

import asyncpg
from rapport import feed
from rapport.database import Connection
from rapport.feed import Event

from profile_service.consents import repository
from profile_service.consents.errors import UnknownOptIn
from profile_service.consents.repository import OptIn
from profile_service.consents.rules import (
    GRANTED,
    PENDING,
    Entry,
    Reason,
    Status,
    current,
    needs_confirmation,
    shown,
    strictest,
    verdict,
)
from profile_service.consents.schemas import ConsentBody
from profile_service.errors import UnknownProfile
from profile_service.ledger import repository as ledger
from profile_service.ledger.records import IdentityRow
from profile_service.policy import Policy
from profile_service.profiles.repository import lock_document
from profile_service.pseudonyms import Pseudonyms

Word = tuple[Entry, list[Entry]]


async def put(
    connection: Connection, policy: Policy, profile_id: UUID, channel: str, purpose: str, body: ConsentBody
) -> tuple[UUID, Word, OptIn | None]:
    """Note a word of the customer as a whole; the profile, the word that counts now, what waits for confirmation.

    It stays with the identity that brought the id, and takes the place of what other identities of the profile had
    said: the customer has now been asked. A word that a later merge brings in counts again, if it is stricter. A grant
    that needs a double opt-in counts for nothing until it is confirmed. Raises `UnknownProfile`.
    """
    members = await _members(connection, profile_id)
    await lock_document(connection, members[0].profile_id)
    at = body.at or datetime.now(UTC)
    owner = next(each.identity_id for each in members if each.seed_profile_id == profile_id)
    entry = Entry(owner, channel, purpose, body.status, body.lawful_basis, body.source, body.proof, at, at)
    asked = None
    if body.status == GRANTED and (
        body.double_opt_in or needs_confirmation(channel, purpose, policy.consents.double_opt_in)
    ):
        asked = await _ask(connection, policy, members[0].profile_id, entry)
    else:
        await _note_for_all(connection, members, entry)
    words = await _words(connection, members)
    return members[0].profile_id, words[channel, purpose], asked


async def confirm(connection: Connection, opt_in_id: UUID) -> OptIn:
    """Let a grant count that the customer has confirmed; doing it again changes nothing. Raises `UnknownOptIn`."""
    asked = await repository.asked(connection, opt_in_id)
    if asked is None:
        raise UnknownOptIn
    now = datetime.now(UTC)
    profiles = await ledger.profiles_of(connection, [asked.identity_id])
    if asked.identity_id not in profiles:
        raise UnknownOptIn
    members = await _members(connection, profiles[asked.identity_id])
    await lock_document(connection, members[0].profile_id)
    if await repository.confirmed(connection, opt_in_id, now):
        said = f"Asked for at {asked.at:%Y-%m-%d %H:%M}, confirmed at {now:%Y-%m-%d %H:%M} UTC by link {opt_in_id}."
        proof = f"{asked.proof} {said}" if asked.proof else said
        entry = replace(asked.entry, status=GRANTED, proof=proof, at=now, confirmed_at=now)
        await _note_for_all(connection, members, entry)
    return asked


async def listed(connection: Connection, profile_id: UUID) -> tuple[UUID, list[Word]]:
    """The profile, and for each channel and purpose the word that counts with the history; raises `UnknownProfile`."""
    members = await _members(connection, profile_id)
    return members[0].profile_id, list((await _words(connection, members)).values())


async def say(
    connection: Connection, profile_id: UUID, words: Mapping[tuple[str, str], Status], source: str, proof: str
) -> None:
    """Note what the customer has said on several channels and purposes at once; raises `UnknownProfile`."""
    members = await _members(connection, profile_id)
    await lock_document(connection, members[0].profile_id)
    owner = next(each.identity_id for each in members if each.seed_profile_id == profile_id)
    now = datetime.now(UTC)
    for (channel, purpose), status in words.items():
        basis = "consent" if status == GRANTED else None
        await _note_for_all(connection, members, Entry(owner, channel, purpose, status, basis, source, proof, now, now))


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
    connection: Connection, pseudonyms: Pseudonyms, profile_ids: Sequence[UUID], channel: str, purpose: str
) -> list[tuple[UUID, Reason]]:
    """Why each customer may be contacted (`granted`) or may not (anything else), in the order asked."""
    found = await repository.standing(connection, pseudonyms, profile_ids, channel, purpose)

    def reason(profile_id: UUID) -> Reason:
        return verdict(found[profile_id]) if profile_id in found else "unknown_profile"

    return [(each, reason(each)) for each in profile_ids]


async def sources(
    connection: Connection, pseudonyms: Pseudonyms, profile_ids: Sequence[UUID], channel: str, purpose: str
) -> dict[UUID, list[asyncpg.Record]]:
    """What speaks for or against contacting each customer, by the id asked for, newest first."""
    return await repository.sources(connection, pseudonyms, profile_ids, channel, purpose)


async def _members(connection: Connection, profile_id: UUID) -> list[IdentityRow]:
    members = (await ledger.members_of(connection, [profile_id])).get(profile_id)
    if not members:
        raise UnknownProfile(f"There is no profile {profile_id}.")
    return members


async def _words(connection: Connection, members: Collection[IdentityRow]) -> dict[tuple[str, str], Word]:
    identities = [each.identity_id for each in members]
    history = await repository.history_of(connection, identities)
    waiting = [each.entry for each in await repository.waiting(connection, identities)]
    words: dict[tuple[str, str], Word] = {}
    everything = sorted([*history, *waiting], key=lambda each: each.topic)
    for topic, entries in groupby(everything, key=lambda each: each.topic):
        said = list(entries)
        by_identity: dict[UUID, list[Entry]] = {}
        for each in said:
            if each.status != PENDING:
                by_identity.setdefault(each.identity_id, []).append(each)
        counts = strictest([current(each) for each in by_identity.values()]) if by_identity else None
        ordered = sorted(said, key=lambda each: (each.confirmed_at, each.at), reverse=True)
        words[topic] = shown(counts, [each for each in said if each.status == PENDING]), ordered
    return words


async def _note_for_all(connection: Connection, members: Collection[IdentityRow], entry: Entry) -> None:
    """Note a word with its identity, and in place of what other identities of the profile had said."""
    said = await repository.current_of(connection, [each.identity_id for each in members])
    speakers = {each.identity_id for each in said if each.topic == entry.topic}
    await note(connection, [replace(entry, identity_id=each) for each in sorted({entry.identity_id, *speakers})])


async def _ask(connection: Connection, policy: Policy, profile_id: UUID, entry: Entry) -> OptIn:
    now = datetime.now(UTC)
    asked = await repository.ask(connection, entry, now + policy.consents.confirm_within)
    data = {
        "profile_id": str(profile_id),
        "identity_id": str(entry.identity_id),
        "opt_in_id": str(asked.opt_in_id),
        "channel": entry.channel,
        "purpose": entry.purpose,
        "expires_at": asked.expires_at,
    }
    await feed.append(
        connection, [Event(type="consent.confirmation_requested", time=now, subject=str(profile_id), data=data)]
    )
    return asked


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
