"""The statistics of a report: intervals, tests, sample ratio. Pure functions with their sources."""

from collections.abc import Mapping, Sequence
from math import erfc, exp, nan, sqrt
from typing import Final, NamedTuple

from scipy import special

Z95: Final = 1.959963984540054
RATE_METHOD: Final = "difference of two proportions: Newcombe hybrid score interval (1998, method 10), {test}"
MEAN_METHOD: Final = "difference of two means: Welch's t interval and test, unequal variances"


class Estimate(NamedTuple):
    """A difference (treated less control) with its 95 % interval and two-sided p value."""

    difference: float
    low: float
    high: float
    p_value: float
    method: str


class Moments(NamedTuple):
    """Number, mean and sample variance of a quantity."""

    n: int
    mean: float
    variance: float


def moments(n: int, total: float, squares: float) -> Moments:
    """From the number, the sum and the sum of squares."""
    if n == 0:
        return Moments(0, 0.0, 0.0)
    mean = total / n
    return Moments(n, mean, max(0.0, (squares - n * mean * mean) / (n - 1)) if n > 1 else 0.0)


def wilson(successes: int, n: int, z: float = Z95) -> tuple[float, float]:
    """Score interval of a proportion; (0, 1) when n is 0.

    E. B. Wilson, "Probable inference, the law of succession, and statistical inference", JASA 22 (1927).
    """
    if n == 0:
        return 0.0, 1.0
    p = successes / n
    centre = (p + z * z / (2 * n)) / (1 + z * z / n)
    half = z / (1 + z * z / n) * sqrt(p * (1 - p) / n + z * z / (4 * n * n))
    return (0.0 if successes == 0 else centre - half), (1.0 if successes == n else centre + half)


def newcombe(x1: int, n1: int, x2: int, n2: int, z: float = Z95) -> tuple[float, float]:
    """Interval of p1 - p2 for independent samples.

    R. G. Newcombe, "Interval estimation for the difference between independent proportions", Statistics in
    Medicine 17 (1998), method 10: hybrid score interval without continuity correction.
    """
    p1, p2 = x1 / n1, x2 / n2
    low1, high1 = wilson(x1, n1, z)
    low2, high2 = wilson(x2, n2, z)
    below = sqrt((p1 - low1) ** 2 + (high2 - p2) ** 2)
    above = sqrt((high1 - p1) ** 2 + (p2 - low2) ** 2)
    return p1 - p2 - below, p1 - p2 + above


def two_proportions(x1: int, n1: int, x2: int, n2: int) -> tuple[float, str]:
    """Two-sided p value that two proportions are equal, and the test's name.

    The N - 1 chi-squared test where every expected count is at least 1, else Fisher's exact test, as recommended by
    I. Campbell, "Chi-squared and Fisher-Irwin tests of two-by-two tables with small sample recommendations",
    Statistics in Medicine 26 (2007).
    """
    successes, total = x1 + x2, n1 + n2
    if successes in (0, total):
        return 1.0, "N-1 chi-squared test"
    smallest = min(n1, n2) * min(successes, total - successes) / total
    if smallest < 1:
        return _fisher(x1, n1, x2, n2), "Fisher's exact test"
    cross = x1 * (n2 - x2) - x2 * (n1 - x1)
    statistic = cross * cross * (total - 1) / (n1 * n2 * successes * (total - successes))
    return erfc(sqrt(statistic / 2)), "N-1 chi-squared test (Campbell 2007)"


def _fisher(x1: int, n1: int, x2: int, n2: int) -> float:
    # Sum of the probabilities of all tables no more likely than the one observed.
    successes = x1 + x2

    def log_probability(x: int) -> float:
        return float(
            special.gammaln(n1 + 1)
            - special.gammaln(x + 1)
            - special.gammaln(n1 - x + 1)
            + special.gammaln(n2 + 1)
            - special.gammaln(successes - x + 1)
            - special.gammaln(n2 - successes + x + 1)
        )

    tables = [log_probability(x) for x in range(max(0, successes - n2), min(successes, n1) + 1)]
    observed = log_probability(x1)
    scale = special.logsumexp(tables)
    alike = [each for each in tables if each <= observed + 1e-7]
    return min(1.0, exp(float(special.logsumexp(alike)) - float(scale)))


def compare_rates(x1: int, n1: int, x2: int, n2: int) -> Estimate | None:
    """Rate of the first sample less that of the second; None when one is empty."""
    if n1 == 0 or n2 == 0:
        return None
    low, high = newcombe(x1, n1, x2, n2)
    p_value, test = two_proportions(x1, n1, x2, n2)
    return Estimate(x1 / n1 - x2 / n2, low, high, p_value, RATE_METHOD.format(test=test))


def compare_means(first: Moments, second: Moments) -> Estimate | None:
    """Mean of the first sample less that of the second; None when one has fewer than two members.

    B. L. Welch, "The generalization of 'Student's' problem when several different population variances are
    involved", Biometrika 34 (1947), with Satterthwaite's degrees of freedom.
    """
    if first.n < 2 or second.n < 2:
        return None
    a, b = first.variance / first.n, second.variance / second.n
    difference = first.mean - second.mean
    if a + b == 0:
        return Estimate(difference, difference, difference, 1.0 if difference == 0 else 0.0, MEAN_METHOD)
    freedom = (a + b) ** 2 / (a * a / (first.n - 1) + b * b / (second.n - 1))
    error = sqrt(a + b)
    p_value = 2 * float(special.stdtr(freedom, -abs(difference) / error))
    half = float(special.stdtrit(freedom, 0.975)) * error
    return Estimate(difference, difference - half, difference + half, p_value, MEAN_METHOD)


def mean_interval(sample: Moments) -> tuple[float, float]:
    """Student's 95 % interval of a mean; not a number below two members."""
    if sample.n < 2:
        return nan, nan
    half = float(special.stdtrit(sample.n - 1, 0.975)) * sqrt(sample.variance / sample.n)
    return sample.mean - half, sample.mean + half


def sample_ratio(observed: Mapping[str, int], shares: Sequence[tuple[str, float]]) -> tuple[dict[str, float], float]:
    """Numbers expected in each arm, and the p value that the observed ones came about by the planned shares.

    Pearson's chi-squared test of goodness of fit; for its use here see Fabijan et al., "Diagnosing sample ratio
    mismatch in online controlled experiments", KDD 2019.
    """
    total = sum(observed.values())
    expected = {arm: share * total for arm, share in shares}
    if total == 0 or len(shares) < 2:
        return expected, 1.0
    statistic = sum((observed.get(arm, 0) - number) ** 2 / number for arm, number in expected.items() if number > 0)
    return expected, float(special.chdtrc(len(shares) - 1, statistic))
