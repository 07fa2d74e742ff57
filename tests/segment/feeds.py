"""Feeds of interaction- and profile-service, played by a test."""

import asyncio
import contextlib
import itertools
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import msgspec
from rapport.identity import identity_id
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

DAY = timedelta(days=1)


class Feed:
    """What one service announces, in order."""

    def __init__(self) -> None:
        self.events: list[dict[str, Any]] = []
        self._more = asyncio.Event()

    def add(self, kind: str, data: dict[str, Any]) -> str:
        """One more event; its id."""
        number = str(len(self.events) + 1)
        self.events.append({"id": number, "type": kind, "time": datetime.now(UTC), "data": data})
        self._more.set()
        return number

    async def serve(self, request: Request) -> Response:
        """`GET /v1/feed`, with long polling."""
        after = int(request.query_params["lastEventId"] or 0)
        if len(self.events) <= after:
            self._more.clear()
            with contextlib.suppress(TimeoutError):
                # Short, so that a service that stops need not wait.
                await asyncio.wait_for(self._more.wait(), min(int(request.query_params["timeout"]) / 1000, 0.5))
        limit = int(request.query_params["limit"])
        return Response(msgspec.json.encode(self.events[after : after + limit]))


class Feeds:
    """Both services at one address, under `/interaction` and `/profile`."""

    def __init__(self) -> None:
        self.interaction = Feed()
        self.profile = Feed()
        self._versions = itertools.count(1)
        self._seeds: dict[UUID, UUID] = {}
        self._profiles: dict[UUID, UUID] = {}
        self.files: dict[UUID, dict[str, Any]] = {}
        self.lookups = 0
        self.down = False

    def app(self) -> Starlette:
        """The application that serves them."""
        return Starlette(
            routes=[
                Route("/interaction/v1/feed", self.interaction.serve),
                Route("/profile/v1/feed", self.profile.serve),
                Route("/profile/v1/profiles/lookup", self._lookup, methods=["POST"]),
            ]
        )

    def person(self, kind: str = "user_id", value: str | None = None) -> tuple[UUID, UUID]:
        """A new identity and the profile that begins with it."""
        identity = identity_id(kind, value or uuid4().hex)
        profile = self._seeds.setdefault(identity, uuid4())
        self.assign({identity: profile})
        return identity, profile

    def assign(self, profiles: dict[UUID, UUID]) -> None:
        """Identities belong to these profiles from now on."""
        assignments = [
            {
                "identity_id": identity,
                "kind": "user_id",
                "profile_id": profile,
                "version": next(self._versions),
                "seed_profile_id": self._seeds.setdefault(identity, profile),
            }
            for identity, profile in profiles.items()
        ]
        self._profiles.update(profiles)
        self.profile.add("identity.assigned", {"assignments": assignments})

    def tell(self, profile: UUID, keys: Sequence[str] = (), **changes: Any) -> None:
        """What profile-service knows of a profile from now on: `traits`, `consents` as triples, `kind`..."""
        self.files.setdefault(profile, {}).update(changes)
        self.profile.add("profile.updated", {"profile_id": profile, "keys": list(keys)})

    def relate(self, kind: str, one: UUID, other: UUID, name: str = "added", number: UUID | None = None) -> UUID:
        """A relationship of two identities as profile-service announces it; its id."""
        number = number or uuid4()
        data = {"relationship_id": number, "kind": kind, "identity_id": one, "other_identity_id": other}
        self.profile.add(f"relationship.{name}", {**data, "role": None, "since": None, "until": None})
        return number

    async def _lookup(self, request: Request) -> Response:
        self.lookups += 1
        if self.down:
            return Response(status_code=503)
        asked = {UUID(each) for each in (await request.json())["profile_ids"]}
        found = {seed: self._profiles[identity] for identity, seed in self._seeds.items() if seed in asked}
        return Response(msgspec.json.encode({"items": [self._file(*each) for each in found.items()]}))

    def _file(self, asked: UUID, current: UUID) -> dict[str, Any]:
        known = self.files.get(current, {})
        return {
            "profile_id": asked,
            "current_profile_id": current,
            "kind": known.get("kind", "person"),
            "created_at": datetime(2026, 1, 1, tzinfo=UTC),
            "until": known.get("until"),
            "traits": known.get("traits", {}),
            "consents": [
                {"channel": channel, "purpose": purpose, "status": status, "until": None}
                for channel, purpose, status in known.get("consents", ())
            ],
            "restricted": known.get("restricted", False),
        }

    def consent(self, identity: UUID, profile: UUID, status: str = "granted") -> None:
        """A consent as profile-service announces it."""
        data = {"profile_id": profile, "identity_id": identity, "channel": "email", "purpose": "marketing"}
        self.profile.add("consent.changed", {**data, "status": status, "at": datetime.now(UTC)})

    def touch(self, identity: UUID, kind: str = "page", at: datetime | None = None, **changes: Any) -> None:
        """A touchpoint as interaction-service announces it."""
        self.interaction.add("touchpoint.recorded", touchpoint(identity, kind, at, **changes))

    def order(self, identity: UUID, order_id: str, revenue: Any, ago: float = 1, **data: Any) -> None:
        """A completed order `ago` days old."""
        data = {"order_id": order_id, "revenue": revenue, **data}
        self.touch(identity, "track", datetime.now(UTC) - ago * DAY, name="Order Completed", data=data)


def touchpoint(identity: UUID, kind: str, at: datetime | None = None, **changes: Any) -> dict[str, Any]:
    """The data of `touchpoint.recorded`."""
    now = datetime.now(UTC)
    return {
        "touchpoint_id": uuid4(),
        "identity_id": identity,
        "identifiers": [],
        "message_id": uuid4().hex,
        "type": kind,
        "name": None,
        "channel": "web",
        "direction": "inbound",
        "occurred_at": at or now,
        "received_at": now,
        "source": "collector",
        "data": {},
        **changes,
    }
