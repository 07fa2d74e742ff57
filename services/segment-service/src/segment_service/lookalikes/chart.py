"""Gains on customers held out: the sought ones found so far, and the lift of each tenth."""

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import PercentFormatter

from segment_service import drawing
from segment_service.lookalikes.schemas import Findings, LookalikeOut


def svg(found: LookalikeOut) -> bytes:
    """The drawing as SVG."""
    return drawing.svg(lambda: figure(found), f"Gains: {found.name}")


def figure(found: LookalikeOut) -> Figure:
    """The drawing; made without any state that threads share."""
    drawn = Figure(figsize=(11, 5), facecolor="white")
    if found.result is None:
        drawing.titled(drawn, found.name, "Not finished yet")
        return drawn
    result = found.result
    drawing.titled(
        drawn,
        f"Like {found.name}",
        f"{result.seeds:,} sought among {result.customers:,} customers; {result.model.replace('_', ' ')}, "
        f"area under the curve {result.auc:.3f} on customers held out",
    )
    _gains(drawn.add_axes((0.07, 0.13, 0.40, 0.66)), result)
    _lifts(drawn.add_axes((0.56, 0.13, 0.41, 0.66)), result)
    return drawn


def _gains(axes: Axes, result: Findings) -> None:
    total = sum(each.customers for each in result.gains)
    x, y, before = [0.0], [0.0], 0
    for each in result.gains:
        before += each.customers
        x.append(before / total)
        y.append(each.cumulative_share)
    axes.plot(x, y, color=drawing.DARK, linewidth=2.5, marker="o", markersize=4)
    axes.plot([0, 1], [0, 1], color=drawing.LIGHT, linewidth=1.8, linestyle=(0, (5, 3)))
    axes.text(x[2] + 0.03, y[2] - 0.03, "ranked", color=drawing.DARK, fontsize=10, va="top")
    axes.text(0.72, 0.66, "at random", color="#9a6410", fontsize=10, va="top")
    axes.set_title("Share of the sought found, best first", fontsize=10.5, color=drawing.INK, loc="left")
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_major_formatter(PercentFormatter(1, decimals=0))
    axes.set_xlim(0, 1)
    axes.set_ylim(0, 1.03)
    axes.set_xlabel("customers", color=drawing.FAINT, fontsize=9)
    drawing.plain(axes)


def _lifts(axes: Axes, result: Findings) -> None:
    tenths = [each.decile for each in result.gains]
    axes.bar(tenths, [each.lift for each in result.gains], color=drawing.DARK, width=0.72)
    axes.axhline(1, color=drawing.LIGHT, linewidth=1.8, linestyle=(0, (5, 3)))
    for each in result.gains:
        axes.text(each.decile, each.lift, f"{each.lift:.1f}", ha="center", va="bottom", fontsize=9, color=drawing.INK)
    axes.set_title("Lift of each tenth: its rate against the average", fontsize=10.5, color=drawing.INK, loc="left")
    axes.set_xticks(tenths)
    axes.set_xlabel("tenth of the customers, best first", color=drawing.FAINT, fontsize=9)
    axes.margins(y=0.12)
    drawing.plain(axes)
