"""The chart of a report: every arm in every metric, with 95 % intervals."""

from io import StringIO
from typing import TYPE_CHECKING

from campaign_service.reports import rules
from campaign_service.reports.schemas import Arm, Report

if TYPE_CHECKING:
    from matplotlib.axes import Axes

# Okabe and Ito's palette, told apart with any colour vision and in grey; control is always the first.
_COLOURS = ("#56606b", "#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9")
_MARKERS = ("s", "o", "^", "D", "v", "P", "X")


def svg(report: Report, spread: dict[str, rules.Moments]) -> str:
    """An SVG with its text as text; `spread` holds the revenue per head of each arm."""
    # Imported here: matplotlib costs a service half a second and 50 MB that most of its processes never need.
    import matplotlib as mpl  # noqa: PLC0415
    from matplotlib.figure import Figure  # noqa: PLC0415

    with mpl.rc_context({"svg.fonttype": "none", "svg.hashsalt": "rapport", "font.family": "sans-serif"}):
        figure = Figure(figsize=(10, 1.5 + 0.42 * len(report.arms)), layout="constrained")
        left, middle, right = figure.subplots(1, 3)
        _draw(left, report.arms, "Response rate", [_rate(arm.responded, arm.people) for arm in report.arms])
        _draw(middle, report.arms, "Conversion rate", [_rate(arm.converted, arm.people) for arm in report.arms])
        currency = report.arms[0].revenue.currency
        _draw(right, report.arms, f"Revenue per head ({currency})", [_mean(spread[arm.arm]) for arm in report.arms])
        for axes in (left, middle):
            axes.xaxis.set_major_formatter(lambda value, _: f"{value:.3g} %")
        for axes in (middle, right):
            axes.set_yticklabels([])
        text = StringIO()
        figure.savefig(text, format="svg", metadata={"Date": None, "Title": "Arms compared"})
    drawing = text.getvalue()
    return drawing[drawing.index("<svg") :]


def _rate(successes: int, people: int) -> tuple[float, float, float]:
    low, high = rules.wilson(successes, people)
    return 100 * successes / people, 100 * low, 100 * high


def _mean(sample: rules.Moments) -> tuple[float, float, float]:
    low, high = rules.mean_interval(sample)
    return sample.mean, low, high


def _draw(axes: "Axes", arms: list[Arm], title: str, values: list[tuple[float, float, float]]) -> None:
    for row, (value, low, high) in enumerate(values):
        colour, marker = _COLOURS[row % len(_COLOURS)], _MARKERS[row % len(_MARKERS)]
        if low == low and high == high:  # noqa: PLR0124  not a number where nothing can be said
            axes.plot([low, high], [row, row], color=colour, linewidth=2.5, solid_capstyle="butt")
        axes.plot([value], [row], marker=marker, color=colour, markersize=9, linestyle="none")
    axes.set_title(title, loc="left", fontsize=11)
    axes.set_yticks(range(len(arms)), [arm.arm for arm in arms])
    axes.set_ylim(len(arms) - 0.5, -0.5)
    axes.margins(x=0.08)
    if axes.get_xlim()[0] < 0 <= min(low if low == low else value for value, low, _ in values):  # noqa: PLR0124
        axes.set_xlim(left=0)
    axes.grid(axis="x", color="#d9d9d9", linewidth=0.8)
    axes.set_axisbelow(True)
    axes.spines[["top", "right", "left"]].set_visible(False)
    axes.tick_params(axis="y", length=0)
