"""The services around campaign-service, over real HTTP: who the customers are and what happens to them."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any
from uuid import UUID, uuid4

from rapport.identity import identity_id
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from tests.support.feed import Feed
from tests.support.http import serve


class Customer:
    """A customer with an e-mail address and a login, as profile-service knows them."""

    def __init__(self, number: int, **traits: Any) -> None:
        self.profile_id = uuid4()
        self.email: str | None = f"customer{number}@shop{number % 7}.test"
        self.user = f"user-{number}"
        self.traits: dict[str, Any] = {"given_name": f"Name{number}", **traits}
        self.allowed, self.reason = True, "granted"
        self.language: str | None = None
        self.value_class = "medium"

    @property
    def identity(self) -> UUID:
        """Of the e-mail address."""
        return identity_id("email", self.email or "")

    @property
    def login(self) -> UUID:
        """Of the login, under which orders arrive."""
        return identity_id("user_id", self.user)

    def assignments(self, version: int) -> list[dict[str, Any]]:
        """As in an `identity.assigned` event."""
        base = {"profile_id": str(self.profile_id), "version": version}
        return [
            {**base, "identity_id": str(self.login), "kind": "user_id", "seed_profile_id": str(self.profile_id)},
            {**base, "identity_id": str(self.identity), "kind": "email", "seed_profile_id": str(uuid4())},
        ]

    def lookup(self) -> dict[str, Any]:
        """As in an answer of `POST /v1/profiles/lookup`."""
        identities = [{"identity_id": str(self.login), "kind": "user_id", "value": self.user}]
        if self.email:
            identities.append({"identity_id": str(self.identity), "kind": "email", "value": self.email})
        return {
            "profile_id": str(self.profile_id),
            "current_profile_id": str(self.profile_id),
            "display_name": f"{self.traits['given_name']} Test",
            "language": self.language,
            "time_zone": None,
            "traits": self.traits,
            "identities": identities,
        }


class World:
    """Customers, and the feeds and answers of the services that know them."""

    def __init__(self) -> None:
        self.customers: list[Customer] = []
        self.profile_feed = Feed("profile")
        self.interaction_feed = Feed("interaction")
        self.profile_url = self.interaction_url = ""
        self.calls: dict[str, int] = {}
        self.down = False
        self._version = 0

    async def add(self, number: int, **traits: Any) -> list[Customer]:
        """So many new customers."""
        start = len(self.customers)
        new = [Customer(start + each, **traits) for each in range(number)]
        self.customers += new
        await self.announce(new)
        return new

    async def announce(self, customers: Sequence[Customer]) -> None:
        """Tell the profile feed whose identities are whose."""
        self._version += 1
        assignments = [each for customer in customers for each in customer.assignments(self._version)]
        await self.profile_feed.add(("identity.assigned", {"assignments": assignments}))

    async def track(
        self,
        customer: Customer | UUID,
        event: str,
        properties: dict[str, Any],
        at: datetime | None = None,
        direction: str = "inbound",
    ) -> None:
        """Tell the interaction feed what a customer did, under their login or any identity."""
        identity = customer.login if isinstance(customer, Customer) else customer
        moment = (at or datetime.now(UTC)).isoformat()
        data = {
            "touchpoint_id": str(uuid4()),
            "identity_id": str(identity),
            "identifiers": [],
            "message_id": str(uuid4()),
            "type": "track",
            "name": event,
            "channel": "web",
            "direction": direction,
            "occurred_at": moment,
            "received_at": moment,
            "source": "collector",
            "data": properties,
        }
        await self.interaction_feed.add(("touchpoint.recorded", data))

    async def case(self, customer: Customer, kind: str, state: str, case_id: UUID) -> None:
        """Tell the interaction feed of a case."""
        data = {
            "case_id": str(case_id),
            "identity_id": str(customer.login),
            "kind": kind,
            "severity": "high",
            "state": state,
            "occurred_at": datetime.now(UTC).isoformat(),
        }
        name = "case.opened" if state == "open" else "case.closed"
        await self.interaction_feed.add((name, data))

    def _count(self, name: str) -> None:
        self.calls[name] = self.calls.get(name, 0) + 1

    async def _audiences(self, request: Request) -> Response:
        self._count("audiences")
        if self.down:
            return JSONResponse({"detail": "down"}, 503)
        body = await request.json()
        condition = body["rule"]
        if "value_class" not in condition:
            problem = {"detail": "condition not known", "errors": [{"pointer": "/rule", "detail": "not known"}]}
            return JSONResponse(problem, 422)
        members = [each for each in self.customers if each.value_class in condition["value_class"]]
        start = int(body.get("cursor") or 0)
        page = members[start : start + body["limit"]]
        more = start + body["limit"] < len(members)
        return JSONResponse(
            {
                "items": [{"profile_id": str(each.profile_id), "value_class": each.value_class} for each in page],
                "next_cursor": str(start + body["limit"]) if more else None,
                "total": len(members),
            }
        )

    async def _lookup(self, request: Request) -> Response:
        self._count("lookup")
        wanted = set((await request.json())["profile_ids"])
        assert len(wanted) <= 500
        found = [each.lookup() for each in self.customers if str(each.profile_id) in wanted]
        return JSONResponse({"items": found})

    async def _consents(self, request: Request) -> Response:
        self._count("consents")
        wanted = (await request.json())["profile_ids"]
        known = {str(each.profile_id): each for each in self.customers}
        items = [
            {"profile_id": each, "allowed": known[each].allowed, "reason": known[each].reason}
            if each in known
            else {"profile_id": each, "allowed": False, "reason": "unknown_profile"}
            for each in wanted
        ]
        return JSONResponse({"items": items})

    @asynccontextmanager
    async def served(self) -> AsyncIterator["World"]:
        """Profile- and segment-service at one address, interaction-service at another."""
        people = Starlette(
            routes=[
                Route("/v1/feed", self.profile_feed.answer),
                Route("/v1/audiences", self._audiences, methods=["POST"]),
                Route("/v1/profiles/lookup", self._lookup, methods=["POST"]),
                Route("/v1/consents/check", self._consents, methods=["POST"]),
            ]
        )
        events = Starlette(routes=[Route("/v1/feed", self.interaction_feed.answer)])
        async with serve(people) as self.profile_url, serve(events) as self.interaction_url:
            yield self
