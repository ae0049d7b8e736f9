"""Draw the way of the counts through the method: spectra from sums, a prior chosen by photons, maps, intervals."""

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import FancyBboxPatch

from paper.evidence import Results
from paper.figures.drawing import GREY, INK, NORMAL, OURS, WIDTH

_BOXES = {  # middle, width, height, heading, words
    "counts": (0.11, 0.5, 0.19, 0.30, "Counts", "photons of every\npixel and channel"),
    "spectra": (
        0.36,
        0.80,
        0.24,
        0.34,
        "Spectra",
        "drawn from the posterior\ngiven sums of\nneighbouring pixels",
    ),
    "choice": (0.36, 0.20, 0.24, 0.34, "Prior of the maps", "chosen by photons\nthat were kept apart"),
    "maps": (0.635, 0.5, 0.21, 0.40, "Maps", "drawn pixel by pixel\ngiven each draw\nof the spectra"),
    "told": (
        0.885,
        0.80,
        0.21,
        0.34,
        "Feasible range",
        "other solutions that\nfit as well widen\nthe intervals",
    ),
    "moved": (0.885, 0.20, 0.21, 0.34, "Recalibration", "ranks of simulated\ntruths move the\ndraws"),
}
_ARROWS = (
    ((0.205, 0.58), (0.24, 0.74)),
    ((0.205, 0.42), (0.24, 0.26)),
    ((0.36, 0.625), (0.36, 0.375)),
    ((0.48, 0.76), (0.53, 0.62)),
    ((0.48, 0.24), (0.53, 0.38)),
    ((0.74, 0.60), (0.78, 0.74)),
    ((0.74, 0.40), (0.78, 0.26)),
    ((0.885, 0.375), (0.885, 0.625)),
)


def scheme(results: Results) -> Figure:
    """Draw the scheme; it shows no result."""
    figure = Figure(figsize=(WIDTH, 2.5))
    axes = figure.add_axes((0, 0, 1, 1))
    axes.set(xlim=(0, 1), ylim=(0, 1))
    axes.set_axis_off()
    for box in _BOXES.values():
        _box(axes, *box)
    for start, end in _ARROWS:
        style = {"arrowstyle": "-|>", "color": INK, "linewidth": 0.9, "shrinkA": 0, "shrinkB": 0}
        axes.annotate("", end, start, arrowprops=style)
    axes.text(
        0.585, 0.845, "cut: maps do not\nchange the spectra", fontsize=7, color=GREY, ha="center", va="center"
    )
    return figure


def _box(axes: Axes, x: float, y: float, width: float, height: float, heading: str, words: str) -> None:
    corner = (x - width / 2 + 0.01, y - height / 2 + 0.02)
    axes.add_patch(
        FancyBboxPatch(
            corner,
            width - 0.02,
            height - 0.04,
            boxstyle="round,pad=0.01,rounding_size=0.015",
            facecolor="#f3f7fb",
            edgecolor=OURS,
            linewidth=0.9,
        )
    )
    top = y + height / 2 - 0.075
    axes.text(x, top, heading, fontsize=NORMAL, fontweight="bold", color=INK, ha="center", va="center")
    axes.text(x, top - 0.065, words, fontsize=7, color=INK, ha="center", va="top", linespacing=1.25)
