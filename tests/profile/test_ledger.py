"""I6: whatever is said by whomever, in any order, twice and at once, the customers are those of the plain graph."""

import asyncio
import json
from collections.abc import AsyncIterator, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from itertools import count
from random import Random
from typing import Any
from uuid import UUID

import httpx
import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from profile_service.consumers import interaction
from profile_service.ledger import views as ledger
from profile_service.ledger.records import Evidence
from profile_service.main import create_app
from profile_service.policy import Policy
from profile_service.privacy import repository as requests
from profile_service.privacy.erasure import erase_here
from profile_service.pseudonyms import Pseudonyms
from profile_service.settings import ProfileSettings
from rapport.feed import ReceivedEvent
from rapport.identity import identity_id, strength
from rapport.tokens import KeyStore

from tests.conftest import DatabaseFactory, TokenFactory
from tests.profile.conftest import SCOPES, Profiles, pairs
from tests.profile.plain import Key, PlainLedger
from tests.support.http import serve

START = datetime(2026, 1, 1, tzinfo=UTC)
OLD = datetime(2026, 6, 1, tzinfo=UTC)  # touchpoints are older, operators' words newer
LATER = datetime(2100, 1, 1, tzinfo=UTC)
POOL = (
    *(("user_id", name) for name in ("ada", "bob", "eve")),
    *(("email", name) for name in ("ada", "bob", "eve", "no-reply")),
    *(("device_id", name) for name in ("tablet", "telephone")),
    *(("anonymous_id", name) for name in ("c1", "c2")),
    ("kiosk", "door"),
)
_runs = count(1)


@dataclass(frozen=True, slots=True)
class Seen:
    """Identifiers of the pool seen in one call; `previous` is what an alias call names."""

    identifiers: tuple[int, ...]
    previous: str | None


@st.composite
def seen(draw: st.DrawFn) -> Seen:
    """A touchpoint."""
    identifiers = draw(st.lists(st.integers(0, len(POOL) - 1), min_size=1, max_size=4, unique=True))
    previous = draw(st.sampled_from([None, None, None, None, "c1", "ada", "bob"]))
    return Seen(tuple(sorted(identifiers, key=lambda each: strength(POOL[each][0]))), previous)


words = st.one_of(
    st.tuples(st.just("link"), st.integers(0, len(POOL) - 1), st.integers(0, len(POOL) - 1)),
    st.tuples(st.just("unlink"), st.integers(0, 30), st.just(0)),
    st.tuples(st.just("split"), st.integers(0, 30), st.integers(0, 1 << 12)),
    st.tuples(st.just("withdraw"), st.integers(0, 30), st.just(0)),
    st.tuples(st.just("erase"), st.integers(0, 30), st.just(0)),
)


@dataclass(slots=True)
class Service:
    """A running profile-service, its policy, and how far its feed was read."""

    profiles: Profiles
    policy: Policy
    pseudonyms: Pseudonyms
    position: str = ""


