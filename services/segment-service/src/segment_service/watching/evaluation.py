"""Asking rules again about whoever has changed: one turn after another, by one worker of all."""

import logging
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final
from uuid import UUID

from prometheus_client import Gauge, Histogram
from rapport.database import Connection, Database
from rapport.telemetry.metrics import REGISTRY

from segment_service.columns import changes as columns
from segment_service.standing import repository as turns
from segment_service.unevaluated import repository as queue
from segment_service.watching import repository
from segment_service.watching.asking import Asking
from segment_service.watching.repository import Changed
from segment_service.watching.rules import Watched, questions, rules_of

SEGMENT: Final = "segment"

_AT_ONCE: Final = 500
_DUE_AT_ONCE: Final = 2_000
# Whoever waits for what fewer than this part of a crowd wait for is asked as usual.
_SHARE: Final = 20

LAG = Histogram(
    "segment_evaluation_lag_seconds",
    "From a change of a customer to the answers of all rules",
    buckets=(0.05, 0.1, 0.25, 0.5, 1, 2, 5, 15, 60, 300),
    registry=REGISTRY,
)
FAILING = Gauge("segment_rules_failing", "Rules that cannot be asked", registry=REGISTRY)

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class News:
    """Changed answers of one owner's rules.

    `built` is the rule that everybody has just been asked about, if that is what changed them; `initial`: for the first
    time.
    """

    rules: Mapping[int, Watched]
    changed: Sequence[Changed]
    version: int
    at: datetime
    built: Watched | None
    initial: bool


Owner = Callable[[Connection, News], Awaitable[None]]
"""What is done about changed answers, in the transaction that keeps them."""


class Evaluation:
    """Asks rules about profiles; `owners` are told of changed answers.

    When more than `crowd` profiles wait, everybody is asked instead about the rules that most of them wait for.
    """

    def __init__(self, database: Database, owners: Mapping[str, "Owner"], crowd: int) -> None:
        self._database = database
        self._owners = owners
        self._asking = Asking(database)
        self._crowd = crowd

    async def close(self) -> None:
        """Let go of what asking holds."""
        await self._asking.close()

    async def turn(self) -> int:
        """Ask about those who have waited longest; how many there were."""
        now = datetime.now(UTC)
        async with self._database.pool.acquire(timeout=10) as connection:
            waiting = await queue.some(connection, _AT_ONCE)
            due = await repository.due(connection, now, _DUE_AT_ONCE)
            rules = await repository.rules(connection) if waiting or due else []
        if not waiting and not due:
            return 0
        if len(waiting) >= min(_AT_ONCE, self._crowd) and await self._leave_to_building():
            return len(waiting)
        causes = {each.profile_id: each.causes for each in waiting}
        answers = await self._asking.ask(questions(rules, causes, due))
        async with self._database.transaction() as connection:
            await turns.take_turn(connection)
            await queue.done(connection, waiting)
            if answers:
                version = await turns.next_version(connection)
                changed = await repository.keep(connection, answers, version, now)
                await self.tell(connection, {rule.rule_id: rule for rule in rules}, changed, version, now)
        for each in waiting:
            LAG.observe(max(0.0, (datetime.now(UTC) - each.since).total_seconds()))
        return len(waiting) + len(due)

    async def _leave_to_building(self) -> bool:
        """Have everybody asked if too many wait to be asked as usual; whether it is so."""
        async with self._database.transaction() as connection:
            if not await queue.more_than(connection, self._crowd):
                return False
            # In its turn: whatever the files are made of from now on holds the changes that are taken off here.
            await turns.take_turn(connection)
            causes = await queue.common(connection, max(2, self._crowd // _SHARE))
            concerned = rules_of(await repository.rules(connection), causes)
            await repository.build_again(connection, [rule.rule_id for rule in concerned])
            await queue.drop(connection, causes)
        _log.info("everybody is asked about %d rules: too many have changed at once", len(concerned))
        return bool(causes)

    async def tell(
        self,
        connection: Connection,
        rules: Mapping[int, Watched],
        changed: Sequence[Changed],
        version: int,
        now: datetime,
        *,
        built: Watched | None = None,
        initial: bool = False,
    ) -> None:
        """Let owners know of changed answers, and have nested segments looked at again; in the turn of `version`."""
        for owner, act in self._owners.items():
            own = [each for each in changed if rules[each.rule_id].owner == owner]
            if own or (built is not None and built.owner == owner):
                await act(connection, News(rules, own, version, now, built, initial))
        members = [each for each in changed if rules[each.rule_id].owner == SEGMENT]
        if members:
            await columns.log(connection, "membership", {each.profile_id for each in members}, version)
            await queue.put(connection, _read_by_others(rules, members), version)


def _read_by_others(rules: Mapping[int, Watched], members: Sequence[Changed]) -> dict[UUID, set[str]]:
    read = frozenset().union(*(rule.reads for rule in rules.values()))
    causes: dict[UUID, set[str]] = {}
    for each in members:
        cause = f"segment:{rules[each.rule_id].key}"
        if cause in read:
            causes.setdefault(each.profile_id, set()).add(cause)
    return causes
