"""Asking rules again about whoever has changed: one turn after another, by one worker of all."""

import logging
from collections.abc import Awaitable, Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final
from uuid import UUID

import asyncpg
from prometheus_client import Gauge, Histogram
from rapport.database import CONNECTION_LOST, Connection, Database
from rapport.telemetry.metrics import REGISTRY

from segment_service.columns import changes as columns
from segment_service.conditions.parser import parse
from segment_service.conditions.statements import statement
from segment_service.standing import repository as turns
from segment_service.unevaluated import repository as queue
from segment_service.watching import repository
from segment_service.watching.repository import Answer, Changed
from segment_service.watching.rules import Question, Watched, questions

SEGMENT: Final = "segment"

_AT_ONCE: Final = 500
_DUE_AT_ONCE: Final = 2_000
_RULE_SECONDS: Final = 20
_RETRY_SECONDS: Final = 5.0

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
    """Asks rules about profiles; `owners` are told of changed answers."""

    def __init__(self, database: Database, owners: Mapping[str, "Owner"]) -> None:
        self._database = database
        self._owners = owners

    async def turn(self) -> int:
        """Ask about those who have waited longest; how many there were."""
        now = datetime.now(UTC)
        async with self._database.pool.acquire(timeout=10) as connection:
            waiting = await queue.some(connection, _AT_ONCE)
            due = await repository.due(connection, now, _DUE_AT_ONCE)
            rules = await repository.rules(connection) if waiting or due else []
        if not waiting and not due:
            return 0
        asked = questions(rules, {each.profile_id: each.causes for each in waiting}, due)
        answers: list[Answer] = []
        for question in asked:
            answers += await self._ask(question)
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

    async def _ask(self, question: Question) -> list[Answer]:
        async with self._database.pool.acquire(timeout=10) as connection:
            try:
                return await self._answers(connection, question, question.rules)
            except CONNECTION_LOST:
                raise
            except asyncpg.PostgresError:
                # One of them fails: each by itself, so that the others are answered.
                return await self._one_by_one(connection, question)

    async def _one_by_one(self, connection: Connection, question: Question) -> list[Answer]:
        answers: list[Answer] = []
        for rule in question.rules:
            try:
                answers += await self._answers(connection, question, [rule])
            except CONNECTION_LOST:
                raise
            except asyncpg.PostgresError as error:
                _log.warning("rule %s of %s cannot be asked: %s", rule.key, rule.owner, error)
                await repository.failing(connection, rule, str(error), _RETRY_SECONDS)
        return answers

    async def _answers(self, connection: Connection, question: Question, rules: Sequence[Watched]) -> list[Answer]:
        statements = {
            rule.rule_id: await statement(parse(rule.rule), "judged", "touched")
            for rule in rules
            if rule.rule is not None
        }
        async with connection.transaction(readonly=True):
            await connection.execute(f"SET LOCAL statement_timeout = '{_RULE_SECONDS}s'")
            found: dict[int, Iterable[Any]] = dict(await repository.ask(connection, question.profiles, statements))
            for rule in rules:
                if rule.rule is None:
                    found[rule.rule_id] = await repository.ask_list(connection, question.profiles, rule.key)
        return [answer for rule_id, rows in found.items() for answer in _read(rule_id, rows, question.profiles)]


def _read(rule_id: int, rows: Iterable[Any], profiles: Collection[UUID]) -> Iterable[Answer]:
    left = set(profiles)
    for row in rows:
        profile, due_at = row["profile_id"], row["due_at"]
        left.discard(profile)
        yield Answer(rule_id, profile, row["matches"], due_at.replace(tzinfo=UTC) if due_at is not None else None)
    # Who is not answered about is there no more: merged away, or erased.
    for profile in left:
        yield Answer(rule_id, profile, False, None)


def _read_by_others(rules: Mapping[int, Watched], members: Sequence[Changed]) -> dict[UUID, set[str]]:
    read = frozenset().union(*(rule.reads for rule in rules.values()))
    causes: dict[UUID, set[str]] = {}
    for each in members:
        cause = f"segment:{rules[each.rule_id].key}"
        if cause in read:
            causes.setdefault(each.profile_id, set()).add(cause)
    return causes
