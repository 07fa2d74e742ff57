"""Stages by each customer's own cadence, with the date of every change."""

import itertools
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from segment_service.clv.bg_nbd import BgNbd, p_alive
from segment_service.lifecycle.rules import OrderDay, history, milestones, silences
from segment_service.standing.rules import Dropout, LifecycleRule, Stage

from tests.segment.conftest import Segments, SegmentsFactory
from tests.segment.feeds import DAY
from tests.support.polling import eventually

START = datetime(2015, 1, 5, 9, tzinfo=UTC)
RULE = LifecycleRule()


def days_of(gaps: Sequence[float]) -> list[OrderDay]:
    """A day with orders after each gap in days; every third day has a second order in the evening."""
    at, found = START, [OrderDay(START, START)]
    for number, gap in enumerate(gaps):
        at = (at + timedelta(days=max(1, round(gap)))).replace(hour=9)
        found.append(OrderDay(at, at + timedelta(hours=8) if number % 3 == 0 else at))
    return found


def plain_stage(days: Sequence[OrderDay], contacted: datetime | None, rule: LifecycleRule, at: datetime) -> Stage:
    """The stage at a time as the rule's own words have it, from the orders up to then."""
    known = [day for day in days if day.first_at <= at]
    if not known:
        return "prospect"

    def late(day: int, gaps: float, least: int, most: float) -> timedelta:
        gap = (known[day].last_at - known[0].first_at).total_seconds() / day if day else 0.0
        return timedelta(seconds=min(max(least * 86_400, gaps * gap), most * 86_400))

    def lapse(day: int) -> timedelta:
        return late(day, rule.lapsed_gaps, rule.lapsed_days, rule.lapsed_days_at_most)

    last = len(known) - 1
    established = known[0].first_at + timedelta(days=rule.new_days)
    if len(known) >= rule.new_order_days:
        established = min(established, known[rule.new_order_days - 1].first_at)
    silence = at - known[last].last_at
    if at >= established:
        if silence >= lapse(last):
            return "lapsed"
        if silence >= min(late(last, rule.at_risk_gaps, rule.at_risk_days, 1e6), lapse(last)):
            return "at_risk"
    back = [
        known[day].first_at
        for day in range(1, len(known))
        if known[day].first_at - known[day - 1].last_at >= lapse(day - 1)
    ]
    if back and at < back[-1] + timedelta(days=rule.won_back_days):
        return "won_back"
    return "established" if at >= established else "new"


gaps = st.lists(st.floats(1, 60) | st.floats(100, 1_500), max_size=12)
rules = st.builds(
    LifecycleRule,
    new_days=st.integers(1, 200),
    new_order_days=st.integers(2, 5),
    at_risk_days=st.integers(1, 100),
    at_risk_gaps=st.floats(1, 4),
    lapsed_days=st.integers(100, 400),
    lapsed_gaps=st.floats(1, 6),
    lapsed_days_at_most=st.integers(400, 1_200),
    won_back_days=st.integers(1, 200),
)


@settings(max_examples=200, deadline=None)
@given(gaps, rules, st.none() | st.integers(-900, 900), st.lists(st.integers(-100, 9_000), max_size=20))
def test_d5_the_history_says_what_the_rule_says_at_every_moment(
    gaps: list[float], rule: LifecycleRule, contacted: int | None, looked: list[int]
) -> None:
    days = days_of(gaps)
    first_contact = None if contacted is None else START + timedelta(days=contacted)
    now = days[-1].last_at + timedelta(days=4_000)
    changes = history(days, first_contact, rule, now)
    assert all(before.stage != after.stage for before, after in itertools.pairwise(changes))
    for hours in looked:
        at = START + timedelta(days=hours / 2)
        if at > now or at < START:
            continue
        said = [each.stage for each in changes if each.since is None or each.since <= at][-1]
        assert said == plain_stage(days, first_contact, rule, at)
    # What was said of a moment stays, whatever is ordered later.
    for number in range(1, len(days)):
        until = days[number].first_at - timedelta(seconds=1)
        assert history(days[:number], first_contact, rule, until) == [
            each for each in changes if each.since is None or each.since <= until
        ]


