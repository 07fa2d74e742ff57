"""segment-service as this service needs it: who belongs to an audience."""

from typing import Any
from uuid import UUID

import msgspec
from rapport.http import ServiceClient, ServiceUnavailable, decode


class Member(msgspec.Struct):
    """One customer of an audience."""

    profile_id: UUID


class AudiencePage(msgspec.Struct):
    """Part of an audience, and where it goes on."""

    items: list[Member]
    next_cursor: str | None = None
    total: int | None = None


class AudienceRefused(Exception):
    """segment-service does not accept the rule; the message says why, `errors` where."""

    def __init__(self, detail: str, errors: list[dict[str, str]]) -> None:
        super().__init__(detail)
        self.detail = detail
        self.errors = errors


class _Refusal(msgspec.Struct):
    detail: str = "it gave no reason"
    errors: list[dict[str, str]] = []


class Segments:
    """Calls to segment-service."""

    def __init__(self, client: ServiceClient) -> None:
        self._client = client

    async def audience(self, rule: dict[str, Any], limit: int, cursor: str | None, seconds: float = 60) -> AudiencePage:
        """A page of the customers a rule describes; raises `AudienceRefused`, `ServiceUnavailable`."""
        body = {"rule": rule, "limit": limit, "cursor": cursor}
        response = await self._client.post("/v1/audiences", json=body, timeout=seconds)
        if response.status_code in {400, 422}:
            refusal = decode(response, _Refusal)
            raise AudienceRefused(refusal.detail, refusal.errors)
        if response.status_code != 200:
            raise ServiceUnavailable("segment-service", f"it answered {response.status_code}: {response.text[:200]}")
        return decode(response, AudiencePage)
