"""What customers see and say on their own pages."""

from collections.abc import Collection
from datetime import UTC, tzinfo
from uuid import UUID
from zoneinfo import ZoneInfo

from rapport.database import Connection

from profile_service.consents import service as consents
from profile_service.consents.repository import OptIn, asked
from profile_service.consents.rules import GRANTED, PENDING, Status
from profile_service.customer_links import CustomerLinks
from profile_service.ledger import repository as ledger
from profile_service.policy import ConsentPolicy
from profile_service.preferences.errors import LinkUnknown
from profile_service.preferences.page import Choices, Topic
from profile_service.preferences.texts import Texts, choose
from profile_service.profiles import service as profiles
from profile_service.profiles.rules import Profile
from profile_service.pseudonyms import Pseudonyms


async def opened(connection: Connection, links: CustomerLinks, token: str) -> Profile:
    """The customer that a link opens the page of; raises `LinkUnknown`."""
    asked_for = links.profile_of(token)
    found = await profiles.read_many(connection, [asked_for]) if asked_for else {}
    if asked_for not in found:
        raise LinkUnknown
    return found[asked_for]


def language(profile: Profile | None, asked_for: str | None, header: str | None) -> Texts:
    """The texts for a customer: what the page was asked for in, the browser's language, the file's, English."""
    return choose(asked_for, header, profile.traits.get("language") if profile else None)


async def choices(connection: Connection, pseudonyms: Pseudonyms, policy: ConsentPolicy, profile: Profile) -> Choices:
    """What a customer allows at present."""
    _, words = await consents.listed(connection, profile.profile_id)
    said = {word.topic: word for word, _ in words}
    channels = list(dict.fromkeys([*policy.channels, *sorted(channel for channel, _ in said)]))
    purposes = list(dict.fromkeys([*policy.purposes, *sorted(purpose for _, purpose in said)]))
    reasons = {
        channel: (await consents.check(connection, pseudonyms, [profile.profile_id], channel, purposes[0]))[0][1]
        for channel in channels
    }
    return Choices(
        channels,
        purposes,
        said,
        frozenset(channel for channel, reason in reasons.items() if reason == "suppressed"),
        "restricted" in reasons.values(),
        _time_zone(profile),
    )


async def save(
    connection: Connection, profile_id: UUID, shown: Choices, allowed: Collection[str], texts: Texts
) -> None:
    """Note what has changed: ticked is a grant, a tick removed withdraws one; what was never ticked stays unsaid."""
    changes: dict[Topic, Status] = {}
    for topic in _topics(shown):
        word = shown.words.get(topic)
        granted = word is not None and word.status == GRANTED
        if ("/".join(topic) in allowed) is not granted:
            changes[topic] = "withdrawn" if granted else "granted"
    await _say(connection, profile_id, changes, texts)


async def refuse_all(connection: Connection, profile_id: UUID, shown: Choices, texts: Texts) -> None:
    """Note that the customer wants nothing of all that the page shows."""
    changes: dict[Topic, Status] = {}
    for topic in _topics(shown):
        word = shown.words.get(topic)
        if word is None or word.status in {GRANTED, PENDING}:
            changes[topic] = "withdrawn" if word is not None and word.status == GRANTED else "denied"
    await _say(connection, profile_id, changes, texts)


async def waiting(connection: Connection, links: CustomerLinks, token: str) -> tuple[OptIn, Profile]:
    """The grant that a link confirms, and its customer; raises `LinkUnknown`."""
    opt_in_id = links.opt_in_of(token)
    found = await asked(connection, opt_in_id) if opt_in_id else None
    owners = await ledger.profiles_of(connection, [found.identity_id]) if found else {}
    if found is None or found.identity_id not in owners:
        raise LinkUnknown
    return found, await profiles.read(connection, owners[found.identity_id])


async def _say(connection: Connection, profile_id: UUID, changes: dict[Topic, Status], texts: Texts) -> None:
    proof = f"The customer said so on the preference page, shown in {texts.tag}, opened by their signed link."
    await consents.say(connection, profile_id, changes, "preference page", proof)


def _topics(shown: Choices) -> list[Topic]:
    return [(channel, purpose) for channel in shown.channels for purpose in shown.purposes]


def _time_zone(profile: Profile) -> tzinfo:
    name = profile.traits.get("time_zone")
    return ZoneInfo(name) if isinstance(name, str) else UTC
