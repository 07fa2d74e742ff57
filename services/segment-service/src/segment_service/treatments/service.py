"""Defining treatments, and which one a customer gets."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, Final
from uuid import UUID

import asyncpg
import msgspec
from fastapi import Request
from rapport.concurrency import check_if_match
from rapport.database import Connection
from rapport.errors import Stale
from rapport.feed import Event, append
from rapport.pagination import Page, decode_cursor, encode_cursor

from segment_service.money import Money
from segment_service.standing import repository as turns
from segment_service.standing.errors import UnknownProfile
from segment_service.treatments import repository
from segment_service.treatments.errors import UnknownTreatment
from segment_service.treatments.rules import Policy, resolve
from segment_service.treatments.schemas import Budget, BudgetLine, Resolved, TreatmentIn, TreatmentOut

_FRESH_SECONDS: Final = 1.0
_YEAR: Final = Decimal(365)
_CENT: Final = Decimal("0.01")


async def put(
    connection: Connection, key: str, body: TreatmentIn, by: str, request: Request
) -> tuple[TreatmentOut, bool]:
    """Keep a treatment; it, and whether it is new. Raises `Stale`."""
    before = await repository.read(connection, key)
    if before is not None:
        check_if_match(request, before["version"])
    elif "if-match" in request.headers:
        raise Stale(f"There is no treatment {key}.")
    document = body.model_dump(mode="json")
    if before is None or msgspec.json.decode(before["document"]) != document:
        await repository.put(connection, key, document, by)
        await append(connection, [_event("treatment.changed", key)])
    return await treatment(connection, key), before is None


async def treatment(connection: Connection, key: str) -> TreatmentOut:
    """A treatment; raises `UnknownTreatment`."""
    row = await repository.read(connection, key)
    if row is None:
        raise UnknownTreatment(f"There is no treatment {key}.")
    return _answer(row)


async def listed(connection: Connection, cursor: str | None, limit: int) -> Page[TreatmentOut]:
    """Treatments in the order of their keys."""
    after = decode_cursor(cursor, tuple[str])[0] if cursor else ""
    rows = [row for row in await repository.everything(connection) if row["key"] > after]
    more = encode_cursor(rows[limit - 1]["key"]) if len(rows) > limit else None
    return Page(items=[_answer(row) for row in rows[:limit]], next_cursor=more)


async def remove(connection: Connection, key: str, request: Request) -> None:
    """Remove a treatment; raises `UnknownTreatment` and `Stale`."""
    check_if_match(request, (await treatment(connection, key)).version)
    await repository.remove(connection, key)
    await append(connection, [_event("treatment.deleted", key)])


async def treatment_of(connection: Connection, profile_id: UUID) -> Resolved:
    """What a customer gets, and why; raises `UnknownProfile`."""
    present = await turns.present_id(connection, profile_id)
    found = await repository.class_and_grades(connection, present)
    if found is None:
        raise UnknownProfile(f"Profile {profile_id} is not known here, or has not arrived yet.")
    value_class, grades = found
    chosen = resolve(_policies(await repository.everything(connection)), value_class, grades)
    return Resolved(
        profile_id=present, value_class=value_class, grades=grades, treatment=_granted(*chosen) if chosen else None
    )


async def budget(connection: Connection, currency: str, period_days: int) -> Budget:
    """What each treatment costs against what its customers bring."""
    policies = _policies(await repository.everything(connection))
    sums: dict[str | None, list[Any]] = defaultdict(lambda: [0, Decimal(0), Decimal(0), 0])
    for value_class, grades, customers, sales, profit, profit_of in await repository.sizes(connection):
        chosen = resolve(policies, value_class, msgspec.json.decode(grades) if grades else {})
        line = sums[chosen[0].key if chosen else None]
        line[0] += customers
        line[1] += sales or 0
        line[2] += profit or 0
        line[3] += profit_of
    costs = {each.key: each.document["cost_per_year"] for each in policies}
    yearly = _YEAR / period_days
    lines = [
        _line(key, costs.get(key) if key is not None else None, sums[key], yearly, currency)
        for key in [*(each.key for each in policies), None]
    ]
    return Budget(as_of=datetime.now(UTC), lines=lines)


@dataclass(slots=True)
class Policies:
    """All treatments, read again when they are more than a second old: standing is read far more often than written."""

    _policies: Sequence[Policy] = ()
    _read_at: float = field(default=float("-inf"))

    async def current(self, pool: asyncpg.Pool[asyncpg.Record]) -> Sequence[Policy]:
        """The treatments as of at most a second ago."""
        if time.monotonic() - self._read_at > _FRESH_SECONDS:
            # Whoever asks meanwhile gets what there was.
            self._read_at = time.monotonic()
            self._policies = _policies(await repository.everything(pool))
        return self._policies


def granted(policies: Sequence[Policy], value_class: str, grades: Mapping[str, str]) -> bytes:
    """A customer's treatment as JSON, null for none."""
    chosen = resolve(policies, value_class, grades) if policies else None
    return msgspec.json.encode(_granted(*chosen)) if chosen else b"null"


def _granted(policy: Policy, reason: str) -> dict[str, Any]:
    left_out = {"applies_to", "priority", "cost_per_year"}
    given = {name: value for name, value in policy.document.items() if name not in left_out}
    return {"key": policy.key, **given, "reason": reason}


def _policies(rows: Sequence[asyncpg.Record]) -> list[Policy]:
    found = []
    for row in rows:
        document = msgspec.json.decode(row["document"])
        whom = document["applies_to"]
        grades = {scheme: frozenset(wanted) for scheme, wanted in whom["grades"].items()}
        found.append(Policy(row["key"], document["priority"], frozenset(whom["value_class"]), grades, document))
    return found


def _line(
    key: str | None, cost_per_year: float | None, sums: Sequence[Any], yearly: Decimal, currency: str
) -> BudgetLine:
    customers, sales, profit, profit_of = sums
    cost = Decimal(str(cost_per_year)) * customers if cost_per_year is not None else None
    brought = profit * yearly if profit_of else None
    if cost is None or brought is None:
        verdict = "unknown"
    elif brought <= 0 < cost:
        verdict = "loss"
    else:
        verdict = "within" if cost <= brought else "over"
    return BudgetLine(
        treatment=key,
        customers=customers,
        cost=_money(cost, currency),
        sales=Money(amount=str((sales * yearly).quantize(_CENT)), currency=currency),
        profit=_money(brought, currency),
        profit_of=profit_of,
        verdict=verdict,
    )


def _money(amount: Decimal | None, currency: str) -> Money | None:
    return Money(amount=str(amount.quantize(_CENT)), currency=currency) if amount is not None else None


def _answer(row: asyncpg.Record) -> TreatmentOut:
    document = msgspec.json.decode(row["document"])
    return TreatmentOut(**{name: row[name] for name in ("key", "version", "changed_at", "changed_by")}, **document)


def _event(name: str, key: str) -> Event:
    return Event(type=name, time=datetime.now(UTC), subject=key, data={"treatment": key})
