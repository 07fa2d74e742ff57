"""The main job on real customers, with every part killed while they come in."""

import asyncio
import os
import random
import signal

import pytest
from rapport_local.demo.company import Company
from rapport_local.demo.loading import settled
from rapport_local.demo.story import run
from rapport_local.sample.expected import expected_orders
from rapport_local.sample.loader import load
from rapport_local.stack import Stack

from tests.support.polling import eventually

VICTIMS = ("interaction", "postgres", "segment", "profile", "postgres", "interaction", "campaign", "segment")


async def _kill(stack: Stack, victim: str) -> None:
    """End a part with SIGKILL and wait until the supervisor has another one running."""
    pid = stack.info["pids"][victim]
    os.kill(pid, signal.SIGKILL)
    await eventually(lambda: stack.info["pids"].get(victim) not in {pid, None}, deadline=60)


@pytest.mark.timeout(900)
async def test_kills_during_the_load_lose_and_repeat_nothing_and_the_story_plays_on(stack: Stack) -> None:
    chance = random.Random(11)
    loading = asyncio.create_task(load(stack.info, "small", progress=False))
    during = []
    for victim in VICTIMS:
        # Kills at moments unrelated to what the services do; nothing waits for these pauses.
        await asyncio.sleep(chance.uniform(0.2, 0.6))
        if not loading.done():
            during.append(victim)
        # Those after the end of the load hit the services while they still catch up.
        await _kill(stack, victim)
    report = await loading
    assert {"interaction", "postgres"} <= set(during), "the load was over too soon"
    assert report.households == 300
    async with Company(stack.info) as company:
        assert await settled(company, expected_orders("small")) == {}
    # The story loads the same sample again, which must add nothing, and checks every step of its own.
    assert await run(stack, "small") == 0
