"""Many profiles for another service that keeps a copy of them."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from uuid import UUID

from rapport.database import Connection

from profile_service.consents import repository as consents
from profile_service.consents.rules import Entry, strictest
from profile_service.profiles import repository
from profile_service.profiles.rules import Profile


@dataclass(frozen=True, slots=True)
class Permissions:
    """What a customer allows by their own word, one entry for each channel and purpose, and whether data may be used.

    Do-not-contact lists are looked at when somebody is contacted, not here.
    """

    words: Sequence[Entry]
    restricted: bool


async def permissions(connection: Connection, profiles: Collection[Profile]) -> Mapping[UUID, Permissions]:
    """By present profile id; the strictest word of all identities counts."""
    identities = [identity for profile in profiles for identity in profile.identity_ids]
    said: dict[UUID, list[Entry]] = {}
    for entry in await consents.current_of(connection, identities):
        said.setdefault(entry.identity_id, []).append(entry)
    restricted = await repository.restricted(connection, identities)
    return {
        profile.profile_id: Permissions(
            _strictest([entry for identity in profile.identity_ids for entry in said.get(identity, ())]),
            not restricted.isdisjoint(profile.identity_ids),
        )
        for profile in profiles
    }


def _strictest(entries: Sequence[Entry]) -> list[Entry]:
    by_topic: dict[tuple[str, str], list[Entry]] = {}
    for entry in entries:
        by_topic.setdefault(entry.topic, []).append(entry)
    return [strictest(by_topic[topic]) for topic in sorted(by_topic)]
