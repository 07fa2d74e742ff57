"""Keeping costs of contacts, and having the customers they concern computed anew."""

import hashlib
from collections.abc import Sequence
from datetime import UTC, date, datetime
from decimal import Decimal

from fastapi import Request
from rapport.concurrency import check_if_match
from rapport.database import Connection
from rapport.errors import Stale
from rapport.feed import Event, append

from segment_service.rates.rules import Days, concerned
from segment_service.revaluation.service import revalue_service
from segment_service.service_costs import repository
from segment_service.service_costs.errors import InvalidCosts, UnknownChannel
from segment_service.service_costs.repository import Dated
from segment_service.service_costs.schemas import ChannelCosts, DatedCost
from segment_service.standing.repository import take_turn


async def read(connection: Connection, own: str, channel: str) -> tuple[ChannelCosts, str]:
    """The costs of a channel and their version; raises `UnknownChannel`."""
    dated = await repository.of(connection, channel)
    if not dated:
        raise UnknownChannel(f"No costs are known of {channel}; PUT /v1/service-costs/{channel} gives some.")
    return _out(own, channel, dated), version(dated)


async def listed(connection: Connection, own: str) -> list[ChannelCosts]:
    """The costs of all channels."""
    return [_out(own, channel, dated) for channel, dated in (await repository.every(connection)).items()]


async def put(
    connection: Connection, own: str, channel: str, costs: Sequence[DatedCost], request: Request
) -> tuple[ChannelCosts, str, bool]:
    """These costs instead of those there are; they, their version, and whether there were none."""
    after: Dated = {}
    for place, each in enumerate(costs):
        dated = after.setdefault(each.direction, {})
        if each.from_ in dated:
            detail = f"{each.direction} has a second cost from {each.from_}"
            raise InvalidCosts(detail, errors=[{"pointer": f"/costs/{place}/from", "detail": detail}])
        dated[each.from_] = each.cost
    await take_turn(connection)
    before = await repository.of(connection, channel)
    if before:
        check_if_match(request, version(before))
    elif request.headers.get("if-match") is not None:
        raise Stale("No costs are known of this channel, or no longer.")
    await _change(connection, channel, before, after)
    return _out(own, channel, after), version(after), not before


async def remove(connection: Connection, channel: str, request: Request) -> None:
    """Forget the costs of a channel; raises `UnknownChannel`, `Stale`."""
    await take_turn(connection)
    before = await repository.of(connection, channel)
    if not before:
        raise UnknownChannel(f"No costs are known of {channel}.")
    check_if_match(request, version(before))
    await _change(connection, channel, before, {})


def version(dated: Dated) -> str:
    """Names these costs and no others."""
    text = ";".join(f"{direction}/{day}={cost:.4f}" for direction, day, cost in _flat(dated))
    return hashlib.sha256(text.encode()).hexdigest()[:16]


async def _change(connection: Connection, channel: str, before: Dated, after: Dated) -> None:
    # Nobody's cost is unknown once one is known, and everybody's is again when the last is forgotten.
    was_known = bool(await repository.every(connection))
    await repository.replace(connection, channel, _flat(after))
    is_known = bool(await repository.every(connection))
    days = _hull(before, after)
    if days is None:
        return
    months = await repository.months(connection, channel, *days)
    await revalue_service(connection, channel, days, months, everybody=was_known != is_known)
    data = {"channel": channel, "from": days.since, "until": days.until}
    event = Event(type="service_costs.changed", time=datetime.now(UTC), subject=channel, data=data)
    await append(connection, [event])


def _hull(before: Dated, after: Dated) -> Days | None:
    found = [
        days
        for direction in {*before, *after}
        if (days := concerned(before.get(direction, {}), after.get(direction, {}))) is not None
    ]
    if not found:
        return None
    ends = [days.until for days in found if days.until is not None]
    return Days(min(days.since for days in found), max(ends) if len(ends) == len(found) else None)


def _flat(dated: Dated) -> list[tuple[str, date, Decimal]]:
    return [(direction, day, cost) for direction, costs in sorted(dated.items()) for day, cost in sorted(costs.items())]


def _out(own: str, channel: str, dated: Dated) -> ChannelCosts:
    costs = [DatedCost(direction=direction, from_=day, cost=cost) for direction, day, cost in _flat(dated)]
    return ChannelCosts(channel=channel, currency=own, costs=costs)
