"""Batches and pauses."""

from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from rapport_local.sample.sending import BATCH_BYTES, batches, pause_before_retry

REFUSED = httpx.ConnectError("refused")


@given(st.lists(st.integers(min_value=1, max_value=32_768), max_size=400))
def test_batches_keep_order_and_limits(sizes: list[int]) -> None:
    messages = [bytes(size) for size in sizes]
    made = list(batches(messages))
    assert [message for batch in made for message in batch] == messages
    assert all(1 <= len(batch) <= 100 for batch in made)
    assert all(sum(map(len, batch)) + len(batch) <= BATCH_BYTES + 1 for batch in made)


def test_batches_are_as_full_as_they_may_be() -> None:
    assert [len(batch) for batch in batches([b"{}"] * 250)] == [100, 100, 50]


@pytest.mark.parametrize("attempt", [0, 3, 50, 100_000])
def test_pauses_grow_and_stay_bounded(attempt: int) -> None:
    most = min(2.0, 0.1 * 2 ** min(attempt, 20))
    pauses = [pause_before_retry(attempt, REFUSED) for _ in range(200)]
    assert all(0 <= pause <= most for pause in pauses)
    assert max(pauses) > most / 2


@pytest.mark.parametrize(("value", "least", "most"), [("7", 7, 7), ("0", 0, 0), ("soon", 0, 0.1), ("", 0, 0.1)])
def test_retry_after_in_seconds_is_honoured(value: str, least: float, most: float) -> None:
    assert least <= pause_before_retry(0, httpx.Response(503, headers={"Retry-After": value})) <= most


def test_retry_after_as_a_date_is_honoured() -> None:
    until = datetime.now(UTC) + timedelta(seconds=60)
    answer = httpx.Response(429, headers={"Retry-After": format_datetime(until, usegmt=True)})
    assert 50 < pause_before_retry(0, answer) <= 60
