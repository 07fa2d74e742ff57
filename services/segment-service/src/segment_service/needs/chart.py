"""Value by need: a row for each class, a column for each group, the colour by sales."""

import textwrap

from matplotlib import colormaps
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from segment_service import drawing
from segment_service.needs.schemas import Cell, Matrix

_NOBODY = "no need found"


def svg(matrix: Matrix) -> bytes:
    """The drawing as SVG."""
    return drawing.svg(lambda: figure(matrix), "Value by need")


def figure(matrix: Matrix) -> Figure:
    """The drawing; made without any state that threads share."""
    columns: list[str | None] = [*matrix.groups, None]
    drawn = Figure(figsize=(max(7.0, 2.6 + 1.45 * len(columns)), 6.0), facecolor="white")
    drawing.titled(
        drawn, "Value by need", f"Customers, and their sales of the period in {matrix.currency}; darker is more sales"
    )
    axes = drawn.add_axes((0.14, 0.04, 0.84, 0.70))
    cells = {(cell.value_class, cell.group): cell for cell in matrix.cells}
    most = max((float(cell.sales) for cell in matrix.cells), default=0.0) or 1.0
    for row, value_class in enumerate(matrix.classes):
        axes.text(-0.08, row + 0.5, value_class, ha="right", va="center", fontsize=10, color=drawing.INK)
        for column, group in enumerate(columns):
            _cell(axes, column, row, cells.get((value_class, group)), most)
    for column, group in enumerate(columns):
        words = textwrap.fill(group if group is not None else _NOBODY, 14)
        axes.text(column + 0.5, -0.12, words, ha="center", va="bottom", fontsize=9.5, color=drawing.FAINT)
    axes.set_xlim(0, len(columns))
    axes.set_ylim(len(matrix.classes), 0)
    axes.set_axis_off()
    return drawn


def _cell(axes: Axes, column: int, row: int, cell: Cell | None, most: float) -> None:
    share = max(0.0, float(cell.sales)) / most if cell is not None else 0.0
    # Dark is much for every kind of colour vision.
    colour = colormaps["cividis_r"](0.05 + 0.75 * share**0.5)
    axes.add_patch(Rectangle((column + 0.02, row + 0.03), 0.96, 0.94, facecolor=colour if cell else "#f4f5f7"))
    if cell is None:
        return
    ink = "white" if share > 0.35 else drawing.INK
    axes.text(column + 0.5, row + 0.36, f"{cell.customers:,}", ha="center", va="center", fontsize=10.5, color=ink)
    sales = f"{float(cell.sales):,.0f}"
    axes.text(column + 0.5, row + 0.70, sales, ha="center", va="center", fontsize=8.5, color=ink)
