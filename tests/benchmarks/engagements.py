"""The main job under load: engagements of customers with 1,000 and with 100,000 touchpoints, four services up."""

import asyncio
import time
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from statistics import quantiles

import httpx
from rapport_local.demo.company import Company, good, until
from rapport_local.stack import Stack

from tests.benchmarks.scene import stack
from tests.benchmarks.table import Row, of_rounds

_ROUNDS, _CALLS, _A_SECOND = 5, 100, 20
_SIZES = (1_000, 100_000)


async def history(up: Stack, company: Company, user: str, size: int) -> None:
    """Send `size` page views of a customer over a year and wait until they are counted."""
    now = datetime.now(UTC)
    async with httpx.AsyncClient(
        base_url=up.urls["interaction"], auth=httpx.BasicAuth(str(up.info["collect_token"]), ""), timeout=60
    ) as collector:
        for start in range(0, size, 500):
            batch = [
                {
                    "type": "page",
                    "userId": user,
                    "name": "Home",
                    "messageId": f"{user}-{number}",
                    "timestamp": (now - timedelta(seconds=number * 31_000_000 // size)).isoformat(),
                }
                for number in range(start, min(start + 500, size))
            ]
            good(await collector.post("/v1/batch", json={"batch": batch}))

    async def counted() -> bool:
        profile = await company.resolve("user_id", user)
        if profile is None:
            return False
        answer = await company.interactions.get(f"/v1/profiles/{profile}/context")
        return answer.status_code == 200 and answer.json()["history"]["touchpoints"] >= size

    await until(counted, f"{size} touchpoints are counted", patience=300)


async def _p95(company: Company, user: str) -> float:
    """95th percentile in ms of calls that go out at a steady rate, whether or not the last has come back."""

    async def call(number: int) -> float:
        await asyncio.sleep(number / _A_SECOND)
        body = {"channel": "web", "direction": "inbound", "identifiers": [{"kind": "user_id", "value": user}]}
        began = time.perf_counter()
        answer = good(await company.interactions.post("/v1/engagements", json=body))
        if answer["degraded"]:
            raise RuntimeError(f"an answer without {answer['degraded']} does not count")
        return (time.perf_counter() - began) * 1000

    return quantiles(await asyncio.gather(*(call(number) for number in range(_CALLS))), n=20)[-1]


async def run() -> Sequence[Row]:
    """Rounds in which the short and the long history take turns."""
    rounds: list[tuple[float, float]] = []
    async with stack() as up, Company(up.info) as company:
        for size in _SIZES:
            await history(up, company, f"reader-{size}", size)
        for _ in range(_ROUNDS):
            short, long = [await _p95(company, f"reader-{size}") for size in _SIZES]
            rounds.append((long, short))
    shorts = sorted(short for _, short in rounds)
    return [
        Row(
            "engagement, 1,000 touchpoints, p95",
            shorts[len(shorts) // 2],
            None,
            None,
            60,
            "ms",
            f"{_A_SECOND} a second, four services up",
            "lower",
        ),
        of_rounds(
            "engagement, 100,000 touchpoints, p95",
            rounds,
            goal=1.2,
            unit="ms",
            note="against 1,000 touchpoints",
            better="lower",
        ),
    ]
