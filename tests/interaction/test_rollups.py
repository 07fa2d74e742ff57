"""The rollups against a recount: whatever happens in whatever order, and whoever turns out to be whom."""

import asyncio
import random
from collections import Counter
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple
from uuid import UUID, uuid4

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from interaction_service.history.folding import fold
from interaction_service.history.rules import Seen, additions
from rapport.database import Database
from rapport.identity import identity_id

from tests.interaction.conftest import Interactions, Start

START = datetime(2026, 8, 1, tzinfo=UTC)
PEOPLE = 4


class Told(NamedTuple):
    """A contact: whose, where, what, when, by which message id and by which way in."""

    person: int
    channel: str
    type: str
    hours: int
    message: int
    by_collector: bool


class Merged(NamedTuple):
    """From here on a person is one with another, or, with themselves, alone again."""

    person: int
    into: int


told = st.builds(
    Told,
    st.integers(0, PEOPLE - 1),
    st.sampled_from(["web", "shop", "phone"]),
    st.sampled_from(["page", "track"]),
    st.integers(0, 24 * 90),
    st.integers(0, 25),
    st.booleans(),
)
merged = st.builds(Merged, st.integers(0, PEOPLE - 1), st.integers(0, PEOPLE - 1))
steps = st.lists(st.one_of(st.lists(told, min_size=1, max_size=8), merged), min_size=1, max_size=12)


def seen(where: Told) -> datetime:
    """When it happened."""
    return START + timedelta(hours=where.hours)


class Play:
    """One run: tells the service, and keeps a plain list of what counts."""

    def __init__(self, interactions: Interactions) -> None:
        self.interactions = interactions
        self.prefix = uuid4().hex[:8]
        self.counted: dict[tuple[bool, int], Told] = {}
        self.profiles: list[UUID] = []
        self.group = list(range(PEOPLE))

    @property
    def owner(self) -> list[int]:
        """Whose profile each person's is: the lowest of their group."""
        return [self.group.index(label) for label in self.group]

    def user(self, person: int) -> str:
        return f"{self.prefix}-{person}"

    async def begin(self) -> None:
        for person in range(PEOPLE):
            self.profiles.append(await self.interactions.world.person(("user_id", self.user(person))))

    async def tell(self, contacts: Sequence[Told]) -> None:
        collected, directly = [], []
        for each in contacts:
            # The first with an id counts, whoever repeats it with whatever else.
            self.counted.setdefault((each.by_collector, each.message), each)
            message_id, at = f"{self.prefix}-{each.message}", seen(each).isoformat()
            if each.by_collector:
                body = {"userId": self.user(each.person), "messageId": message_id, "timestamp": at, "type": each.type}
                collected.append({**body, "event": "e", "context": {"channel": each.channel}})
            else:
                who = [{"kind": "user_id", "value": self.user(each.person)}]
                contact = {"identifiers": who, "message_id": message_id, "occurred_at": at, "type": each.type}
                directly.append({**contact, "channel": each.channel})
        if collected:
            await self.interactions.collected("batch", {"batch": collected})
        if directly:
            await self.interactions.tell(*directly)

    async def merge(self, change: Merged) -> None:
        before = self.owner
        alone = max(self.group) + 1
        self.group[change.person] = alone if change.person == change.into else self.group[change.into]
        moved = [person for person in range(PEOPLE) if self.owner[person] != before[person]]
        if moved:
            identities = {identity_id("user_id", self.user(each)): self.profiles[self.owner[each]] for each in moved}
            await self.interactions.world.assign(identities)

    def recount(self, profile: int) -> dict[str, Any]:
        own = [each for each in self.counted.values() if self.owner[each.person] == profile]
        times = [seen(each) for each in own]
        return {
            "touchpoints": len(own),
            "first_at": min(times, default=None),
            "last_at": max(times, default=None),
            "by_channel": Counter(each.channel for each in own),
        }

    async def answered(self, profile: int) -> dict[str, Any]:
        history = (await self.interactions.get(f"/v1/profiles/{self.profiles[profile]}/context"))["history"]
        times = {name: history[name] and datetime.fromisoformat(history[name]) for name in ("first_at", "last_at")}
        return {"touchpoints": history["touchpoints"], "by_channel": history["by_channel"], **times}


