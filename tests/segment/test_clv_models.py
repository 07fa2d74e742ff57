"""Lifetime value models against their papers and against plain calculations."""

import random
from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.integrate import quad
from scipy.stats import beta, gamma
from segment_service.clv import bg_nbd, gamma_gamma
from segment_service.clv.bg_nbd import BgNbd, Sample
from segment_service.clv.errors import NotFitted
from segment_service.clv.gamma_gamma import GammaGamma
from segment_service.clv.maximum import maximise

from tests.segment import cdnow

CDNOW = BgNbd(0.243, 4.414, 0.793, 2.426)


def test_d4_the_published_estimates_on_cdnow() -> None:
    x, t_x, t, mean = cdnow.summary()
    assert len(x) == 2357
    bought = bg_nbd.fit(x, t_x, t)
    assert [round(each, 3) for each in bought.model] == [0.243, 4.414, 0.793, 2.426]
    assert bought.log_likelihood == pytest.approx(-9582.4, abs=0.05)
    assert bought.bounded == []
    spent = gamma_gamma.fit(x[x > 0], mean[x > 0])
    assert [round(each, 2) for each in spent.model] == [6.25, 3.74, 15.45]
    # The note prints 15.44; its own likelihood is the same to the last digit shown.
    assert spent.model.v == pytest.approx(15.44, abs=0.01)


def test_d4_the_published_expectation_of_one_customer() -> None:
    """Fader and Hardie's spreadsheet: x = 2, t_x = 30.43, T = 38.86 gives 1.226 in 39 weeks, alive with 0.726."""
    assert bg_nbd.expected_purchases(CDNOW, 39, [2], [30.43], [38.86])[0] == pytest.approx(1.226, abs=0.001)
    assert bg_nbd.p_alive(CDNOW, [2], [30.43], [38.86])[0] == pytest.approx(0.7266, abs=0.001)


parameters = st.floats(0.05, 6)
models = st.builds(BgNbd, parameters, st.floats(0.5, 60), parameters, parameters)
histories = st.tuples(st.integers(0, 12), st.floats(0.05, 0.999), st.floats(1, 80)).map(
    lambda each: (each[0], each[1] * each[2] if each[0] else 0.0, each[2])
)


def plain_likelihood(model: BgNbd, x: int, t_x: float, t: float) -> float:
    """Equation 3 mixed over both distributions by numerical integration."""
    r, alpha, a, b = model

    def by_rate(purchases: int, time: float) -> float:
        rates = gamma.ppf(np.linspace(0, 1, 20_001)[1:-1], r, scale=1 / alpha)
        return float(np.mean(rates**purchases * np.exp(-rates * time)))

    stayed = quad(lambda p: (1 - p) ** x * beta.pdf(p, a, b), 0, 1)[0] * by_rate(x, t)
    left = 0.0
    if x:
        left = quad(lambda p: p * (1 - p) ** (x - 1) * beta.pdf(p, a, b), 0, 1)[0] * by_rate(x, t_x)
    return float(stayed + left)


@settings(max_examples=60, deadline=None)
@given(models, st.lists(histories, min_size=1, max_size=6))
def test_d4_gradients_are_those_of_the_likelihood(model: BgNbd, rows: list[tuple[int, float, float]]) -> None:
    x, t_x, t = zip(*rows, strict=True)
    sample = Sample(x, t_x, t)
    at = np.array(model)
    _, gradient = sample.likelihood(at)
    for place in range(4):
        step = np.zeros(4)
        step[place] = 1e-5 * at[place]
        slope = (sample.likelihood(at + step)[0] - sample.likelihood(at - step)[0]) / (2 * step[place])
        assert gradient[place] == pytest.approx(slope, rel=1e-4, abs=1e-4)


@pytest.mark.parametrize("row", [(0, 0.0, 30.0), (1, 4.0, 20.0), (5, 18.0, 39.0)])
def test_d4_the_likelihood_is_that_of_the_story_the_paper_tells(row: tuple[int, float, float]) -> None:
    model = BgNbd(1.3, 8.0, 1.6, 2.4)
    sample = Sample([row[0]], [row[1]], [row[2]])
    value = np.exp(sample.likelihood(np.array(model))[0])
    assert value == pytest.approx(plain_likelihood(model, *row), rel=0.01)


