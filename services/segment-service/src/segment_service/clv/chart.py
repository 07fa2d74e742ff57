"""What the model expected against what came, as a drawing."""

import io
from typing import Final

import matplotlib as mpl
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.figure import Figure

from segment_service.clv.schemas import FitOut, HoldoutOut

# Light and dark ends of cividis: told apart by every kind of colour vision, and in grey.
_EXPECTED: Final = "#e3c33b"
_ACTUAL: Final = "#3b4c73"
_INK: Final = "#1f2430"
_FAINT: Final = "#5b6472"
_LAST: Final = 7
_WIDTH: Final = 0.38


def figure(fitted: FitOut, holdout: HoldoutOut) -> Figure:
    """Mean orders of one customer by group, two bars each; made without any state that threads share."""
    drawn = Figure(figsize=(10, 5.6), facecolor="white")
    axes = drawn.add_axes((0.08, 0.19, 0.89, 0.61))
    for shift, name, colour in ((-0.5, "expected", _EXPECTED), (0.5, "actual", _ACTUAL)):
        heights = [getattr(group, f"{name}_orders") / group.customers for group in holdout.groups]
        places = [place + shift * _WIDTH for place in range(len(heights))]
        axes.bar(places, heights, _WIDTH, color=colour, label=name.capitalize())
        for place, height in zip(places, heights, strict=True):
            axes.text(place, height, f"{height:.2f}", ha="center", va="bottom", fontsize=9, color=_INK)
    axes.set_xticks(
        range(len(holdout.groups)),
        [
            f"{group.frequency}{'+' if group.frequency == _LAST else ''}\n{group.customers:,}"
            for group in holdout.groups
        ],
        fontsize=9.5,
        color=_INK,
    )
    axes.set_xlabel(
        "Repeat purchases until then, and how many customers made as many", fontsize=10.5, color=_FAINT, labelpad=8
    )
    axes.set_ylabel("Orders of one customer", fontsize=10.5, color=_FAINT)
    axes.margins(y=0.12)
    axes.tick_params(colors=_INK, length=0)
    for side in ("top", "right", "left"):
        axes.spines[side].set_visible(False)
    axes.legend(frameon=False, fontsize=10.5, loc="upper left")
    drawn.text(0.02, 0.95, "Expected and actual orders", fontsize=16, color=_INK, weight="bold", va="center")
    drawn.text(
        0.02,
        0.89,
        f"In the {holdout.days:,} days after {fitted.calibration_end:%-d %B %Y}: {holdout.expected_orders:,.0f} "
        f"expected, {holdout.actual_orders:,} came; off by {holdout.mean_absolute_error:.2f} orders a customer",
        fontsize=10.5,
        color=_FAINT,
        va="center",
    )
    return drawn


def svg(fitted: FitOut, holdout: HoldoutOut) -> bytes:
    """The drawing as SVG with text that can be selected and read aloud."""
    written = io.BytesIO()
    # Text stays text; a fixed salt gives the same file for the same figures.
    with mpl.rc_context({"svg.fonttype": "none", "svg.hashsalt": "rapport", "font.family": ["sans-serif"]}):
        drawn = figure(fitted, holdout)
        FigureCanvasSVG(drawn)
        drawn.savefig(written, format="svg", metadata={"Title": "Expected and actual orders", "Date": None})
    return written.getvalue()
