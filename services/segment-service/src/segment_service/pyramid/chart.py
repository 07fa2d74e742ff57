"""The pyramid as a drawing: eight layers, each with its figures beside it."""

import io
from decimal import Decimal
from typing import Final

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.figure import Figure
from matplotlib.patches import Polygon

from segment_service.pyramid.schemas import CutoffsOut, Pyramid, PyramidClass

# Cividis from light to dark: its order of brightness holds for every kind of colour vision, and in grey.
_ACTIVE: Final = ("#fde737", "#c8b866", "#8f8b78", "#575d6d")
_OTHERS: Final = ("#dfe3e8", "#e7eaee", "#eff1f4", "#f6f7f9")
_NAMES: Final = {
    "top": "Top",
    "large": "Large",
    "medium": "Medium",
    "small": "Small",
    "inactive": "Inactive",
    "prospect": "Prospects",
    "suspect": "Suspects",
    "rest_of_world": "Rest of the world",
}
_INK: Final = "#1f2430"
_FAINT: Final = "#5b6472"
_COLUMNS: Final = (
    (1.20, "Customers"),
    (1.46, "of all known"),
    (1.84, "Sales"),
    (2.06, "of sales"),
    (2.32, "Below zero"),
)
_HALF: Final = 0.5


def figure(pyramid: Pyramid) -> Figure:
    """The drawing; made without any state that threads share."""
    drawn = Figure(figsize=(12, 6.2), facecolor="white")
    axes = drawn.add_axes((0.02, 0.06, 0.96, 0.80))
    axes.set_xlim(-0.36, 2.34)
    axes.set_ylim(0, 8.45)
    axes.set_axis_off()
    for place, each in enumerate(pyramid.classes):
        _layer(axes, place, each)
    for x, title in _COLUMNS:
        axes.text(x, 8.12, title, ha="right", va="bottom", color=_FAINT, fontsize=10)
    period = pyramid.period
    drawn.text(0.02, 0.955, f"Customers by {pyramid.basis}", fontsize=16, color=_INK, weight="bold", va="center")
    drawn.text(
        0.02,
        0.905,
        f"Sales in {pyramid.currency} from {period.from_:%-d %B %Y} to {period.to:%-d %B %Y}, net of refunds; "
        f"classes end at {_ends(pyramid.cutoffs)}",
        fontsize=10.5,
        color=_FAINT,
        va="center",
    )
    if pyramid.notes:
        drawn.text(0.02, 0.025, " ".join(pyramid.notes), fontsize=8.5, color=_FAINT, va="center")
    return drawn


def svg(pyramid: Pyramid) -> bytes:
    """The drawing as SVG with text that can be selected and read aloud."""
    written = io.BytesIO()
    # Text stays text; a fixed salt gives the same file for the same figures.
    with mpl.rc_context({"svg.fonttype": "none", "svg.hashsalt": "rapport", "font.family": ["sans-serif"]}):
        drawn = figure(pyramid)
        FigureCanvasSVG(drawn)
        drawn.savefig(written, format="svg", metadata={"Title": f"Customers by {pyramid.basis}", "Date": None})
    return written.getvalue()


def _ends(cutoffs: CutoffsOut) -> str:
    top, large, medium = (f"{share * 100:.4g}" for share in (cutoffs.top, cutoffs.large, cutoffs.medium))
    return f"{top}, {large} and {medium} % of " + ("active customers" if cutoffs.by == "customers" else "sales")


def _layer(axes: Axes, place: int, each: PyramidClass) -> None:
    """One layer: `place` 0 is the tip."""
    top, bottom = 8.0 - place, 7.0 - place
    upper, lower = _HALF * place / 8, _HALF * (place + 1) / 8
    colour = _ACTIVE[place] if place < len(_ACTIVE) else _OTHERS[place - len(_ACTIVE)]
    corners = [(_HALF - upper, top), (_HALF + upper, top), (_HALF + lower, bottom), (_HALF - lower, bottom)]
    axes.add_patch(Polygon(corners, facecolor=colour, edgecolor="white", linewidth=2))
    middle = bottom + 0.5
    edge = _HALF - (upper + lower) / 2
    axes.text(-0.36, middle, _NAMES[each.value_class], ha="left", va="center", color=_INK, fontsize=11.5)
    axes.plot([0.0, edge - 0.01], [middle, middle], color="#c9ced6", linewidth=0.8)
    axes.plot([1 - edge + 0.01, 1.02], [middle, middle], color="#c9ced6", linewidth=0.8)
    weight = "bold" if place < len(_ACTIVE) else "normal"
    for (x, _), text in zip(_COLUMNS, _figures(each), strict=True):
        axes.text(x, middle, text, ha="right", va="center", color=_INK, fontsize=11, weight=weight)


def _figures(each: PyramidClass) -> tuple[str, str, str, str, str]:
    customers = "unknown" if each.customers is None else f"{each.customers:,}"
    share = "" if each.share_of_customers is None else f"{each.share_of_customers:.1%}"
    bought = each.sales.amount != "0.00"
    return (
        customers,
        share,
        f"{Decimal(each.sales.amount):,.2f}" if bought else "-",
        f"{each.share_of_sales:.1%}" if bought else "-",
        f"{each.below_zero.customers:,}" if each.below_zero.customers else "-",
    )
