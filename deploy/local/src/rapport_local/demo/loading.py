"""Loading the sample, and holding what the services say of each household against the package's own tables."""

import asyncio
import time
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from rapport_local.demo.company import Company
from rapport_local.demo.report import Report
from rapport_local.sample.expected import Totals, expected_orders
from rapport_local.sample.loader import load

_AT_ONCE = 16
_PATIENCE = 120.0


async def tell(report: Report, company: Company, info: Mapping[str, Any], sample: str) -> None:
    """Send the sample through the collector and wait until every household's sum is right."""
    report.chapter("Real customers come in through the public API")
    began = time.monotonic()
    loaded = await load(info, sample, console=report.console)
    report.say(
        f"{loaded.messages:,} messages of {loaded.households:,} households, {loaded.orders:,} of them orders,"
        f" accepted in {loaded.seconds:.1f} s"
    )
    expected = await asyncio.to_thread(expected_orders, sample)
    wrong = await settled(company, expected)
    report.say(f"all of it in profiles and standings {time.monotonic() - began:.1f} s after the first message")
    orders = sum(each.orders for each in expected.values())
    sales = sum(each.cents for each in expected.values()) / 100
    report.check(
        not wrong,
        f"{orders:,} orders and {sales:,.2f} USD in sales: every household as in the package's own tables",
        dict(list(wrong.items())[:3]),
    )


async def settled(company: Company, expected: Mapping[int, Totals]) -> dict[int, object]:
    """Households that do not (yet) show what is expected; looks again for as long as they become fewer."""
    missing: dict[int, object] = dict.fromkeys(expected)
    progress_at = time.monotonic()
    gate = asyncio.Semaphore(_AT_ONCE)

    async def look(household: int) -> tuple[int, object]:
        async with gate:
            return household, await _difference(company, household, expected[household])

    while missing and time.monotonic() - progress_at < _PATIENCE:
        # One household tells whether the rest are worth asking.
        probe = next(iter(missing))
        missing[probe] = await _difference(company, probe, expected[probe])
        if missing[probe] is not None:
            await asyncio.sleep(0.25)
            continue
        found = dict(await asyncio.gather(*(look(household) for household in missing)))
        left = {household: difference for household, difference in found.items() if difference is not None}
        if len(left) < len(missing):
            progress_at = time.monotonic()
        missing = left
    return missing


async def _difference(company: Company, household: int, expected: Totals) -> object:
    profile = await company.resolve("user_id", f"hh-{household}")
    standing = None if profile is None else await company.standing(profile)
    if standing is None:
        return "unknown"
    totals = standing["totals"]
    found = Totals(totals["orders"], int(Decimal(totals["revenue"]["amount"]) * 100))
    return None if found == expected else (found, expected)