@settings(max_examples=40, deadline=None)
@given(st.lists(st.tuples(histories, st.integers(1, 4)), min_size=1, max_size=8), models)
def test_d4_rows_that_stand_for_several_count_as_often(
    rows: list[tuple[tuple[int, float, float], int]], model: BgNbd
) -> None:
    x, t_x, t = zip(*(row for row, _ in rows), strict=True)
    grouped = Sample(x, t_x, t, [count for _, count in rows])
    x, t_x, t = zip(*(row for row, count in rows for _ in range(count)), strict=True)
    spread = Sample(x, t_x, t)
    ours, plain = grouped.likelihood(np.array(model)), spread.likelihood(np.array(model))
    assert ours[0] == pytest.approx(plain[0], rel=1e-9, abs=1e-9)
    assert ours[1] == pytest.approx(plain[1], rel=1e-9, abs=1e-9)


def simulated(model: BgNbd, x: int, t_x: float, t: float, horizon: float) -> tuple[float, float]:
    """P(alive) and expected purchases of one customer by posterior simulation of the paper's story."""
    chance = np.random.default_rng(7)
    r, alpha, a, b = model
    draws = 400_000
    # Weighted draws from the prior of the dropout, with the rate's exact posterior for each of the two fates.
    left = chance.beta(a, b, draws)
    alive_weight = (1 - left) ** x * (alpha + t) ** -(r + x)
    gone_weight = left * (1 - left) ** (x - 1) * (alpha + t_x) ** -(r + x) if x else np.zeros(draws)
    alive = alive_weight.sum() / (alive_weight.sum() + gone_weight.sum())
    rates = chance.gamma(r + x, 1 / (alpha + t), draws)
    # Of one alive: purchases come at the rate, each the last one with the dropout's chance (equation 7 from here on).
    mean = (1 - np.exp(-rates * left * horizon)) / left
    return float(alive), float(alive * np.average(mean, weights=alive_weight))


@pytest.mark.parametrize("model", [CDNOW, BgNbd(0.8, 9.0, 1.0, 3.0), BgNbd(2.5, 30.0, 12.0, 40.0)])
@pytest.mark.parametrize("row", [(0, 0.0, 38.0), (2, 30.43, 38.86), (9, 11.0, 39.0)])
def test_d4_expectations_are_those_of_a_simulation(model: BgNbd, row: tuple[int, float, float]) -> None:
    x, t_x, t = row
    alive, mean = simulated(model, x, t_x, t, 52)
    assert bg_nbd.p_alive(model, [x], [t_x], [t])[0] == pytest.approx(alive, abs=0.01)
    assert bg_nbd.expected_purchases(model, 52, [x], [t_x], [t])[0] == pytest.approx(mean, rel=0.03)


def test_d4_extreme_customers_have_finite_scores() -> None:
    for model in (CDNOW, BgNbd(5e-3, 1e6, 1e-4, 1e-3), BgNbd(9e3, 9e3, 9e3, 9e3), BgNbd(1.0, 1.0, 1.0, 1.0)):
        x, t_x, t = np.array([0, 1, 3_000, 0]), np.array([0, 0.1, 3_999.0, 0]), np.array([1e5, 4_000, 4_000, 0.0])
        for found in (bg_nbd.p_alive(model, x, t_x, t), bg_nbd.expected_purchases(model, 52, x, t_x, t)):
            assert np.isfinite(found).all()
            assert (found >= -1e-9).all()


def drawn(model: GammaGamma, customers: int) -> tuple[Sequence[int], Sequence[float]]:
    chance, counts = np.random.default_rng(3), random.Random(3)
    xs, means = [], []
    for _ in range(customers):
        rate, x = chance.gamma(model.q, 1 / model.v), counts.randint(1, 6)
        xs.append(x)
        means.append(float(chance.gamma(model.p, 1 / rate, x).mean()))
    return xs, means


def test_d4_spending_is_found_again_in_simulated_customers() -> None:
    truth = GammaGamma(6.0, 4.0, 1_500.0)
    xs, means = drawn(truth, 20_000)
    found = gamma_gamma.fit(xs, means).model
    assert list(found) == pytest.approx(list(truth), rel=0.1)
    # With many purchases it is the customer's own mean, without any everybody's.
    assert gamma_gamma.expected_spend(truth, [10_000, 0], [70.0, 0.0]) == pytest.approx([70, 3_000], rel=0.01)


def test_d4_a_likelihood_without_a_maximum_is_refused() -> None:
    with pytest.raises(NotFitted, match="did not converge"):
        maximise(lambda _: (float("nan"), np.array([1.0])), 1, [(1.0,)], [(0.1, 10)])
