"""The migration matrix as a drawing: a row for each class before, a column for each class after."""

import io
from typing import Final

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from segment_service.migrations.schemas import Migration, MigrationCell
from segment_service.pyramid.rules import VALUE_CLASSES

_NAMES: Final = {
    "top": "Top",
    "large": "Large",
    "medium": "Medium",
    "small": "Small",
    "inactive": "Inactive",
    "prospect": "Prospects",
    "suspect": "Suspects",
}
_INK: Final = "#1f2430"
_FAINT: Final = "#5b6472"
_EMPTY: Final = "#f4f5f7"
# Cividis reads the same for every kind of colour vision, and in grey; its dark end takes white text.
_COLOURS: Final = mpl.colormaps["cividis_r"]
_DARK: Final = 0.45


def figure(migration: Migration) -> Figure:
    """The drawing; made without any state that threads share."""
    size = len(VALUE_CLASSES)
    drawn = Figure(figsize=(11.5, 8), facecolor="white")
    axes = drawn.add_axes((0.02, 0.05, 0.96, 0.80))
    axes.set_xlim(-1.6, size + 1.15)
    axes.set_ylim(size + 0.9, -1.0)
    axes.set_axis_off()
    for place, cell in enumerate(migration.cells):
        _cell(axes, place % size, place // size, cell)
    for place, each in enumerate(migration.classes):
        middle = place + 0.5
        axes.text(-0.12, middle, _NAMES[each.value_class], ha="right", va="center", color=_INK, fontsize=11.5)
        axes.text(middle, -0.12, _NAMES[each.value_class], ha="center", va="bottom", color=_INK, fontsize=11.5)
        axes.text(size + 1.05, middle, f"{each.customers_from:,}", ha="right", va="center", color=_INK, fontsize=11)
        axes.text(middle, size + 0.3, f"{each.customers_to:,}", ha="center", va="center", color=_INK, fontsize=11)
    axes.text(size + 1.05, -0.12, "before", ha="right", va="bottom", color=_FAINT, fontsize=10)
    axes.text(-0.12, size + 0.3, "after", ha="right", va="center", color=_FAINT, fontsize=10)
    axes.text(-1.6, -0.62, f"Class on {migration.from_:%-d %B %Y}", ha="left", va="bottom", color=_FAINT, fontsize=10)
    axes.text(
        size / 2, -0.62, f"Class on {migration.to:%-d %B %Y}", ha="center", va="bottom", color=_FAINT, fontsize=10
    )
    moves = migration.moves
    drawn.text(0.02, 0.955, "Who moved between value classes", fontsize=16, color=_INK, weight="bold", va="center")
    drawn.text(
        0.02,
        0.912,
        f"{migration.customers:,} customers by {migration.basis}: {moves.up:,} went up, {moves.down:,} went down, "
        f"{moves.stayed:,} stayed. Per cent and colour: share of the customers of a row.",
        fontsize=10.5,
        color=_FAINT,
        va="center",
    )
    return drawn


def svg(migration: Migration) -> bytes:
    """The drawing as SVG with text that can be selected and read aloud."""
    written = io.BytesIO()
    # Text stays text; a fixed salt gives the same file for the same figures.
    with mpl.rc_context({"svg.fonttype": "none", "svg.hashsalt": "rapport", "font.family": ["sans-serif"]}):
        drawn = figure(migration)
        FigureCanvasSVG(drawn)
        drawn.savefig(written, format="svg", metadata={"Title": "Who moved between value classes", "Date": None})
    return written.getvalue()


def _cell(axes: Axes, column: int, row: int, each: MigrationCell) -> None:
    filled = each.customers > 0
    colour = _COLOURS(0.08 + 0.92 * each.share_of_from) if filled else _EMPTY
    stayed = column == row
    axes.add_patch(
        Rectangle(
            (column + 0.03, row + 0.03),
            0.94,
            0.94,
            facecolor=colour,
            edgecolor=_INK if stayed else "white",
            linewidth=1.6 if stayed else 0.5,
        )
    )
    if filled:
        ink = "white" if each.share_of_from > _DARK else _INK
        axes.text(
            column + 0.5, row + 0.4, f"{each.customers:,}", ha="center", va="center", color=ink, fontsize=11.5,
            weight="bold",
        )  # fmt: skip
        axes.text(
            column + 0.5, row + 0.7, f"{each.share_of_from:.1%}", ha="center", va="center", color=ink, fontsize=9.5
        )