@settings(max_examples=100, deadline=None)
@given(gaps, rules)
def test_d5_silences_are_the_times_of_being_lapsed(gaps: list[float], rule: LifecycleRule) -> None:
    days = days_of(gaps)
    now = days[-1].last_at + timedelta(days=500)
    lapsed = [each.since for each in history(days, None, rule, now) if each.stage == "lapsed"]
    assert [each.lapsed_at for each in silences(days, rule, now)] == lapsed


def test_d5_a_yearly_buyer_is_not_lapsed_in_march_and_a_weekly_one_is() -> None:
    june = [OrderDay(at, at) for at in (datetime(year, 6, 10, tzinfo=UTC) for year in (2021, 2022, 2023, 2024))]
    march = datetime(2025, 3, 20, tzinfo=UTC)
    assert history(june, None, RULE, march)[-1].stage == "established"
    assert history(june, None, RULE, datetime(2026, 5, 1, tzinfo=UTC))[-1].stage == "established"
    assert history(june, None, RULE, datetime(2027, 8, 1, tzinfo=UTC))[-1].stage == "lapsed"
    weekly = [OrderDay(at, at) for at in (june[-1].first_at - 7 * DAY * number for number in range(30, -1, -1))]
    assert history(weekly, None, RULE, march)[-1].stage == "at_risk"
    assert history(weekly, None, RULE, datetime(2025, 6, 20, tzinfo=UTC))[-1].stage == "lapsed"


async def test_d5_every_change_has_its_date_and_ends_where_standing_does(segments: Segments) -> None:
    identity, profile = segments.feeds.person()
    now = datetime.now(UTC)
    segments.feeds.touch(identity, at=now - 2_000 * DAY)
    for number, ago in enumerate((1_900, 1_880, 1_860, 1_300, 1_290)):
        segments.feeds.order(identity, str(number), 10, ago)
    standing = await segments.standing(profile)
    found = await segments.get(f"/v1/profiles/{profile}/lifecycle")
    stages = [(each["stage"], round((now - datetime.fromisoformat(each["since"])) / DAY)) for each in found["stages"]]
    gap = (1_900 - 1_290) / 4
    assert stages == [
        ("prospect", 2_000),
        ("new", 1_900),
        ("established", 1_860),
        ("at_risk", 1_800),
        ("lapsed", 1_495),
        ("won_back", 1_300),
        ("established", 1_210),
        ("at_risk", round(1_290 - 2 * gap)),
        ("lapsed", round(1_290 - 4 * gap)),
    ]
    assert {"stage": found["stage"], "since": found["since"]} == standing["lifecycle"] == found["stages"][-1]


@settings(max_examples=25, deadline=None)
@given(gaps)
def test_d5_milestones_end_with_those_of_all_days(gaps: list[float]) -> None:
    days = days_of(gaps)
    known = list(milestones(days, None, RULE))
    assert len(known) == len(days)
    assert known[-1].first_order_at == START


async def test_d5_merges_join_histories_and_cancelled_orders_leave_them(segments: Segments) -> None:
    feeds = segments.feeds
    (one, profile), (other, absorbed) = feeds.person(), feeds.person()
    feeds.order(one, "A", 10, 1_000)
    feeds.order(other, "B", 10, 700)
    feeds.order(other, "C", 10, 400)
    await segments.settled()
    alone = await segments.get(f"/v1/profiles/{profile}/lifecycle")
    assert [each["stage"] for each in alone["stages"]] == ["new", "at_risk", "lapsed"]
    feeds.assign({other: profile})
    await segments.settled()
    response = await segments.client.get(f"/v1/profiles/{absorbed}/lifecycle")
    assert response.headers["content-location"] == f"/v1/profiles/{profile}/lifecycle"
    joined: dict[str, Any] = response.json()
    assert joined["stage"] == (await segments.get(f"/v1/profiles/{profile}/standing"))["lifecycle"]["stage"]
    assert "lapsed" not in [each["stage"] for each in joined["stages"]]
    for order in ("B", "C"):
        feeds.touch(other, "track", name="Order Cancelled", data={"order_id": order})
    await segments.settled()
    assert (await segments.get(f"/v1/profiles/{profile}/lifecycle"))["stages"] == alone["stages"]
    assert (await segments.client.get(f"/v1/profiles/{uuid4()}/lifecycle")).status_code == 404


