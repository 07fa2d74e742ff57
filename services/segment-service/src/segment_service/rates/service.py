"""Keeping rates, and having the orders they concern valued anew."""

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, date, datetime
from decimal import Decimal
from itertools import groupby

from fastapi import Request
from rapport.concurrency import check_if_match
from rapport.database import Connection
from rapport.errors import Stale
from rapport.feed import Event, append

from segment_service.purchases.rules import NO_CURRENCY
from segment_service.rates import repository
from segment_service.rates.errors import InvalidRates, UnknownCurrency
from segment_service.rates.repository import Dated
from segment_service.rates.rules import concerned
from segment_service.rates.schemas import BulkOut, CurrencyRate, DatedRate, RatesOut
from segment_service.revaluation.service import RATES, revalue
from segment_service.standing.repository import take_turn


async def read(connection: Connection, own: str, currency: str) -> tuple[RatesOut, str]:
    """The rates of a currency and their version; raises `UnknownCurrency`."""
    dated = (await repository.of(connection, own, [currency])).get(currency)
    if dated is None:
        raise UnknownCurrency(f"There are no rates of {currency}; PUT /v1/rates/{currency} gives some.")
    return _out(own, currency, dated), version(dated)


async def put(
    connection: Connection, own: str, currency: str, rates: Sequence[DatedRate], request: Request
) -> tuple[RatesOut, str, bool]:
    """These rates instead of those there are; they, their version, and whether there were none."""
    _check([(currency, each.from_) for each in rates], own)
    await take_turn(connection)
    before = (await repository.of(connection, own, [currency])).get(currency, {})
    _check_version(request, before)
    after = {each.from_: each.rate for each in rates}
    await _change(connection, own, currency, before, after)
    return _out(own, currency, after), version(after), not before


async def remove(connection: Connection, own: str, currency: str, request: Request) -> None:
    """Forget a currency: its orders are in no sum of money any more. Raises `UnknownCurrency`, `Stale`."""
    await take_turn(connection)
    before = (await repository.of(connection, own, [currency])).get(currency)
    if before is None:
        raise UnknownCurrency(f"There are no rates of {currency}.")
    check_if_match(request, version(before))
    await _change(connection, own, currency, before, {})


async def add(connection: Connection, own: str, rates: Sequence[CurrencyRate]) -> BulkOut:
    """Add and correct rates of any currencies."""
    _check([(each.currency, each.from_) for each in rates], own)
    await take_turn(connection)
    ordered = sorted(rates, key=lambda each: (each.currency, each.from_))
    known = await repository.of(connection, own, sorted({each.currency for each in rates}))
    added = corrected = 0
    for currency, some in groupby(ordered, key=lambda each: each.currency):
        before = known.get(currency, {})
        given = {each.from_: each.rate for each in some}
        added += sum(day not in before for day in given)
        corrected += sum(day in before and before[day] != rate for day, rate in given.items())
        await _change(connection, own, currency, before, {**before, **given})
    return BulkOut(added=added, corrected=corrected, unchanged=len(rates) - added - corrected)


def version(dated: Mapping[date, Decimal]) -> str:
    """Names these rates and no others."""
    text = ";".join(f"{day}={rate.normalize()}" for day, rate in sorted(dated.items()))
    return hashlib.sha256(text.encode()).hexdigest()[:16]


async def _change(connection: Connection, own: str, currency: str, before: Dated, after: Dated) -> None:
    days = concerned(before, after)
    await repository.replace(connection, own, currency, before, after)
    if days is not None:
        await revalue(connection, RATES, currency, days)
        data = {"currency": currency, "from": days.since, "until": days.until}
        await append(connection, [Event(type="rates.changed", time=datetime.now(UTC), subject=currency, data=data)])


def _check(keys: Iterable[tuple[str, date]], own: str) -> None:
    seen: set[tuple[str, date]] = set()
    errors = []
    for place, (currency, day) in enumerate(keys):
        if currency in {own, NO_CURRENCY}:
            errors.append({"pointer": f"/rates/{place}", "detail": f"{currency} has no rate: sums are in {own}"})
        elif (currency, day) in seen:
            errors.append({"pointer": f"/rates/{place}/from", "detail": f"{currency} has a second rate from {day}"})
        seen.add((currency, day))
    if errors:
        raise InvalidRates(errors[0]["detail"], errors=errors)


def _check_version(request: Request, before: Dated) -> None:
    if before:
        check_if_match(request, version(before))
    elif request.headers.get("if-match") is not None:
        raise Stale("There are no rates of this currency, or no longer.")


def _out(own: str, currency: str, dated: Dated) -> RatesOut:
    rates = [DatedRate(from_=day, rate=rate) for day, rate in sorted(dated.items())]
    return RatesOut(currency=currency, to=own, rates=rates)
