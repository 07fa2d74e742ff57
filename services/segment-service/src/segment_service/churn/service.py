"""Reading the churn file, and what people add to it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

import asyncpg
import msgspec
from fastapi import Request
from rapport.concurrency import check_if_match
from rapport.database import Connection

from segment_service.churn import repository
from segment_service.churn.errors import EpisodeOver, UnknownEpisode
from segment_service.churn.following import settle
from segment_service.churn.rules import Said, Statement, interval
from segment_service.churn.schemas import ActionRate, ChurnReport, EpisodeOut, EpisodePatch, Rate, ReasonRate
from segment_service.money import Money, amount_text
from segment_service.standing.repository import Rules


async def listed(
    connection: Connection,
    currency: str,
    state: str | None,
    reason: str | None,
    since: datetime | None,
    profile_id: UUID | None,
    after: tuple[datetime, UUID] | None,
    limit: int,
) -> list[EpisodeOut]:
    """Episodes, those that opened last first."""
    rows = await repository.page(connection, state, reason, since, profile_id, after, limit)
    return [answer(row, currency) for row in rows]


async def one(connection: Connection, episode_id: UUID, currency: str) -> tuple[EpisodeOut, int]:
    """An episode and its version; raises `UnknownEpisode`."""
    row = await _row(connection, episode_id)
    return answer(row, currency), row["version"]


async def change(
    connection: Connection, request: Request, episode_id: UUID, patch: EpisodePatch, by: str, rules: Rules
) -> tuple[EpisodeOut, int]:
    """Add what somebody says of an episode; raises `UnknownEpisode`, `EpisodeOver` or `Stale`."""
    await repository.take_turn(connection)
    row = await _row(connection, episode_id)
    check_if_match(request, row["version"])
    if row["state"] == "undone":
        raise EpisodeOver("The customer had not lapsed, as is known by now: nothing can be added to the episode.")
    if patch.state is not None and row["state"] == "won_back":
        raise EpisodeOver("The customer has come back: the episode is over, whatever else is said of it.")
    now = datetime.now(UTC)
    for kind, body in _said(patch, row, now).items():
        await repository.say(connection, Statement(row["identity_id"], row["opened_at"], kind, body, now, by))
    if row["profile_id"] is not None:
        await settle(connection, [row["profile_id"]], rules)
    return await one(connection, episode_id, rules.currency)


async def report(connection: Connection, currency: str, since: datetime | None, until: datetime | None) -> ChurnReport:
    """Episodes that opened from `since` up to `until`."""
    by_reason, by_action = await repository.counts(connection, since, until)
    sums = {name: sum(row[name] for row in by_reason) for name in ("episodes", "open", "won_back", "closed")}
    low, high = interval(sums["won_back"], sums["episodes"])
    return ChurnReport(
        since=since,
        until=until,
        **sums,
        rate=_share(sums["won_back"], sums["episodes"]),
        low=low,
        high=high,
        reasons=[
            ReasonRate(**_rate(row, currency), **{name: row[name] for name in ("reason", "given", "open", "closed")})
            for row in by_reason
        ],
        actions=[ActionRate(**_rate(row, currency), action=row["action"]) for row in by_action],
    )


def answer(row: asyncpg.Record, currency: str) -> EpisodeOut:
    """An episode from its row."""
    plain = {name: row[name] for name in EpisodeOut.model_fields if name not in {"evidence", "actions", "outcome"}}
    outcome = None if row["outcome"] is None else msgspec.json.decode(row["outcome"])
    if outcome and (sales := outcome.get("sales")) is not None:
        outcome["sales"] = Money(amount=amount_text(Decimal(sales)), currency=currency)
    evidence, actions = (msgspec.json.decode(row[name]) for name in ("evidence", "actions"))
    return EpisodeOut(**plain, evidence=evidence, actions=actions, outcome=outcome)


async def _row(connection: Connection, episode_id: UUID) -> asyncpg.Record:
    row = await repository.one(connection, episode_id)
    if row is None:
        raise UnknownEpisode(f"There is no churn episode {episode_id}.")
    return row


def _said(patch: EpisodePatch, row: asyncpg.Record, now: datetime) -> Mapping[Said, Mapping[str, Any]]:
    """Statements that a patch makes, by kind."""
    named = patch.model_fields_set
    said: dict[Said, Mapping[str, Any]] = {}
    if named & {"reason", "reason_note"}:
        given = row["reason_origin"] == "given"
        reason = patch.reason if "reason" in named else row["reason"] if given else None
        note = patch.reason_note if "reason_note" in named else row["reason_note"] if given else None
        said["reason"] = {"reason": reason, "note": note}
    if "actions" in named:
        said["actions"] = {
            "actions": [
                {"kind": each.kind, "at": (each.at or now).isoformat(), "note": each.note}
                for each in patch.actions or []
            ]
        }
    state = patch.state or row["state"]
    if named & {"state", "closing_note"} and state in {"open", "closed"}:
        said["closing"] = {"state": state, "note": patch.closing_note}
    return said


def _rate(row: asyncpg.Record, currency: str) -> dict[str, Any]:
    low, high = interval(row["won_back"], row["episodes"])
    rate = Rate(
        episodes=row["episodes"],
        won_back=row["won_back"],
        rate=_share(row["won_back"], row["episodes"]),
        low=low,
        high=high,
        sales=Money(amount=amount_text(row["sales"]), currency=currency),
    )
    return rate.model_dump()


def _share(part: int, whole: int) -> float | None:
    return part / whole if whole else None
