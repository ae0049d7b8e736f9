"""Draw what the figures of all reports share: quiet axes, a dose axis, and titles that name the phantom."""

from collections.abc import Iterable
from typing import Literal

from matplotlib.axes import Axes
from matplotlib.ticker import NullLocator


def quiet(axes: Axes, grid: Literal["x", "y"]) -> None:
    """Leave only the lines that a reader needs: two spines, short ticks, a pale grid across one axis."""
    axes.spines[["top", "right"]].set_visible(False)
    axes.tick_params(labelsize=7.5, length=2.5)
    axes.grid(axis=grid, color="#e6e6e6", linewidth=0.6)
    axes.set_axisbelow(True)


def dose_axis(axes: Axes, doses: Iterable[float]) -> None:
    """Make the horizontal axis one of doses, with a tick at each and nowhere else."""
    at = sorted(set(doses))
    axes.set_xscale("log")
    axes.set_xlim(min(at, default=1) / 1.2, max(at, default=1) * 1.2)
    axes.xaxis.set_minor_locator(NullLocator())
    axes.set_xticks(at, [f"{dose:g}" for dose in at])
    axes.set_xlabel("dose (counts per pixel)", fontsize=8.5)


def title(axes: Axes, what: str, whose: str) -> None:
    """Say what is drawn, and of which phantom."""
    axes.set_title(what, loc="left", fontsize=10, fontweight="bold")
    axes.set_title(whose, loc="right", fontsize=8.5, color="#5c6166")
