"""The sample arrives whole and once, whatever happens to the collector meanwhile."""

import asyncio
import io
from collections import defaultdict
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from functools import partial
from typing import Any

import pytest
from rapport_local.sample.expected import Totals, expected_orders
from rapport_local.sample.loader import LoadError, load
from rapport_local.sample.messages import user_id
from rapport_local.sample.source import Source
from rich.console import Console

from tests.sample.collector import Collector, Trouble, collecting
from tests.support.polling import eventually


def _totals(messages: list[dict[str, Any]]) -> dict[str, Totals]:
    amounts: dict[str, list[Decimal]] = defaultdict(list)
    for message in messages:
        if message.get("event") == "Order Completed":
            amounts[message["userId"]].append(Decimal(message["properties"]["revenue"]))
    return {user: Totals(len(each), int(sum(each) * 100)) for user, each in amounts.items()}


def _assert_complete(collector: Collector, source: Source) -> None:
    assert len(collector.kept) == len(source)
    expected = {user_id(household): each for household, each in expected_orders("small").items()}
    assert _totals(list(collector.kept.values())) == expected


def _holds(collector: Collector, messages: int) -> bool:
    return len(collector.kept) >= messages


def _assert_in_order(collector: Collector) -> None:
    last: dict[str, str] = {}
    for message in collector.kept.values():
        user, at = message["userId"], message["timestamp"]
        assert last.get(user, "") <= at
        assert (message["type"] == "identify") == (user not in last)
        last[user] = at


async def test_the_sample_arrives_and_is_reported(small: Source) -> None:
    began = datetime.now(UTC)
    async with collecting() as collector:
        report = await load(collector.stack_info, "small", progress=False)
    _assert_complete(collector, small)
    _assert_in_order(collector)
    assert (report.messages, report.orders, report.households) == (len(small), len(small.orders), 300)
    assert report.retries == 0
    assert report.seconds > 0
    assert collector.largest_batch == 100
    sent = [datetime.fromisoformat(each) for each in collector.sent_at]
    slack = timedelta(seconds=1)
    assert all(began - slack <= each <= datetime.now(UTC) + slack for each in sent)


async def test_loading_again_adds_nothing(small: Source) -> None:
    async with collecting() as collector:
        for _ in range(2):
            await load(collector.stack_info, "small", progress=False, compress=True)
    _assert_complete(collector, small)


async def test_failures_of_every_kind_lose_and_double_nothing(small: Source) -> None:
    trouble = Trouble(busy=0.05, unavailable=0.05, cut_before=0.05, cut_after=0.05)
    async with collecting(trouble) as collector:
        report = await load(collector.stack_info, "small", progress=False)
    _assert_complete(collector, small)
    _assert_in_order(collector)
    failures = {"busy", "unavailable", "cut_before", "cut_after"}
    assert failures < set(collector.outcomes)
    assert report.retries >= sum(collector.outcomes[each] for each in failures)


async def test_a_collector_killed_and_restarted_during_the_load_gets_everything(small: Source) -> None:
    async with collecting() as collector:
        loading = asyncio.create_task(load(collector.stack_info, "small", progress=False))
        for quarter in (1, 2, 3):
            await eventually(partial(_holds, collector, quarter * len(small) // 4), deadline=60, every=0.001)
            await collector.kill()
            await collector.start()
        report = await loading
    _assert_complete(collector, small)
    _assert_in_order(collector)
    assert report.retries > 0


async def test_a_refusal_is_told_at_once() -> None:
    async with collecting(Trouble(refuse=(401, ""))) as collector:
        with pytest.raises(LoadError, match="401"):
            await load(collector.stack_info, "small", progress=False)
    # One for each connection, and none again.
    assert 1 <= collector.outcomes["accept"] <= 4


async def test_patience_ends_with_the_last_answer() -> None:
    async with collecting(Trouble(refuse=(503, "Retry-After: 60\r\n"))) as collector:
        with pytest.raises(LoadError, match=r"within 1 s.*503"):
            await load(collector.stack_info, "small", progress=False, patience=1.0)
    assert not collector.kept


@pytest.mark.parametrize(("terminal", "said"), [(False, "100 %, 19,356 messages"), (True, "19356/19356")])
async def test_progress_is_shown_to_the_end(terminal: bool, said: str) -> None:
    screen = io.StringIO()
    console = Console(file=screen, force_terminal=terminal, width=100, color_system=None)
    async with collecting() as collector:
        await load(collector.stack_info, "small", console=console)
    assert said in screen.getvalue()
