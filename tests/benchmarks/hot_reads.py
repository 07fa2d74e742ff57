"""Recognition and standing against a bare primary-key read, one uvicorn worker each, the full sample loaded."""

import json
import random
from collections.abc import Sequence
from uuid import uuid4

from rapport_local.demo.company import Company
from rapport_local.demo.loading import settled
from rapport_local.sample.expected import expected_orders
from rapport_local.sample.loader import load

from tests.benchmarks.load import measure, request
from tests.benchmarks.scene import bare, stack
from tests.benchmarks.table import Row, of_rounds

_ROUNDS = 7
_SECONDS = 2.0


async def run() -> Sequence[Row]:
    """Rounds in which the bare read, recognition and standing take turns."""
    chance = random.Random(3)
    async with stack() as up, Company(up.info) as company:
        await load(up.info, "small", progress=False)
        expected = expected_orders("small")
        if await settled(company, expected):
            raise RuntimeError("the sample did not arrive")
        users = [f"hh-{household}" for household in expected]
        profiles = [await company.resolve("user_id", user) for user in users]
        token = str(up.info["admin_token"])
        bodies = {str(uuid4()): json.dumps({"profile_id": profile, "confidence": 1.0}) for profile in profiles}
        resolve = [
            request(
                f"{up.urls['profile']}/v1/profiles/resolve",
                token,
                json.dumps({"identifiers": [{"kind": "user_id", "value": user}], "create": False}).encode(),
            )
            for user in users
        ]
        standing = [request(f"{up.urls['segment']}/v1/profiles/{profile}/standing", token) for profile in profiles]
        resolved: list[tuple[float, float]] = []
        stood: list[tuple[float, float]] = []
        async with bare(up, bodies) as plain:
            reads = [request(f"{plain}/rows/{key}") for key in bodies]
            for requests in (reads, resolve, standing):
                chance.shuffle(requests)
            for _ in range(_ROUNDS):
                baseline = await _rate(plain, reads)
                resolved.append((await _rate(up.urls["profile"], resolve), baseline))
                stood.append((await _rate(up.urls["segment"], standing), baseline))
    return [
        of_rounds("resolve a known identifier", resolved, goal=0.7, unit="req/s", note="against a bare read"),
        of_rounds("standing", stood, goal=0.7, unit="req/s", note="against a bare read"),
    ]


async def _rate(url: str, requests: Sequence[bytes]) -> float:
    outcome = await measure(url, requests, seconds=_SECONDS)
    if outcome.bad:
        raise RuntimeError(f"{outcome.bad} of {outcome.answers} answers were not good")
    return outcome.rate
