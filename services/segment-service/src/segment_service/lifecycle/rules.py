"""How stages follow from the days on which a customer ordered: pure rules.

The same as `standing.statements.TOUCH` computes for the present, for the whole past: what a customer's standing said on
any day follows from the orders up to that day.
"""

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from typing import Final, NamedTuple

from segment_service.standing.rules import LifecycleRule, Milestones, Stage, stage_at

# Seconds as numbers, as in the statement: the two agree to the microsecond.
_DAY: Final = 86_400.0


class OrderDay(NamedTuple):
    """The first and the last order of one day (UTC)."""

    first_at: datetime
    last_at: datetime


class Change(NamedTuple):
    """A stage, and since when."""

    stage: Stage
    since: datetime | None


class Silence(NamedTuple):
    """A silence in which the customer lapsed: after the order day numbered `after` (from 0), ended by the next one."""

    after: int
    silent_since: datetime
    lapsed_at: datetime
    returned_at: datetime | None


def milestones(days: Sequence[OrderDay], contacted_at: datetime | None, rule: LifecycleRule) -> Iterator[Milestones]:
    """What was known after each day, days in their order."""
    settled = returned = won_back_until = None
    for number, day in enumerate(days):
        if number and (day.first_at - days[number - 1].last_at).total_seconds() >= _lapse(days, number - 1, rule):
            returned = day.first_at
            won_back_until = returned + timedelta(days=rule.won_back_days)
        if number + 1 == rule.new_order_days:
            settled = day.first_at
        established = days[0].first_at + timedelta(days=rule.new_days)
        if settled is not None:
            established = min(established, settled)
        lapse = _lapse(days, number, rule)
        risk = min(_late(days, number, rule, rule.at_risk_p_alive, rule.at_risk_days, rule.at_risk_gaps), lapse)
        yield Milestones(
            days[0].first_at,
            established,
            returned,
            won_back_until,
            max(established, day.last_at + timedelta(seconds=risk)),
            max(established, day.last_at + timedelta(seconds=lapse)),
            contacted_at,
        )


def history(
    days: Sequence[OrderDay], contacted_at: datetime | None, rule: LifecycleRule, now: datetime
) -> list[Change]:
    """Every stage up to `now`, oldest first; days in their order, none later than `now`."""
    changes: list[Change] = []
    if not days or (contacted_at is not None and contacted_at < days[0].first_at):
        changes.append(Change("prospect", contacted_at))
    for number, known in enumerate(milestones(days, contacted_at, rule)):
        until = days[number + 1].first_at if number + 1 < len(days) else None
        turns = (known.established_at, known.won_back_until, known.at_risk_from, known.lapsed_from)
        start = days[number].first_at
        for at in sorted({start, *(each for each in turns if each is not None and each > start)}):
            if at > now or (until is not None and at >= until):
                break
            stage, _ = stage_at(known, at)
            if not changes or changes[-1].stage != stage:
                changes.append(Change(stage, at))
    return changes


def silences(days: Sequence[OrderDay], rule: LifecycleRule, now: datetime) -> list[Silence]:
    """The silences in which the customer lapsed, oldest first."""
    found = []
    for number, known in enumerate(milestones(days, None, rule)):
        ended = days[number + 1].first_at if number + 1 < len(days) else None
        lapsed = known.lapsed_from
        if lapsed is not None and lapsed <= now and (ended is None or lapsed < ended):
            found.append(Silence(number, days[number].last_at, lapsed, ended))
    return found


def _gap(days: Sequence[OrderDay], number: int) -> float:
    """The mean gap up to the day numbered so, in seconds; 0 after the first day."""
    return (days[number].last_at - days[0].first_at).total_seconds() / number if number else 0.0


def _lapse(days: Sequence[OrderDay], number: int, rule: LifecycleRule) -> float:
    """The silence after that day in which a customer lapses, in seconds."""
    late = _late(days, number, rule, rule.lapsed_p_alive, rule.lapsed_days, rule.lapsed_gaps)
    return min(late, rule.lapsed_days_at_most * _DAY)


def _late(days: Sequence[OrderDay], number: int, rule: LifecycleRule, alive: float, least: int, gaps: float) -> float:
    """The silence after that day in which a customer is late, in seconds: by the model, or by their own gaps."""
    if rule.dropout is not None and number:
        span = (days[number].last_at - days[0].first_at).total_seconds()
        return max(rule.at_risk_days * _DAY, rule.dropout.silence(alive, number, span))
    return max(least * _DAY, gaps * _gap(days, number))