class Run:
    """One example: the service and the plain ledger, told the same."""

    def __init__(self, service: "Service", random: Random) -> None:
        self.service = service
        self.profiles = service.profiles
        self.policy = service.policy
        self.random = random
        self.plain = PlainLedger(self.policy.guards)
        self.name = f"run{next(_runs)}"
        self.aliases: list[tuple[UUID, str, datetime, str]] = []
        self.told: list[tuple[Seen, datetime]] = []
        self.erased: set[UUID] = set()

    def identifier(self, number: int) -> tuple[str, str]:
        """An identifier of the pool that no other example has."""
        kind, name = POOL[number]
        return kind, f"{name}@{self.name}.example" if kind == "email" else self.own(name)

    def own(self, name: str) -> str:
        return f"{name}-{self.name}"

    def event(self, seen: Seen, at: datetime) -> ReceivedEvent:
        """A touchpoint as it comes over the feed."""
        identifiers = [self.identifier(each) for each in seen.identifiers]
        data = {
            "touchpoint_id": str(at),
            "identity_id": identity_id(*identifiers[0]),
            "identifiers": pairs(*identifiers),
            "type": "alias" if seen.previous else "track",
            "occurred_at": at,
            "source": "test",
            "data": {"previous_id": self.own(seen.previous)} if seen.previous else {},
        }
        return ReceivedEvent(
            id="1-1-1", type="touchpoint.recorded", time=at, data=msgspec.Raw(msgspec.json.encode(data))
        )

    def tell_plain(self, seen: Seen, at: datetime) -> None:
        """The plain ledger hears of a touchpoint."""
        event = str(at)
        identifiers = [self.identifier(each) for each in seen.identifiers]
        hub, *others = [identity_id(*each) for each in identifiers]
        for kind, value in identifiers:
            self.plain.see(identity_id(kind, value), kind, value, at)
        for other in others:
            self.plain.say(hub, other, "same_call", at, event)
        if seen.previous:
            name = self.own(seen.previous)
            self.plain.see(identity_id("anonymous_id", name), "anonymous_id", name, at)
            self.plain.say(hub, identity_id("anonymous_id", name), "alias", at, event)
            if identifiers[0][0] == "user_id":
                self.aliases.append((hub, name, at, event))
        self.name_logins()

    def name_logins(self) -> None:
        """Aliases speak of the login of that name too, once there is one."""
        for hub, name, at, event in self.aliases:
            anonymous = identity_id("anonymous_id", name)
            said = (min(hub, anonymous), max(hub, anonymous), "alias")
            if identity_id("user_id", name) in self.plain.kinds and not self.plain.taken_back(said, at):
                self.plain.say(hub, identity_id("user_id", name), "alias", at, event)

    async def deliver(self, events: Sequence[ReceivedEvent]) -> None:
        """Deliver these events twice, in any order, in batches of any size, over four connections at once."""
        order = [*events, *events]
        self.random.shuffle(order)
        queue = [order]
        while len(queue) < 6 and (longest := max(queue, key=len))[1:]:
            queue.remove(longest)
            cut = self.random.randrange(1, len(longest))
            queue += [longest[:cut], longest[cut:]]

        async def work() -> None:
            while queue:
                batch = queue.pop()
                async with self.profiles.database.transaction() as connection:
                    await interaction.apply(connection, self.policy, batch)

        await asyncio.gather(*(work() for _ in range(4)))

    async def speak(self, word: tuple[str, int, int]) -> None:
        """An operator's word, to the service and to the plain ledger."""
        name, one, other = word
        if name == "link":
            await self.link(self.identifier(one), self.identifier(other))
        elif name == "unlink":
            await self.unlink(one)
        elif name == "withdraw":
            await self.withdraw(one)
        elif name == "split":
            await self.split(one, other)

    async def link(self, a: tuple[str, str], b: tuple[str, str]) -> None:
        if a == b:
            return
        at = datetime.now(UTC)
        answer = await self.profiles.link(a, b)
        for each in (a, b):
            self.plain.see(identity_id(*each), *each, at)
        self.plain.say(identity_id(*a), identity_id(*b), "operator", at)
        self.name_logins()
        ends = {identity_id(*a), identity_id(*b)}
        groups = [group for group in self.plain.customers() if group & ends]
        assert len(groups) == 1 == len(answer["profiles_after"])

    async def unlink(self, number: int) -> None:
        ledger = await self.standing()
        if not ledger:
            return
        key = sorted(ledger, key=lambda each: (self.by_name(each[:2]), each[2]))[number % len(ledger)]
        at = datetime.now(UTC)
        response = await self.profiles.client.delete(f"/v1/links/{ledger[key]['link_id']}")
        assert response.status_code == 200, response.text
        self.plain.retract(key, at)
        assert self.group_of(key[0]) != self.group_of(key[1])

    async def split(self, number: int, choice: int) -> None:
        large = sorted(self.by_name(group) for group in self.plain.customers() if len(group) > 1)
        if not large:
            return
        group = [identity_id(*each) for each in large[number % len(large)]]
        part = [each for place, each in enumerate(group) if choice >> place & 1][: len(group) - 1] or group[:1]
        rest = [each for each in group if each not in part]
        stored = await self.stored()
        profile = stored[group[0]]["profile_id"]
        body = {"identities": pairs(*((stored[each]["kind"], stored[each]["value"]) for each in part))}
        at = datetime.now(UTC)
        response = await self.profiles.client.post(f"/v1/profiles/{profile}/split", json=body)
        assert response.status_code == 200, response.text
        retracted = self.plain.split(part, rest, at)
        assert len(response.json()["links_retracted"]) >= len(retracted)
        assert self.group_of(part[0]) >= {*part}
        assert not self.group_of(part[0]) & {*rest}

    async def withdraw(self, number: int) -> None:
        rows = await self.profiles.database.pool.fetch(
            "SELECT cannot_link_id FROM cannot_link WHERE a = ANY($1::uuid[]) AND withdrawn_at IS NULL "
            "GROUP BY cannot_link_id ORDER BY min(made_at)",
            list(self.plain.kinds),
        )
        assert len(rows) == len(self.plain.words)
        if rows:
            word = number % len(rows)
            response = await self.profiles.client.delete(f"/v1/cannot-links/{rows[word]['cannot_link_id']}")
            assert response.status_code == 200, response.text
            self.plain.withdraw(word)

    async def erase(self, number: int) -> None:
        """A customer is erased, twice; meanwhile others' touchpoints come again, and in the end all that is left."""
        named = self.by_name(self.plain.kinds)[number % len(self.plain.kinds)]
        asked = identity_id(*named)
        before = await self.stored()
        own, shared = self.plain.erase(asked)
        body = {"type": "erasure", "identifiers": pairs(named)}
        response = await self.profiles.client.post("/v1/privacy-requests", json=body)
        assert response.status_code == 202, response.text
        database = self.profiles.database
        request = await requests.read(database.pool, UUID(response.json()["id"]))
        assert request is not None
        # What interaction-service has taken out of its own feed by then.
        self.told = [each for each in self.told if self.ids_of(each[0])[0] not in own | shared]
        self.aliases = [
            each for each in self.aliases if own.isdisjoint({each[0], identity_id("anonymous_id", each[1])})
        ]
        apart = [each for each in self.told if (own | shared).isdisjoint(self.ids_of(each[0]))]
        erasing = [erase_here(database, self.policy, self.service.pseudonyms, request) for _ in range(2)]
        await asyncio.gather(*erasing, self.deliver([self.event(*each) for each in apart]))
        stored = await self.stored()
        assert stored.keys() == self.plain.kinds.keys()
        self.erased |= {before[each]["seed_profile_id"] for each in own}
        assert self.erased.isdisjoint(row["profile_id"] for row in stored.values())
        await self.check()
        for each in self.told:
            self.tell_plain(*each)
        await self.deliver([self.event(*each) for each in self.told])

    def by_name(self, identities: Iterable[UUID]) -> list[tuple[str, str]]:
        """In an order that is the same whenever an example is run again, which ids are not."""
        return sorted(self.plain.names[each] for each in identities)

    def ids_of(self, seen: Seen) -> list[UUID]:
        """Identities of a touchpoint, the one it is stored under first."""
        found = [identity_id(*self.identifier(each)) for each in seen.identifiers]
        return found if seen.previous is None else [*found, identity_id("anonymous_id", self.own(seen.previous))]

    def group_of(self, identity: UUID) -> frozenset[UUID]:
        return next(group for group in self.plain.customers() if identity in group)

    async def stored(self) -> dict[UUID, Any]:
        rows = await self.profiles.database.pool.fetch(
            "SELECT * FROM identity WHERE identity_id = ANY($1::uuid[])", list(self.plain.kinds)
        )
        return {row["identity_id"]: row for row in rows}

    async def standing(self) -> dict[Key, Any]:
        """Links that stand."""
        rows = await self.profiles.database.pool.fetch(
            "SELECT * FROM link WHERE a = ANY($1::uuid[]) AND retracted_at IS NULL", list(self.plain.kinds)
        )
        return {(row["a"], row["b"], row["kind"]): row for row in rows}

    async def check(self) -> None:
        """The service's customers, their ids and its links are those of the plain ledger."""
        stored = await self.stored()
        assert stored.keys() == self.plain.kinds.keys()
        customers = self.plain.customers()
        expected = {each: stored[oldest]["seed_profile_id"] for group, oldest in customers.items() for each in group}
        assert {each: row["profile_id"] for each, row in stored.items()} == expected
        assert {each: row["first_seen"] for each, row in stored.items() if row["first_seen"] < OLD} == {
            each: at for each, at in self.plain.first_seen.items() if at < OLD
        }
        links = await self.standing()
        accepted = self.plain.worked_out().accepted
        assert {key: row["state"] for key, row in links.items()} == {
            key: "accepted" if key in accepted else "held" for key in self.plain.said
        }
        assert all(bool(row["guards"]) for row in links.values() if row["state"] == "held")

    async def check_old_ids(self) -> None:
        """Every id ever given answers with the profile that its identity belongs to."""
        for row in (await self.stored()).values():
            response = await self.profiles.client.get(f"/v1/profiles/{row['seed_profile_id']}")
            assert response.json()["profile_id"] == str(row["profile_id"])
            moved = row["profile_id"] != row["seed_profile_id"]
            assert response.headers.get("content-location") == (f"/v1/profiles/{row['profile_id']}" if moved else None)
        for each in self.erased:
            response = await self.profiles.client.get(f"/v1/profiles/{each}")
            assert (response.status_code, response.json()["type"]) == (404, "urn:rapport:problem:unknown-profile")

    async def check_short_look(self) -> None:
        """To look at once at identities that are alone gives what the long look does."""
        await self.stored()
        alone = [next(iter(group)) for group in self.plain.customers() if len(group) == 1]
        new = UUID(int=self.random.getrandbits(128))
        for asked in ([new, *alone], [new], *([each] for each in alone)):
            async with self.profiles.database.transaction() as connection:
                pair = Evidence(asked[0], asked[-1], "same_call", "test", START)
                short = await ledger.view_if_alone(connection, asked, set(alone), ())
                long = await ledger.view_of(connection, asked, [each for each in alone if each in asked])
                await ledger.add_evidence_context(connection, long, [pair])
            assert short is not None or asked != [new]
            if short is not None:
                assert short.seeds.keys() == {*asked}
                assert replace(short, seeds={}) == long

    async def check_feed(self) -> None:
        """Who followed the feed has the same map."""
        newest: dict[str, tuple[int, str]] = {}
        while batch := await self.read_feed():
            self.service.position = batch[-1]["id"]
            for event in batch:
                if event["type"] == "identity.assigned":
                    for each in event["data"]["assignments"]:
                        told = (each["version"], each["profile_id"])
                        newest[each["identity_id"]] = max(told, newest.get(each["identity_id"], told))
        stored = await self.stored()
        assert {each: newest[str(each)][1] for each in stored} == {
            each: str(row["profile_id"]) for each, row in stored.items()
        }

    async def read_feed(self) -> list[dict[str, Any]]:
        parameters = {"limit": "10000", "lastEventId": self.service.position}
        response = await self.profiles.client.get("/v1/feed", params=parameters)
        batch: list[dict[str, Any]] = json.loads(response.content)
        return batch