@pytest.mark.parametrize("days", [[], [OrderDay(START, START)]])
def test_d5_whoever_never_ordered_is_a_prospect(days: list[OrderDay]) -> None:
    changes = history(days, None, RULE, START + DAY)
    assert [each.stage for each in changes] == (["new"] if days else ["prospect"])


@settings(max_examples=100, deadline=None)
@given(gaps, st.floats(0.05, 0.95))
def test_d5_by_p_alive_customers_lapse_when_it_has_fallen_so_far(gaps: list[float], alive: float) -> None:
    model = BgNbd(0.4, 20.0, 0.8, 2.5)
    dropout = Dropout(model.r, model.alpha * 86_400, model.a, model.b)
    days = days_of([min(gap, 60) for gap in gaps])
    rule = LifecycleRule(
        lapse_by="p_alive", at_risk_p_alive=0.95, lapsed_p_alive=alive, at_risk_days=1, lapsed_days_at_most=10**5
    )
    late = list(milestones(days, None, replace(rule, dropout=dropout)))[-1].lapsed_from
    assert late is not None
    if len(days) == 1:
        # Without a second order there is no telling by the model.
        assert late == list(milestones(days, None, rule))[-1].lapsed_from
        return
    x, span, at = len(days) - 1, (days[-1].last_at - days[0].first_at) / DAY, (late - days[0].first_at) / DAY
    expected = float(p_alive(model, [x], [span], [at])[0])
    sooner = late in {days[-1].last_at + DAY, list(milestones(days, None, RULE))[-1].established_at}
    assert expected <= alive + 1e-6 if sooner else expected == pytest.approx(alive, abs=1e-6)


async def test_d5_with_p_alive_everybody_is_placed_anew_when_a_model_is_fitted(start: SegmentsFactory) -> None:
    async with start(lapse_by="p_alive", at_risk_p_alive=0.6, lapsed_p_alive=0.3) as segments:
        people = [segments.feeds.person() for _ in range(40)]
        for number, (identity, _) in enumerate(people):
            for order in range(1 + number % 6):
                segments.feeds.order(
                    identity, f"{number}-{order}", 10, 330 - 7 * (number % 13) - order * (5 + number % 9)
                )
        await segments.settled()
        _, profile = people[5]
        assert (await segments.standing(profile))["lifecycle"]["stage"] != "lapsed"
        job = await segments.client.post("/v1/models/clv/fits", json={"time_unit": "weeks"})
        assert job.status_code == 202

        async def placed() -> bool:
            found = await segments.get(f"/v1/profiles/{profile}/standing")
            return bool(found["clv"] and found["lifecycle"]["stage"] == "lapsed" and found["clv"]["p_alive"] <= 0.3)

        await eventually(placed, deadline=30)
        for _, each in people:
            now = (await segments.get(f"/v1/profiles/{each}/standing"))["lifecycle"]
            told = await segments.get(f"/v1/profiles/{each}/lifecycle")
            assert told["stage"] == now["stage"]
            if now["stage"] in {"lapsed", "at_risk"}:
                apart = datetime.fromisoformat(told["since"]) - datetime.fromisoformat(now["since"])
                assert abs(apart) < timedelta(milliseconds=1)
