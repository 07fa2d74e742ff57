"""When it happened, whatever the sender's clock shows."""

from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from interaction_service.collector.clock import AGREEMENT, EARLIEST, FUTURE, occurred

from tests.interaction.conftest import Interactions

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)


def at(text: str) -> datetime:
    """A time of an answer."""
    return datetime.fromisoformat(text)


def ago(**parts: float) -> str:
    """A time before now, as JSON has it."""
    return (datetime.now(UTC) - timedelta(**parts)).isoformat()


async def taken(interactions: Interactions, body: dict[str, Any], path: str = "page") -> dict[str, Any]:
    """The touchpoint that a call becomes."""
    await interactions.collected(path, body)
    (found,) = await interactions.recorded()
    return found


@pytest.mark.parametrize("wrong", [timedelta(days=-400), -HOUR, HOUR, timedelta(days=3650)])
async def test_a_wrong_clock_is_corrected_by_what_it_shows_when_sending(
    interactions: Interactions, user: str, wrong: timedelta
) -> None:
    sent = datetime.now(UTC) + wrong
    body = {"userId": user, "timestamp": (sent - HOUR).isoformat(), "sentAt": sent.isoformat()}
    found = await taken(interactions, body)
    assert at(found["occurred_at"]) == at(found["received_at"]) - HOUR


async def test_the_batch_says_when_it_was_sent_for_messages_that_do_not(interactions: Interactions, user: str) -> None:
    sent, own = datetime.now(UTC) - 5 * HOUR, datetime.now(UTC) - 9 * HOUR
    page = {"type": "page", "userId": user, "timestamp": (sent - HOUR).isoformat()}
    body = {"sentAt": sent.isoformat(), "batch": [page, {**page, "messageId": user, "sentAt": own.isoformat()}]}
    await interactions.collected("batch", body)
    first, second = await interactions.recorded()
    received = at(first["received_at"])
    assert at(first["occurred_at"]) == received - HOUR
    assert at(second["occurred_at"]) == received + (sent - own) - HOUR


async def test_a_clock_that_agrees_is_believed_to_the_microsecond(interactions: Interactions, user: str) -> None:
    said = datetime.now(UTC) - timedelta(days=3, microseconds=7)
    body = {"userId": user, "timestamp": said.isoformat(), "sentAt": datetime.now(UTC).isoformat()}
    assert at((await taken(interactions, body))["occurred_at"]) == said


@pytest.mark.parametrize("time", [{}, {"timestamp": None}, {"timestamp": ""}, {"sentAt": "2020-01-01T00:00:00Z"}])
async def test_without_a_time_it_happened_when_it_came(
    interactions: Interactions, user: str, time: dict[str, Any]
) -> None:
    found = await taken(interactions, {"userId": user, **time})
    assert found["occurred_at"] == found["received_at"]


@pytest.mark.parametrize(
    "said",
    ["2026-11-02T10:30:00Z", "2026-11-02T18:30:00.000+08:00", "2026-11-02T10:30:00", 1793615400, 1793615400000],
)
async def test_times_are_read_in_every_spelling_that_sdks_use(
    interactions: Interactions, user: str, said: str | int
) -> None:
    found = await taken(interactions, {"userId": user, "originalTimestamp": said})
    assert at(found["occurred_at"]) == datetime(2026, 11, 2, 10, 30, tzinfo=UTC)


@pytest.mark.parametrize("said", ["2199-01-01T00:00:00Z", "1969-12-31T23:59:59Z", "0001-01-01T00:00:00+14:00"])
async def test_an_absurd_time_is_replaced_and_kept(interactions: Interactions, user: str, said: str) -> None:
    response = await interactions.collect("page", {"userId": user, "timestamp": said, "context": {"ip": "::1"}})
    if said.startswith("0001"):
        assert response.json()["errors"][0]["pointer"] == "/timestamp"
        return
    (found,) = await interactions.recorded()
    assert found["occurred_at"] == found["received_at"]
    async with interactions.database() as conn:
        query = "SELECT context FROM touchpoint WHERE touchpoint_id = $1"
        context = await conn.fetchval(query, found["touchpoint_id"])
    assert said in context
    assert "::1" in context


moments = st.datetimes(datetime(2015, 1, 1), datetime(2026, 11, 20), timezones=st.just(UTC))  # noqa: DTZ001  the zone follows
skews = st.timedeltas(timedelta(days=-3650), timedelta(days=3650)).filter(lambda skew: abs(skew) > AGREEMENT)


@given(moments, st.timedeltas(timedelta(0), timedelta(days=400)), skews)
def test_a_clock_off_by_any_amount_gives_what_a_right_one_would(
    received: datetime, before: timedelta, skew: timedelta
) -> None:
    right = received - before
    assert occurred(right + skew, received + skew, received) == right


@given(moments, moments | st.none(), moments | st.none(), st.integers(-12, 14))
def test_what_comes_out_is_never_absurd_and_does_not_depend_on_zones(
    received: datetime, said: datetime | None, sent: datetime | None, hours: int
) -> None:
    found = occurred(said, sent, received)
    assert found is None or EARLIEST <= found <= received + FUTURE
    zone = timezone(timedelta(hours=hours))
    assert found == occurred(said and said.astimezone(zone), sent and sent.astimezone(zone), received)
