"""Draw coverage against dose: the level of the intervals, the target, and each model with its interval over seeds."""

from collections.abc import Mapping

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from benchmarks.reporting.axes import dose_axis, quiet, title
from benchmarks.reporting.dose_figure import Style


def coverage_figure(rows: pd.DataFrame, drawn: Mapping[str, Style]) -> Figure:
    """Draw one quantity at one level of one phantom.

    Parameters
    ----------
    rows : DataFrame
        Rows of `coverage_table` with one quantity, level and phantom.
    drawn : dict of Style
        Styles of the models.
    """
    figure = Figure(figsize=(4.4, 3.1))
    axes = figure.add_axes((0.13, 0.155, 0.85, 0.745))
    first = rows.iloc[0]
    if np.isfinite(first["target_low"]):
        axes.axhspan(first["target_low"], first["target_high"], color="#0a6b3d", alpha=0.13, linewidth=0)
    axes.axhline(first["level"] / 100, color="#222222", linewidth=0.8)
    groups = list(rows.groupby("model", sort=False))
    for i, (model, some) in enumerate(groups):
        # Models stand beside each other, so that equal ones do not hide each other's bars.
        _draw(axes, some.sort_values("dose"), drawn[model], 1.02 ** (i - (len(groups) - 1) / 2))
    edges = rows[["coverage", "low", "high", "target_low", "target_high"]]
    axes.set_ylim(max(edges.min(axis=None) - 0.03, -0.02), min(edges.max(axis=None) + 0.03, 1.02))
    dose_axis(axes, rows["dose"])
    quantity, level = first["quantity"], first["level"]
    what = f"{quantity}, {level} %" if quantity.endswith("limits") else f"{quantity}, {level} % intervals"
    title(axes, what.capitalize(), first["phantom"])
    axes.yaxis.set_major_locator(MaxNLocator(6, steps=[1, 2, 5, 10]))
    quiet(axes, "y")
    return figure


def _draw(axes: Axes, rows: pd.DataFrame, style: Style, shift: float) -> None:
    bars = np.abs(rows[["low", "high"]].to_numpy(float).T - rows["coverage"].to_numpy(float))
    axes.errorbar(
        rows["dose"] * shift,
        rows["coverage"],
        np.nan_to_num(bars),
        color=style.colour,
        linewidth=1.4,
        marker=style.marker,
        markersize=4.5,
        zorder=2,
    )
