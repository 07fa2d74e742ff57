"""What all drawings share: ink, and how they are written."""

import io
from collections.abc import Callable
from typing import Final

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.figure import Figure

INK: Final = "#1f2430"
FAINT: Final = "#5b6472"
LINE: Final = "#c9ced6"
DARK: Final = "#2f4b7c"  # told from LIGHT by brightness alone
LIGHT: Final = "#e8a33d"


def svg(draw: Callable[[], Figure], title: str) -> bytes:
    """A drawing as SVG with text that can be selected and read aloud; the same bytes for the same figures."""
    written = io.BytesIO()
    with mpl.rc_context({"svg.fonttype": "none", "svg.hashsalt": "rapport", "font.family": ["sans-serif"]}):
        drawn = draw()
        FigureCanvasSVG(drawn)
        drawn.savefig(written, format="svg", metadata={"Title": title, "Date": None})
    return written.getvalue()


def titled(drawn: Figure, title: str, below: str) -> None:
    """A title and what it is about, at the top left."""
    drawn.text(0.03, 0.955, title, fontsize=15, color=INK, weight="bold", va="center")
    drawn.text(0.03, 0.905, below, fontsize=10, color=FAINT, va="center")


def plain(axes: Axes) -> None:
    """No box around the axes."""
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)
    for side in ("left", "bottom"):
        axes.spines[side].set_color(LINE)
    axes.tick_params(colors=FAINT, labelsize=9)
