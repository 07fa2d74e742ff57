"""The churn file against a plain reading of the same orders."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from uuid import UUID, uuid4

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from segment_service.churn.rules import Episode, Happened, Kept, Order, Sign, Statement, episodes, interval, pair
from segment_service.lifecycle.rules import OrderDay, history
from segment_service.standing.rules import LifecycleRule

START = datetime(2012, 3, 1, 10, tzinfo=UTC)
RULE = LifecycleRule()
WHO = UUID(int=1)
DAY = timedelta(days=1)


def order(day: float, name: str = "", net: int = 10) -> Order:
    return Order(START + day * DAY, name or f"o{day}", WHO, Decimal(net))


def found(orders: Sequence[Order], happened: Happened | None = None, day: float = 5_000) -> list[Episode]:
    return episodes(orders, happened or Happened(), RULE, START + day * DAY, 90)


ordered = st.lists(st.integers(0, 4_000), min_size=1, max_size=15, unique=True)


@settings(max_examples=200, deadline=None)
@given(ordered, st.randoms())
def test_d6_episodes_are_the_times_of_being_lapsed_whatever_the_order_of_arrival(
    days: list[int], chance: object
) -> None:
    orders = [order(day) for day in days]
    shuffled = orders[::-1]
    at = [OrderDay(each.at, each.at) for each in sorted(orders)]
    now = START + 5_000 * DAY
    lapsed = [each.since for each in history(at, None, RULE, now) if each.stage == "lapsed"]
    file = found(shuffled)
    assert [each.opened_at for each in file] == lapsed
    for each in file:
        later = [one for one in sorted(orders) if one.at > each.silent_since]
        assert each.state == ("won_back" if later else "open")
        if later:
            assert each.outcome is not None
            soon = [one for one in later if one.at < later[0].at + 90 * DAY]
            assert (each.outcome["order_id"], each.outcome["orders"]) == (later[0].order_id, len(soon))
            assert each.outcome["sales"] == sum(one.net or 0 for one in soon)


@settings(max_examples=150, deadline=None)
@given(ordered, ordered)
def test_d6_stored_episodes_are_paired_once_and_unchanged_ones_with_themselves(
    before: list[int], after: list[int]
) -> None:
    stored = [Kept(uuid4(), *each[:2], each.returned_at) for each in found([order(day) for day in before])]
    now = found([order(day) for day in after])
    pairs, gone = pair(now, stored)
    used = [known for _, known in pairs if known is not None]
    assert len(used) == len(set(used))
    assert sorted([*used, *gone]) == sorted(each.episode_id for each in stored)
    assert [episode for episode, _ in pairs] == now
    same, none = pair(found([order(day) for day in before]), stored)
    assert [known for _, known in same] == [each.episode_id for each in stored]
    assert none == []


def said(kind: str, day: float, **body: object) -> Statement:
    return Statement(WHO, START + 1_000 * DAY, kind, body, START + day * DAY, "ann")  # type: ignore[arg-type]


def test_d6_given_reasons_outrank_inferred_ones_and_the_later_word_counts() -> None:
    complaint = Sign(START + 5 * DAY, "Complaint", "e1")
    refund = Sign(START + 20 * DAY, "order refunded", "o0")
    late = Sign(START + 1_000 * DAY, "Complaint", "e2")
    (inferred,) = found([order(0)], Happened([refund, complaint, late]))
    assert (inferred.reason, inferred.reason_origin) == ("complaint", "inferred")
    assert [each["of"] for each in inferred.evidence] == ["e1"]
    (by_refund,) = found([order(0)], Happened([refund]))
    assert (by_refund.reason, by_refund.evidence[0]["of"]) == ("returned_goods", "o0")
    told = Happened([complaint], [said("reason", 1_100, reason="price", note="too dear")])
    (given_,) = found([order(0)], told)
    assert (given_.reason, given_.reason_origin, given_.reason_note) == ("price", "given", "too dear")
    call = Happened([complaint], told.statements, [(START + 1_200 * DAY, "competitor", None)])
    assert found([order(0)], call)[0].reason == "competitor"
    taken_back = Happened([complaint], [said("reason", 1_300, reason=None, note=None)])
    assert found([order(0)], taken_back)[0].reason_origin == "inferred"
    assert found([order(0)])[0].reason is None


def test_d6_an_order_that_was_changed_late_points_to_delivery() -> None:
    slow = order(0)._replace(amended_at=START + 12 * DAY)
    assert found([slow])[0].reason == "delivery"
    assert found([order(0)._replace(amended_at=START + DAY)])[0].reason is None


def test_d6_what_was_said_stays_with_the_silence_it_was_said_in() -> None:
    """A late order in the middle of the silence divides it: the word goes with the part that holds its time."""
    word = Happened(statements=[said("reason", 1_100, reason="price")])
    (whole,) = found([order(0), order(2_900)], word, day=3_000)
    assert whole.reason == "price"
    first, second = found([order(0), order(1_200), order(2_900)], word, day=3_000)
    assert (first.reason, second.reason) == ("price", None)


def test_d6_actions_before_the_return_are_counted_and_later_contacts_are_none() -> None:
    by_hand = said("actions", 500, actions=[{"kind": "call", "at": (START + 500 * DAY).isoformat()}])
    contacts = [(START + day * DAY, "email", f"t{day}") for day in (100, 600, 800)]
    by_hand = by_hand._replace(about=START + 400 * DAY)
    (episode,) = found([order(0), order(700)], Happened(statements=[by_hand], contacts=contacts), day=750)
    assert [(each["kind"], each["source"]) for each in episode.actions] == [
        ("call", "ann"),
        ("email", "touchpoint t600"),
    ]
    assert episode.outcome is not None
    assert episode.outcome["actions_before"] == 2


def test_d6_a_customer_given_up_is_closed_until_they_come_back() -> None:
    closing = said("closing", 1_200, state="closed", note="shop closed")
    (closed,) = found([order(0)], Happened(statements=[closing]))
    assert (closed.state, closed.closed_at, closed.outcome) == ("closed", START + 1_200 * DAY, {"note": "shop closed"})
    (back,) = found([order(0), order(4_990)], Happened(statements=[closing]))
    assert back.state == "won_back"
    again = Happened(statements=[closing, said("closing", 1_300, state="open")._replace(kind="closing")])
    assert found([order(0)], again)[0].state == "open"


@pytest.mark.parametrize(("successes", "trials", "low", "high"), [(0, 10, 0.0, 0.2775), (5, 10, 0.2366, 0.7634)])
def test_d6_intervals_are_wilsons(successes: int, trials: int, low: float, high: float) -> None:
    assert interval(successes, trials) == pytest.approx((low, high), abs=1e-4)
    assert interval(0, 0) == (0, 1)