async def test_counts_firsts_and_lasts_equal_a_recount(start: Start) -> None:
    # At 0 every figure comes from the rollups, none from counting at the moment.
    async with start(exact_history=0) as interactions:

        async def check(happened: list[list[Told] | Merged]) -> None:
            play = Play(interactions)
            await play.begin()
            for step in happened:
                await (play.merge(step) if isinstance(step, Merged) else play.tell(step))
            await interactions.settled()
            for profile in set(play.owner):
                assert await play.answered(profile) == play.recount(profile)

        await _examples(check)
        async with interactions.database() as conn:
            rolled = await conn.fetch("SELECT * FROM touchpoint_rollup ORDER BY identity_id, channel, type")
            recount = await conn.fetch(
                """SELECT identity_id, channel, type, count(*) AS count, min(occurred_at) AS first_at,
                          max(occurred_at) AS last_at
                   FROM touchpoint GROUP BY identity_id, channel, type ORDER BY identity_id, channel, type"""
            )
    assert [tuple(each) for each in rolled] == [tuple(each) for each in recount]
    assert len(rolled) > 20


async def _examples(check: Any) -> None:
    """Run an async property in this loop: hypothesis calls from a thread, as it is not async itself."""
    loop = asyncio.get_running_loop()

    @settings(max_examples=12, deadline=None, suppress_health_check=list(HealthCheck), database=None)
    @given(steps)
    def examples(happened: list[list[Told] | Merged]) -> None:
        asyncio.run_coroutine_threadsafe(check(happened), loop).result(60)

    await asyncio.to_thread(examples)


async def test_workers_side_by_side_fold_everything_once(start: Start, user: str) -> None:
    # Without the service's own worker, so that those of the test meet each other.
    async with start(role="api", exact_history=0) as interactions:
        profile = await interactions.world.person(("user_id", user))
        database = Database(interactions.database_url)
        await database.open()
        stop = asyncio.Event()

        async def worker() -> None:
            while not stop.is_set():
                await fold(database)

        async def shop(number: int) -> None:
            chance = random.Random(number)
            for _ in range(10):
                batch = [{"type": "page", "userId": user, "messageId": chance.randrange(150)} for _ in range(20)]
                await interactions.collected("batch", {"batch": batch})

        async with asyncio.TaskGroup() as group:
            for _ in range(4):
                group.create_task(worker())
            await asyncio.gather(*(shop(number) for number in range(4)))
            stop.set()
        recorded = len(await interactions.recorded())
        while (await fold(database))[1]:
            pass
        await database.close()
        answer = await interactions.get(f"/v1/profiles/{profile}/context")
    assert answer["history"]["touchpoints"] == recorded
    assert 100 < recorded <= 150


async def test_a_long_history_that_is_not_rolled_up_yet_is_never_called_empty(start: Start, user: str) -> None:
    async with start(role="api", exact_history=20) as interactions:
        profile = await interactions.world.person(("user_id", user))
        await interactions.collected("batch", {"batch": [page(user, days) for days in range(60)]})
        history = (await interactions.get(f"/v1/profiles/{profile}/context"))["history"]
    assert history["touchpoints"] >= 40
    assert history["by_channel"] == {"web": history["touchpoints"]}
    assert datetime.fromisoformat(history["last_at"]) == datetime.fromisoformat(history["recent"][0]["occurred_at"])


async def test_a_short_history_is_exact_before_any_rollup(start: Start, user: str) -> None:
    async with start(role="api") as interactions:
        profile = await interactions.world.person(("user_id", user))
        for number in range(1, 4):
            await interactions.collected("page", {"userId": user})
            history = (await interactions.get(f"/v1/profiles/{profile}/context"))["history"]
            assert history["touchpoints"] == number == len(history["recent"])


def page(user: str, days: int) -> dict[str, Any]:
    """A page seen so many days ago, over several months."""
    at = datetime.now(UTC) - timedelta(days=days)
    return {"type": "page", "userId": user, "timestamp": at.isoformat()}


moments = st.datetimes(datetime(2020, 1, 1), datetime(2026, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001  the zone follows
touchpoints = st.builds(
    Seen, st.sampled_from([UUID(int=1), UUID(int=2)]), st.sampled_from("ab"), st.sampled_from("xy"), moments
)


@given(st.lists(touchpoints, max_size=30), st.randoms())
def test_folding_does_not_depend_on_order(happened: list[Seen], chance: random.Random) -> None:
    shuffled = chance.sample(happened, len(happened))
    assert sorted(additions(happened)) == sorted(additions(shuffled))
    assert sum(each.touchpoints for each in additions(happened)) == len(happened)
