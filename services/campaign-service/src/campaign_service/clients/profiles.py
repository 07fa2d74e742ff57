"""profile-service as this service needs it: who somebody is, and whether we may write to them."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

import msgspec
from rapport.http import ServiceClient, ServiceUnavailable, decode

LOOKUP_LIMIT = 500
CONSENT_LIMIT = 1000


class KnownIdentity(msgspec.Struct):
    """One identifier of a customer."""

    identity_id: UUID
    kind: str
    value: str | None = None


class Person(msgspec.Struct):
    """A customer as looked up by `profile_id`, which may have been merged into `current_profile_id`."""

    profile_id: UUID
    current_profile_id: UUID | None = None
    display_name: str | None = None
    language: str | None = None
    time_zone: str | None = None
    traits: dict[str, Any] = {}
    identities: list[KnownIdentity] = []

    @property
    def current(self) -> UUID:
        """The profile id that the customer has now."""
        return self.current_profile_id or self.profile_id

    @property
    def facts(self) -> dict[str, Any]:
        """What a template can say about the customer."""
        named = {"display_name": self.display_name} if self.display_name else {}
        return {**self.traits, **named}


class _People(msgspec.Struct):
    items: list[Person]


class Permission(msgspec.Struct):
    """Whether we may write to a customer, and why (not)."""

    profile_id: UUID
    allowed: bool
    reason: str = "no_consent"


class _Permissions(msgspec.Struct):
    items: list[Permission]


class Profiles:
    """Calls to profile-service; all raise `ServiceUnavailable`."""

    def __init__(self, client: ServiceClient) -> None:
        self._client = client

    async def lookup(self, profile_ids: Sequence[UUID]) -> dict[UUID, Person]:
        """Customers by the id asked for; unknown ones are left out."""
        found: dict[UUID, Person] = {}
        for start in range(0, len(profile_ids), LOOKUP_LIMIT):
            body = {"profile_ids": list(profile_ids[start : start + LOOKUP_LIMIT])}
            response = await self._client.post("/v1/profiles/lookup", json=body, timeout=20)
            _accepted(response.status_code, response.text)
            found.update((person.profile_id, person) for person in decode(response, _People).items)
        return found

    async def permissions(self, profile_ids: Sequence[UUID], channel: str, purpose: str) -> dict[UUID, Permission]:
        """Whether each customer may be written to, by the id asked for."""
        found: dict[UUID, Permission] = {}
        for start in range(0, len(profile_ids), CONSENT_LIMIT):
            ids = list(profile_ids[start : start + CONSENT_LIMIT])
            body = {"profile_ids": ids, "channel": channel, "purpose": purpose}
            response = await self._client.post("/v1/consents/check", json=body, timeout=20)
            _accepted(response.status_code, response.text)
            found.update((each.profile_id, each) for each in decode(response, _Permissions).items)
        return found


def _accepted(status: int, text: str) -> None:
    if status != 200:
        raise ServiceUnavailable("profile-service", f"it answered {status}: {text[:200]}")
