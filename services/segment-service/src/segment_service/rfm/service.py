"""Reading and changing how customers are scored."""

from collections import defaultdict
from datetime import UTC, date, datetime
from decimal import Decimal

from fastapi import Request
from rapport.concurrency import check_if_match
from rapport.database import Connection
from rapport.feed import Event, append

from segment_service.money import Money, amount_text
from segment_service.revaluation.service import revalue_everybody
from segment_service.rfm import repository
from segment_service.rfm.schemas import RfmGroup, RfmOut, RfmRule
from segment_service.standing.repository import take_turn
from segment_service.standing.rules import rfm_group

_DAY = 86_400


async def read(connection: Connection, own: str) -> tuple[RfmOut, int]:
    """The rule with its bounds and groups, and its version."""
    row, now = await repository.read(connection), datetime.now(UTC)
    days = [float(each) for each in row["rfm_days"]]
    # The newest bound is the fewest days.
    days = days or [round((now - each).total_seconds() / _DAY, 2) for each in reversed(row["recency_bounds"])]
    out = RfmOut(
        method="bounds" if row["rfm_days"] else "quintiles",
        recency_days=days,
        frequency=row["frequency_bounds"],
        monetary=[Money(amount=amount_text(each), currency=own) for each in row["revenue_bounds"]],
        ranked_at=row["ranked_at"],
        groups=await _groups(connection, own),
    )
    return out, row["rfm_version"]


async def put(connection: Connection, rule: RfmRule, request: Request) -> None:
    """Score everybody by this rule, some at a time; raises `Stale`."""
    await take_turn(connection)
    row = await repository.read(connection)
    check_if_match(request, row["rfm_version"])
    before = (
        list(row["rfm_days"]),
        *((row["frequency_bounds"], row["revenue_bounds"]) if row["rfm_days"] else ([], [])),
    )
    after = (rule.recency_days or [], rule.frequency or [], rule.monetary or [])
    if before == after:
        return
    await repository.put(connection, *after)
    await revalue_everybody(connection, "rfm", date(1970, 1, 1))
    event = Event(type="rfm.changed", time=datetime.now(UTC), data={"method": rule.method})
    await append(connection, [event])


async def _groups(connection: Connection, own: str) -> list[RfmGroup]:
    found: defaultdict[str, list[Decimal]] = defaultdict(lambda: [Decimal(0), Decimal(0)])
    for r, f, m, customers, revenue in await repository.scores(connection):
        group = found[rfm_group(r, f, m)]
        group[0] += customers
        group[1] += revenue
    everybody = sum((each[0] for each in found.values()), Decimal(0))
    return [
        RfmGroup(
            group=name,
            customers=int(customers),
            share_of_customers=float(customers / everybody),
            revenue=Money(amount=amount_text(revenue), currency=own),
        )
        for name, (customers, revenue) in sorted(found.items(), key=lambda each: (-each[1][0], each[0]))
    ]
