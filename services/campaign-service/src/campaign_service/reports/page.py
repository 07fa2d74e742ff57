"""The report as one page without anything from elsewhere."""

from functools import lru_cache

from jinja2 import Environment, PackageLoader
from markupsafe import Markup

from campaign_service.reports import chart, rules
from campaign_service.reports.schemas import Comparison, Report

_NAMES = {
    "response_rate": "Response rate",
    "conversion_rate": "Conversion rate",
    "revenue_per_head": "Revenue per head",
    "profit_per_head": "Profit per head",
}


def render(report: Report, spread: dict[str, rules.Moments]) -> str:
    """HTML; `spread` holds the revenue per head of each arm."""
    drawing = Markup(chart.svg(report, spread)) if report.arms else None  # noqa: S704  our own drawing
    # A single arm whose interval includes nothing makes the sum of all a guess.
    chance = any(each.low <= 0 <= each.high for each in report.comparisons if each.metric == "revenue_per_head")
    return _environment().get_template("report.html.jinja").render(report=report, drawing=drawing, chance=chance)


@lru_cache(maxsize=1)
def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader("campaign_service.reports"), autoescape=True, trim_blocks=True, lstrip_blocks=True
    )
    environment.filters["percent"] = lambda value: "\N{EN DASH}" if value is None else f"{100 * value:.2f} %"
    environment.filters["metric"] = _NAMES.__getitem__
    environment.filters["p_value"] = lambda value: "< 0.001" if value < 0.001 else f"{value:.3f}"
    environment.globals["amount"] = amount
    return environment


def amount(comparison: Comparison, value: float) -> str:
    """A difference as people read it: percentage points or money."""
    text = f"{100 * value:+.2f} pp" if comparison.metric.endswith("rate") else f"{value:+.2f}"
    return text.replace("-", "\N{MINUS SIGN}")
