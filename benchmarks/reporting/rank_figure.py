"""Draw mean ranks with their intervals: these seeds cannot order methods whose bars overlap."""

from collections.abc import Mapping

import pandas as pd
from matplotlib.figure import Figure

from benchmarks.reporting.axes import quiet
from benchmarks.reporting.dose_figure import Style


def rank_figure(ranks: pd.DataFrame, drawn: Mapping[str, Style]) -> Figure:
    """Draw the table of `reporting.ranking.ranking`, the best on top."""
    figure = Figure(figsize=(7.2, 0.55 + 0.24 * len(ranks)), layout="constrained")
    axes = figure.add_subplot()
    quiet(axes, "x")
    for place, (method, row) in enumerate(ranks.iterrows()):
        colour, marker = drawn[str(method)].colour, drawn[str(method)].marker
        axes.plot(
            [row["low"], row["high"]],
            [place, place],
            color=colour,
            linewidth=3,
            solid_capstyle="butt",
            alpha=0.45,
        )
        axes.plot(row["rank"], place, marker, color=colour, markersize=5)
    if ranks["high"].notna().any():
        axes.axvspan(ranks["low"].iloc[0], ranks["high"].iloc[0], color="#000000", alpha=0.05, linewidth=0)
    axes.set_yticks(range(len(ranks)), list(ranks.index), fontsize=8)
    axes.set_ylim(max(len(ranks), 1) - 0.5, -0.5)
    axes.set_xlabel("mean rank over metrics and trials (1 is best), 95 % interval over seeds", fontsize=8.5)
    return figure
