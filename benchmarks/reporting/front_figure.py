"""Draw accuracy against time, and mark the methods to which no other is better and faster."""

from collections.abc import Mapping

import pandas as pd
from matplotlib.figure import Figure

from benchmarks.metric import Metric
from benchmarks.reporting.axes import title
from benchmarks.reporting.dose_figure import Style, plain_log_labels


def front_figure(metric: Metric, phantom: str, scores: pd.DataFrame, drawn: Mapping[str, Style]) -> Figure:
    """Draw a metric against seconds.

    Parameters
    ----------
    metric : Metric
    phantom : str
    scores : DataFrame
        Columns `method`, `seconds`, `value`: means over the seeds, one row a method.
    drawn : dict of Style
    """
    figure = Figure(figsize=(4.4, 3.4), layout="constrained")
    axes = figure.add_subplot()
    ordered = scores.assign(badness=scores["value"].map(metric.badness)).sort_values("seconds")
    best, front = float("inf"), []
    for row in ordered.itertuples():
        on_front = row.badness < best
        best = min(best, row.badness)
        if on_front:
            front.append((row.seconds, row.value))
        axes.plot(
            row.seconds,
            row.value,
            drawn[row.method].marker,
            color=drawn[row.method].colour,
            markersize=6 if on_front else 4,
        )
        axes.annotate(
            row.method, (row.seconds, row.value), xytext=(4, 3), textcoords="offset points", fontsize=6.5,
            fontweight="bold" if on_front else "normal", color=drawn[row.method].colour,
        )  # fmt: skip
    axes.step(*zip(*front, strict=True), where="post", color="#b5b5b5", linewidth=0.9, zorder=0)
    axes.set_xscale("log")
    axes.margins(x=0.25, y=0.12)
    plain_log_labels(axes.xaxis)
    if metric.best == "low" and (scores["value"] > 0).all():
        axes.set_yscale("log")
        plain_log_labels(axes.yaxis)
    axes.set_xlabel("seconds of a fit, without compiling", fontsize=8.5)
    title(axes, metric.heading, phantom)
    axes.tick_params(which="both", labelsize=7.5, length=2.5)
    axes.spines[["top", "right"]].set_visible(False)
    return figure
