"""Draw a metric against dose: every seed, the mean and its standard error; bounds are dashed grey lines."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.axis import Axis
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator, NullFormatter

from benchmarks.metric import Metric
from benchmarks.reporting.axes import dose_axis, quiet, title

_COLOURS = (
    "#0072b2",
    "#d55e00",
    "#009e73",
    "#cc79a7",
    "#e69f00",
    "#56b4e9",
    "#7f3c8d",
    "#80471c",
    "#2f4b26",
    "#000000",
    "#9a9a00",
    "#b3005e",
    "#00a3a3",
    "#f0885a",
)
_BOUND = "#6b6b6b"
_SMALLEST = 1e-6  # what a logarithmic axis shows; an angle of 1e-14 degrees is zero


@dataclass(frozen=True)
class Style:
    """Say how a method is drawn, in every figure and in the legend; bounds have a dashed line and no marker."""

    colour: str
    marker: str = "o"
    dashes: tuple[float, float] | None = None


def styles(methods: Sequence[str], peers: Collection[str], bounds: Sequence[str]) -> dict[str, Style]:
    """Give ours a colour and a dot, peers a colour and a square, and bounds a dashed or dotted grey line."""
    drawn: dict[str, Style] = {}
    for marker, names in (("o", [m for m in methods if m not in peers]), ("s", [*peers])):
        drawn |= {name: Style(_COLOURS[i % len(_COLOURS)], marker) for i, name in enumerate(sorted(names))}
    dashes = ((4, 2), (1, 1.5))
    return drawn | {bound: Style(_BOUND, "", dashes[i % len(dashes)]) for i, bound in enumerate(bounds)}


def dose_figure(metric: Metric, phantom: str, scores: pd.DataFrame, drawn: Mapping[str, Style]) -> Figure:
    """Draw one metric against dose.

    Parameters
    ----------
    metric : Metric
    phantom : str
    scores : DataFrame
        Columns `method`, `dose`, `value`; one row a seed.
    drawn : dict of Style
        Methods in the order they are drawn.
    """
    figure = Figure(figsize=(4.4, 3.1))
    axes = figure.add_axes((0.13, 0.155, 0.85, 0.745))
    is_log = metric.best == "low" and bool((scores["value"].dropna() >= 0).all())
    scores = scores[scores["value"] > (_SMALLEST if is_log else -np.inf)]
    for i, (method, style) in enumerate(drawn.items()):
        # Methods stand beside each other, so that equal ones do not hide each other's bars.
        shift = 1.0 if style.dashes else 1.018 ** (i - len(drawn) / 2)
        _draw(axes, scores[scores["method"] == method], style, shift)
    if isinstance(metric.best, float):
        axes.axhline(metric.best, color="#222222", linewidth=0.8)
        axes.set_ylim(min(axes.get_ylim()[0], metric.best - 0.05), 1.0)
    dose_axis(axes, scores["dose"])
    if is_log:
        axes.set_yscale("log")
        plain_log_labels(axes.yaxis)
    title(axes, metric.heading, phantom)
    quiet(axes, "y")
    return figure


def _draw(axes: Axes, rows: pd.DataFrame, style: Style, shift: float) -> None:
    """Draw one method: dots, means, bars."""
    if rows.empty:
        return
    by_dose = rows.groupby("dose")["value"]
    mean, error = by_dose.mean(), by_dose.sem().fillna(0)
    alone = "_" if len(mean) == 1 else ""
    axes.errorbar(
        mean.index * shift,
        mean,
        error,
        color=style.colour,
        linestyle=(0, style.dashes) if style.dashes else "-",
        linewidth=1.4,
        marker=style.marker or alone,
        markersize=4,
        zorder=2 if style.dashes else 3,
    )
    axes.scatter(
        rows["dose"] * shift, rows["value"], s=5, color=style.colour, alpha=0.35, linewidth=0, zorder=2
    )


def plain_log_labels(axis: Axis) -> None:
    """Label 1, 2, 5 of each decade in plain numbers, or more where that is less than two."""
    low, high = axis.get_view_interval()
    ticks = [
        s * 10.0**e
        for e in range(int(np.floor(np.log10(low))), int(np.ceil(np.log10(high))) + 1)
        for s in (1, 2, 5)
    ]
    ticks = [t for t in ticks if low <= t <= high]
    if len(ticks) > 7:
        ticks = [t for t in ticks if f"{t:e}".startswith("1")]
    if len(ticks) < 2:
        ticks = [t for t in MaxNLocator(4).tick_values(low, high) if low <= t <= high]
    axis.set_ticks(ticks, [f"{t:g}" for t in ticks])
    axis.set_minor_formatter(NullFormatter())
