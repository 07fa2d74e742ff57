"""The systems of the shop in the story: each calls the public API as such a system would."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping
from contextlib import AsyncExitStack
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, Self, TypeVar
from uuid import uuid4

import httpx

T = TypeVar("T")

_PATIENCE = 60.0
_EVERY = 0.05


class Refused(Exception):
    """A service gave another answer than the story needs."""


class Company:
    """Clients of the four services and of the collector."""

    def __init__(self, info: Mapping[str, Any]) -> None:
        admin = {"Authorization": f"Bearer {info['admin_token']}"}
        urls = info["services"]
        options: dict[str, Any] = {"timeout": 30, "trust_env": False}
        self.profiles = httpx.AsyncClient(base_url=urls["profile"], headers=admin, **options)
        self.segments = httpx.AsyncClient(base_url=urls["segment"], headers=admin, **options)
        self.campaigns = httpx.AsyncClient(base_url=urls["campaign"], headers=admin, **options)
        self.interactions = httpx.AsyncClient(base_url=urls["interaction"], headers=admin, **options)
        self._collector = httpx.AsyncClient(
            base_url=urls["interaction"], auth=httpx.BasicAuth(info["collect_token"], ""), **options
        )
        self._open = AsyncExitStack()

    async def __aenter__(self) -> Self:
        for client in (self.profiles, self.segments, self.campaigns, self.interactions, self._collector):
            await self._open.enter_async_context(client)
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._open.aclose()

    async def collect(self, call: str, message: dict[str, Any]) -> None:
        """One message of a Segment SDK: `call` is identify, track..."""
        now = datetime.now(UTC).isoformat()
        sent = {"messageId": str(uuid4()), "timestamp": now, "sentAt": now, **message}
        good(await self._collector.post(f"/v1/{call}", json=sent))

    async def resolve(self, kind: str, value: str) -> str | None:
        """The profile that an identifier leads to, or None."""
        answer = await self.profiles.post(
            "/v1/profiles/resolve", json={"identifiers": [{"kind": kind, "value": value}], "create": False}
        )
        return None if answer.status_code == 404 else str(good(answer)["profile_id"])

    async def standing(self, profile_id: str) -> dict[str, Any] | None:
        """What segment-service says of a customer, or None while it does not know them."""
        answer = await self.segments.get(f"/v1/profiles/{profile_id}/standing")
        return None if answer.status_code == 404 else good(answer)

    async def recompute(self) -> dict[str, Any]:
        """Have every class computed again and wait for it; gives the job."""
        accepted = await self.segments.post("/v1/recomputations")
        good(accepted)
        return await self.finished(self.segments, accepted.headers["location"])

    async def finished(self, client: httpx.AsyncClient, job: str) -> dict[str, Any]:
        """The job once it is over; raises `Refused` if it failed."""

        async def over() -> dict[str, Any] | None:
            found = good(await client.get(job))
            return found if found["state"] in {"succeeded", "failed", "cancelled"} else None

        ended = await until(over, "the job ends", patience=600)
        if ended["state"] != "succeeded":
            raise Refused(f"the job ended as {ended['state']}: {ended['error']}")
        return ended


def good(answer: httpx.Response) -> dict[str, Any]:
    """The body of a good answer; raises `Refused` with what the service said."""
    if answer.status_code >= 400:
        raise Refused(f"{answer.request.method} {answer.request.url} answered {answer.status_code}: {answer.text}")
    body: dict[str, Any] = answer.json()
    return body


async def until(look: Callable[[], Awaitable[T | None]], what: str, patience: float = _PATIENCE) -> T:
    """What `look` gives once it gives something; raises `Refused` when it has not for `patience` seconds."""
    end = time.monotonic() + patience
    while True:
        found = await look()
        if found:
            return found
        if time.monotonic() > end:
            raise Refused(f"waited {patience:g} s in vain until {what}")
        await asyncio.sleep(_EVERY)


def money(value: Mapping[str, Any] | None) -> str:
    """Money for people: `1,234.50`."""
    return "-" if value is None else f"{Decimal(value['amount']):,.2f}"


def share(value: float | None) -> str:
    """A share for people: `12.3 %`."""
    return "-" if value is None else f"{100 * value:.1f} %"
