"""Asking segment-service how a customer stands and campaign-service what to do next."""

from typing import Any
from uuid import UUID

import msgspec
from rapport.http import ServiceClient, ServiceUnavailable, decode


class _Decision(msgspec.Struct):
    actions: list[dict[str, Any]] = []


class SegmentClient:
    """segment-service, within a time budget in seconds."""

    def __init__(self, service: ServiceClient, budget: float) -> None:
        self.service = service
        self._budget = budget

    async def standing(self, profile_id: UUID) -> dict[str, Any] | None:
        """The customer's standing; None for one that segment-service has not met yet. Raises `ServiceUnavailable`."""
        response = await self.service.get(f"/v1/profiles/{profile_id}/standing", timeout=self._budget)
        if response.status_code == 404:
            return None
        if response.status_code != 200:
            raise ServiceUnavailable("segment", f"standing answered {response.status_code}")
        return decode(response, dict[str, Any])


class CampaignClient:
    """campaign-service, within a time budget in seconds."""

    def __init__(self, service: ServiceClient, budget: float) -> None:
        self.service = service
        self._budget = budget

    async def decide(self, profile_id: UUID, channel: str, moment: str) -> list[dict[str, Any]]:
        """What to do next, best first; nothing for a customer unknown there. Raises `ServiceUnavailable`."""
        response = await self.service.post(
            "/v1/decisions",
            json={"profile_id": profile_id, "channel": channel, "moment": moment},
            timeout=self._budget,
        )
        if response.status_code == 404:
            return []
        if response.status_code not in {200, 201}:
            raise ServiceUnavailable("campaign", f"decisions answered {response.status_code}")
        return decode(response, _Decision).actions
