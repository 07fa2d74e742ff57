"""Asking profile-service who somebody is."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

import msgspec
from rapport.http import ServiceClient, ServiceUnavailable, decode
from rapport.identity import Identifier


class Traits(msgspec.Struct):
    """What an agent is shown of a profile."""

    display_name: str | None = None
    language: str | None = None
    traits: dict[str, Any] = {}


class OwnedIdentity(msgspec.Struct):
    """An identity of a profile."""

    identity_id: UUID
    kind: str


class Recognised(msgspec.Struct):
    """The profile that identifiers lead to, how sure that is, and all its identities."""

    profile_id: UUID
    confidence: float
    created: bool = False
    profile: Traits | None = None
    identities: list[OwnedIdentity] = []


class Found(msgspec.Struct):
    """A profile by its id; `current_profile_id` is the survivor if it was merged."""

    profile_id: UUID
    current_profile_id: UUID
    display_name: str | None = None
    language: str | None = None
    traits: dict[str, Any] = {}
    identities: list[OwnedIdentity] = []


class _Lookup(msgspec.Struct):
    items: list[Found]


class ProfileClient:
    """profile-service, within a time budget in seconds."""

    def __init__(self, service: ServiceClient, budget: float) -> None:
        self.service = service
        self._budget = budget

    async def resolve(self, identifiers: Sequence[Identifier], *, create: bool) -> Recognised | None:
        """The profile of these identifiers; None when unknown and not to be created. Raises `ServiceUnavailable`."""
        response = await self.service.post(
            "/v1/profiles/resolve",
            json={"identifiers": list(identifiers), "create": create, "include": ["profile"]},
            timeout=self._budget,
        )
        if response.status_code == 404:
            return None
        if response.status_code != 200:
            raise ServiceUnavailable("profile", f"resolve answered {response.status_code}")
        return decode(response, Recognised)

    async def find(self, profile_id: UUID) -> Found | None:
        """The profile by any id it ever had; None when there is none. Raises `ServiceUnavailable`."""
        response = await self.service.post(
            "/v1/profiles/lookup", json={"profile_ids": [profile_id]}, timeout=self._budget
        )
        if response.status_code != 200:
            raise ServiceUnavailable("profile", f"lookup answered {response.status_code}")
        return next(iter(decode(response, _Lookup).items), None)
