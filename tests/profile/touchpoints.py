"""Touchpoints as they come over the feed of interaction-service, taken without running it."""

from collections.abc import Iterable
from datetime import datetime
from functools import cache
from itertools import count
from typing import Any

import msgspec
from profile_service.consumers import interaction
from profile_service.main import create_app
from profile_service.policy import Policy
from profile_service.settings import ProfileSettings
from rapport.feed import ReceivedEvent
from rapport.identity import identity_id

from tests.profile.conftest import Profiles

_numbers = count(1)


@cache
def policy() -> Policy:
    """What a firm has set that changed nothing."""
    settings = ProfileSettings(database_url="postgresql+asyncpg://app@/none", default_country="TW")
    made: Policy = create_app(settings).state.policy
    return made


def identify(identifier: tuple[str, str], traits: dict[str, Any], at: datetime) -> ReceivedEvent:
    """An identify call of a customer known by one canonical identifier."""
    return touchpoint(identifier, at, type="identify", data={"traits": traits})


def touchpoint(identifier: tuple[str, str], at: datetime, **more: Any) -> ReceivedEvent:
    """Something a customer did, known by one canonical identifier."""
    number = str(next(_numbers))
    kind, value = identifier
    said = {
        "touchpoint_id": number,
        "identity_id": str(identity_id(kind, value)),
        "identifiers": [{"kind": kind, "value": value}],
        "type": "track",
        "occurred_at": at.isoformat(),
        "source": "web",
        "data": {},
        **more,
    }
    return ReceivedEvent(number, "touchpoint.recorded", at, msgspec.Raw(msgspec.json.encode(said)))


async def hear(profiles: Profiles, events: Iterable[ReceivedEvent]) -> None:
    """Take a batch as the follower of the feed does."""
    async with profiles.database.transaction() as connection:
        await interaction.apply(connection, policy(), list(events))
