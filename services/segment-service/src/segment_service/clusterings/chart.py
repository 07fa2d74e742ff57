"""What sets groups apart: a row for each group, a column for each feature that tells some of them."""

import textwrap

from matplotlib import colormaps
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from segment_service import drawing
from segment_service.clusterings.schemas import ClusteringOut, Findings
from segment_service.learning.names import named, shown

_MOST_COLUMNS = 9
_STRONGEST = 2.0  # standard deviations at the ends of the colours
_DARK = 0.55


def svg(found: ClusteringOut) -> bytes:
    """The drawing as SVG."""
    return drawing.svg(lambda: figure(found), f"Groups: {found.name}")


def figure(found: ClusteringOut) -> Figure:
    """The drawing; made without any state that threads share."""
    result = found.result
    drawn = Figure(figsize=(12, 2.9 + 0.55 * (len(result.groups) if result else 1)), facecolor="white")
    if result is None:
        drawing.titled(drawn, f"Groups of {found.name}", "Not finished yet")
        return drawn
    below = f"{result.customers:,} customers; the colour says how far a group lies from everybody's mean"
    drawing.titled(drawn, f"{result.chosen} groups of {found.name}", below)
    _grid(drawn, result)
    return drawn


def _grid(drawn: Figure, result: Findings) -> None:
    axes = drawn.add_axes((0.33, 0.05, 0.65, 0.62))
    columns = _columns(result)
    colours = colormaps["PuOr_r"]  # orange to violet: safe for every kind of colour vision
    for row, group in enumerate(result.groups):
        marks = {mark.feature: mark for mark in group.marks}
        for column, feature in enumerate(columns):
            mark = marks.get(feature)
            difference = mark.difference if mark else 0.0
            shade = colours(0.5 + max(-0.5, min(0.5, difference / (2 * _STRONGEST))))
            axes.add_patch(_cell(column, row, shade))
            if mark is not None and mark.median is not None:
                ink = "white" if _brightness(shade) < _DARK else drawing.INK
                axes.text(
                    column + 0.5,
                    row + 0.5,
                    shown(mark.feature, mark.median),
                    ha="center",
                    va="center",
                    fontsize=9,
                    color=ink,
                )
        label = f"{group.name}\n{group.size:,} customers, {group.share:.0%}"
        axes.text(-0.1, row + 0.5, label, ha="right", va="center", fontsize=9.5, color=drawing.INK)
    for column, feature in enumerate(columns):
        words = textwrap.fill(named(feature), 14)
        axes.text(column + 0.5, -0.12, words, ha="center", va="bottom", fontsize=8.5, color=drawing.FAINT)
    axes.set_xlim(0, len(columns))
    axes.set_ylim(len(result.groups), 0)
    axes.set_axis_off()


def _cell(column: int, row: int, colour: tuple[float, float, float, float]) -> Rectangle:
    return Rectangle((column + 0.02, row + 0.04), 0.96, 0.92, facecolor=colour, edgecolor="none")


def _brightness(colour: tuple[float, float, float, float]) -> float:
    return 0.299 * colour[0] + 0.587 * colour[1] + 0.114 * colour[2]


def _columns(result: Findings) -> list[str]:
    """The features that tell the groups apart most."""
    strength: dict[str, float] = {}
    for group in result.groups:
        for mark in group.marks:
            strength[mark.feature] = max(strength.get(mark.feature, 0.0), abs(mark.difference))
    return sorted(strength, key=lambda name: -strength[name])[:_MOST_COLUMNS]
