"""The services around interaction-service, over real HTTP: they answer well, not at all, badly, or are stuck."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import Any, Literal
from uuid import UUID, uuid4

import msgspec
from rapport.identity import identity_id, strength
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from tests.support.feed import Feed
from tests.support.http import serve

Mood = Literal["well", "stuck", "down", "garbage", "wrong_shape", "refusing"]
Handler = Callable[[Request], Awaitable[Response]]

STANDING = {"value_class": "large", "lifecycle": {"stage": "established"}, "segments": ["vip"], "treatment": None}
ACTIONS = [{"kind": "offer", "offer_id": "ten", "text": "ten off", "reason": "in the audience", "decision_id": "d-1"}]


class Neighbour:
    """A service that answers as its mood says; `asked` counts what arrived, whatever came of it."""

    def __init__(self) -> None:
        self.mood: Mood = "well"
        self.asked = 0
        self._released = asyncio.Event()

    def release(self) -> None:
        """Let go everybody who is stuck."""
        self._released.set()
        self._released = asyncio.Event()

    def moody(self, handler: Handler) -> Handler:
        """The handler, if the mood allows."""

        async def answer(request: Request) -> Response:
            self.asked += 1
            # Whoever gives up while this is stuck takes the rest of the request along.
            await request.body()
            if self.mood == "stuck":
                await self._released.wait()
            if self.mood == "down":
                return _json({"detail": "down"}, 503)
            if self.mood == "refusing":
                return _json({"detail": "not with this token"}, 401)
            if self.mood == "garbage":
                return Response(b'<html>"', media_type="text/html")
            if self.mood == "wrong_shape":
                return _json([1, None])
            return await handler(request)

        return answer


class Held:
    """Answers worked out and not given yet."""

    def __init__(self) -> None:
        self.arrived, self.released = asyncio.Event(), asyncio.Event()

    def release(self) -> None:
        """Give them."""
        self.released.set()


class World:
    """Profiles as profile-service would have them, and what segment- and campaign-service say of each."""

    def __init__(self) -> None:
        self.profile, self.segment, self.campaign = Neighbour(), Neighbour(), Neighbour()
        self.profile_feed, self.campaign_feed = Feed("profile"), Feed("campaign")
        self.owners: dict[UUID, UUID] = {}
        self.traits: dict[UUID, dict[str, Any]] = {}
        self.standings: dict[UUID, dict[str, Any]] = {}
        self.decisions: list[dict[str, Any]] = []
        self.profile_url = self.segment_url = self.campaign_url = ""
        self._seeds: dict[UUID, UUID] = {}
        self._kinds: dict[UUID, str] = {}
        self._survivors: dict[UUID, UUID] = {}
        self._version = 0
        self._held: Held | None = None

    def recover(self) -> None:
        """All are well again."""
        for neighbour in (self.profile, self.segment, self.campaign):
            neighbour.mood = "well"
            neighbour.release()

    @contextmanager
    def holding_answers(self) -> Iterator["Held"]:
        """Contacts recognised in this block get the answer only when it is released."""
        self._held = held = Held()
        try:
            yield held
        finally:
            self._held = None

    async def person(self, *identifiers: tuple[str, str], **traits: Any) -> UUID:
        """A profile with these identifiers, canonical as they are, announced on the feed."""
        profile = self._made(identifiers, traits)
        await self.announce(identity_id(*each) for each in identifiers)
        return profile

    async def assign(self, owners: dict[UUID, UUID]) -> None:
        """Identities belong to these profiles from now on."""
        for identity, profile in owners.items():
            if self.owners.get(identity) in {None, self._seeds[identity]}:
                self._survivors[self._seeds[identity]] = profile
            self.owners[identity] = profile
        await self.announce(owners)

    def seed(self, identity: UUID) -> UUID:
        """The id of the profile that an identity would be alone."""
        return self._seeds[identity]

    async def announce(self, identities: Iterable[UUID], version: int | None = None) -> None:
        """Tell the feed whose these are, as of a version (default: a new one)."""
        self._version += 1
        assignments = [
            {
                "identity_id": str(identity),
                "kind": self._kinds[identity],
                "profile_id": str(self.owners[identity]),
                "seed_profile_id": str(self._seeds[identity]),
                "version": version or self._version,
            }
            for identity in identities
        ]
        await self.profile_feed.add(("identity.assigned", {"assignments": assignments}))

    def _made(self, identifiers: Iterable[tuple[str, str]], traits: dict[str, Any]) -> UUID:
        identities = {identity_id(*each): each[0] for each in identifiers}
        for identity, kind in identities.items():
            self._kinds[identity] = kind
            self._seeds[identity] = uuid4()
        profile = self._seeds[next(iter(identities))]
        self.owners.update(dict.fromkeys(identities, profile))
        self.traits[profile] = traits
        return profile

    async def _add(self, profile: UUID, identifiers: Iterable[tuple[str, str]]) -> None:
        identities = {identity_id(*each): each[0] for each in identifiers}
        for identity, kind in identities.items():
            self._kinds[identity] = kind
            self._seeds.setdefault(identity, uuid4())
        self.owners.update(dict.fromkeys(identities, profile))
        await self.announce(identities)

    async def _resolve(self, request: Request) -> Response:
        body = await request.json()
        given = sorted(((each["kind"], each["value"]) for each in body["identifiers"]), key=lambda it: strength(it[0]))
        known = [each for each in given if identity_id(*each) in self.owners]
        if not known and not body["create"]:
            return _json({"detail": "unknown"}, 404)
        profile = self.owners[identity_id(*known[0])] if known else await self.person(*given)
        if known and body["create"] and len(known) < len(given):
            await self._add(profile, [each for each in given if each not in known])
        answer = _json(
            {
                "profile_id": profile,
                "confidence": 0.9,
                "created": not known,
                "matched": [{"kind": kind, "value": value} for kind, value in known],
                "conflicts": [],
                "profile": self._shown(profile),
                "identities": self._identities(profile),
            }
        )
        if (held := self._held) is not None:
            held.arrived.set()
            await held.released.wait()
        return answer

    async def _lookup(self, request: Request) -> Response:
        wanted = [UUID(each) for each in (await request.json())["profile_ids"]]
        items = [
            {
                "profile_id": each,
                "current_profile_id": self._survivors.get(each, each),
                "identities": self._identities(self._survivors.get(each, each)),
                **self._shown(self._survivors.get(each, each)),
            }
            for each in wanted
            if each in self.traits
        ]
        return _json({"items": items})

    def _shown(self, profile: UUID) -> dict[str, Any]:
        traits = self.traits.get(profile, {})
        return {"display_name": traits.get("given_name"), "language": traits.get("language"), "traits": traits}

    def _identities(self, profile: UUID) -> list[dict[str, Any]]:
        return [
            {"identity_id": identity, "kind": self._kinds[identity]}
            for identity, owner in self.owners.items()
            if owner == profile
        ]

    async def _standing(self, request: Request) -> Response:
        found = self.standings.get(UUID(request.path_params["profile_id"]))
        return _json(found) if found else _json({"detail": "unknown"}, 404)

    async def _decide(self, request: Request) -> Response:
        self.decisions.append(await request.json())
        return _json({"decision_id": "d-1", "actions": ACTIONS})

    @asynccontextmanager
    async def served(self) -> AsyncIterator["World"]:
        """Each service at an address of its own; the feeds answer whatever the mood."""
        profile = Starlette(
            routes=[
                Route("/v1/feed", self.profile_feed.answer),
                Route("/v1/profiles/resolve", self.profile.moody(self._resolve), methods=["POST"]),
                Route("/v1/profiles/lookup", self.profile.moody(self._lookup), methods=["POST"]),
            ]
        )
        segment = Starlette(routes=[Route("/v1/profiles/{profile_id}/standing", self.segment.moody(self._standing))])
        campaign = Starlette(
            routes=[
                Route("/v1/feed", self.campaign_feed.answer),
                Route("/v1/decisions", self.campaign.moody(self._decide), methods=["POST"]),
            ]
        )
        async with (
            serve(profile) as self.profile_url,
            serve(segment) as self.segment_url,
            serve(campaign) as self.campaign_url,
        ):
            try:
                yield self
            finally:
                self.recover()


def _json(content: Any, status: int = 200) -> Response:
    return Response(msgspec.json.encode(content), status, media_type="application/json")
