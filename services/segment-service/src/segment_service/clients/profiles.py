"""profile-service as this service needs it: what is known of many profiles."""

from collections.abc import Collection, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any, Final
from uuid import UUID

import msgspec
from rapport.http import ServiceClient, ServiceUnavailable

LIMIT: Final = 1_000
_SECONDS: Final = 20


class Consent(msgspec.Struct):
    """The word that counts on a channel for a purpose."""

    channel: str
    purpose: str
    status: str
    until: datetime | None = None


class Found(msgspec.Struct):
    """A profile by the id asked for; `until` is when it changes by time alone."""

    profile_id: UUID
    current_profile_id: UUID
    kind: str
    created_at: datetime
    traits: dict[str, Any]
    consents: list[Consent]
    restricted: bool
    until: datetime | None = None


class _Answer(msgspec.Struct):
    items: list[Found]


# What is compared as a decimal must not pass through binary fractions.
_answer = msgspec.json.Decoder(_Answer, float_hook=Decimal)


async def lookup(client: ServiceClient, profile_ids: Collection[UUID]) -> Sequence[Found]:
    """Profiles by ids present or past, at most `LIMIT`; unknown ones are left out. Raises `ServiceUnavailable`."""
    body = {"profile_ids": list(profile_ids), "include": ["permissions"]}
    response = await client.post("/v1/profiles/lookup", json=body, timeout=_SECONDS)
    if response.status_code != 200:
        raise ServiceUnavailable(client.name, f"lookup answered {response.status_code}: {response.text[:200]}")
    try:
        return _answer.decode(response.content).items
    except msgspec.MsgspecError as error:
        raise ServiceUnavailable(client.name, f"its answer to a lookup is not as agreed: {error}") from error
