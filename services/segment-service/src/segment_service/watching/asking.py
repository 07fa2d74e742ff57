"""Putting rules to PostgreSQL about a few profiles, by statements that it has planned once."""

import logging
from collections.abc import Iterable, Sequence
from datetime import UTC
from typing import Any, Final
from uuid import UUID

import asyncpg
from rapport.database import CONNECTION_LOST, Connection, Database, connect_arguments

from segment_service.conditions.parser import parse
from segment_service.conditions.statements import statement
from segment_service.watching import repository
from segment_service.watching.repository import Answer
from segment_service.watching.rules import Question, Watched

_RULE_SECONDS: Final = 20
_RETRY_SECONDS: Final = 5.0
# A rule's statement is kept prepared for good: planning it takes longer than answering it.
_MOST_PREPARED: Final = 2_000
_LONGEST_PREPARED: Final = 1_048_576

_log = logging.getLogger(__name__)


class Asking:
    """Asks over a connection of its own, which keeps the statements of all rules prepared."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._connection: asyncpg.Connection[asyncpg.Record] | None = None
        # By rule, with the revision that it is of.
        self._statements: dict[int, tuple[int, str]] = {}

    async def ask(self, questions: Sequence[Question]) -> list[Answer]:
        """What rules answer; of those that cannot be asked, nothing."""
        answers: list[Answer] = []
        for question in questions:
            connection = await self._open()
            try:
                answers += await self._answers(connection, question, question.rules)
            except CONNECTION_LOST:
                raise
            except asyncpg.PostgresError:
                # One of them fails: each by itself, so that the others are answered.
                answers += await self._one_by_one(connection, question)
        return answers

    async def close(self) -> None:
        """Let the connection go."""
        if self._connection is not None:
            self._connection.terminate()
            self._connection = None

    async def _open(self) -> Connection:
        if self._connection is None or self._connection.is_closed():
            self._connection = await asyncpg.connect(
                **connect_arguments(self._database.url),
                timeout=10,
                command_timeout=60,
                statement_cache_size=_MOST_PREPARED,
                max_cached_statement_lifetime=0,
                max_cacheable_statement_size=_LONGEST_PREPARED,
                server_settings={"application_name": "rapport"},
            )
        return self._connection

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
        statements = {rule.rule_id: await self._statement(rule) for rule in rules if rule.rule is not None}
        async with connection.transaction(readonly=True):
            await connection.execute(f"SET LOCAL statement_timeout = '{_RULE_SECONDS}s'")
            found: dict[int, Iterable[Any]] = dict(await repository.ask(connection, question.profiles, statements))
            for rule in rules:
                if rule.rule is None:
                    found[rule.rule_id] = await repository.ask_list(connection, question.profiles, rule.key)
        return [answer for rule_id, rows in found.items() for answer in _read(rule_id, rows, question.profiles)]

    async def _statement(self, rule: Watched) -> str:
        revision, text = self._statements.get(rule.rule_id, (None, ""))
        if revision != rule.revision:
            text = await statement(parse(rule.rule), "judged", "touched")
            self._statements[rule.rule_id] = rule.revision, text
        return text


def _read(rule_id: int, rows: Iterable[Any], profiles: Iterable[UUID]) -> Iterable[Answer]:
    left = set(profiles)
    for profile, member, due_at in rows:
        left.discard(profile)
        yield Answer(rule_id, profile, member, due_at.replace(tzinfo=UTC) if due_at is not None else None)
    # Who is not answered about is there no more: merged away, or erased.
    for profile in left:
        yield Answer(rule_id, profile, False, None)