@pytest.fixture
async def service(database: DatabaseFactory, keys: KeyStore, token: TokenFactory) -> AsyncIterator[Service]:
    """A profile-service with narrow guards."""
    app = create_app(
        ProfileSettings(
            database_url=await database("profile"),
            role="api",
            jwks_file=keys.jwks_path,
            guard_maximum={"email": 2},
            guard_identities=6,
            guard_never_join={"kiosk"},
        )
    )
    headers = {"Authorization": f"Bearer {token(*SCOPES, 'privacy')}"}
    async with serve(app) as base, httpx.AsyncClient(base_url=base, headers=headers, timeout=30) as client:
        yield Service(Profiles(client, app.state.database), app.state.policy, app.state.pseudonyms)


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.lists(seen(), min_size=1, max_size=8),
    st.lists(words, max_size=5),
    st.lists(seen(), max_size=4),
    st.lists(seen(), max_size=2),
    st.integers(0, 1 << 32),
)
async def test_i6_any_order_delivered_twice_and_at_once_gives_the_customers_of_the_plain_graph(
    service: Service,
    touchpoints: list[Seen],
    spoken: list[tuple[str, int, int]],
    late: list[Seen],
    after: list[Seen],
    seed: int,
) -> None:
    # Chance that no draw of hypothesis depends on: how much there is to shuffle depends on what came before.
    random = Random(seed)
    run = Run(service, random)
    # Times are told apart; which of two at once counts for a link would be the one that came first.
    minutes = [START + timedelta(minutes=each) for each in random.sample(range(1000), len(touchpoints) + len(late))]
    run.told = list(zip(touchpoints, minutes, strict=False))
    for each in run.told:
        run.tell_plain(*each)
    await run.deliver([run.event(*each) for each in run.told])
    await run.check()
    for word in spoken:
        if word[0] == "erase":
            if run.plain.kinds:
                await run.erase(word[1])
        elif run.told:
            # What was delivered before comes again while the operator speaks.
            again = random.choice(run.told)
            await asyncio.gather(run.speak(word), run.deliver([run.event(*again)]))
        else:
            await run.speak(word)
        await run.check()
    # Touchpoints from before and after the operator's words, delivered after them.
    more = [
        *zip(late, minutes[len(touchpoints) :], strict=True),
        *((each, LATER + timedelta(minutes=place)) for place, each in enumerate(after)),
    ]
    for each in more:
        run.tell_plain(*each)
    await run.deliver([run.event(*each) for each in [*run.told, *more]])
    await run.check()
    await run.check_old_ids()
    await run.check_short_look()
    await run.check_feed()
