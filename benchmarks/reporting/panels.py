"""Draw a score against dose in one panel for each phantom, with one legend below all of them."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from typing import Any

import pandas as pd
from matplotlib.figure import Figure
from matplotlib.ticker import ScalarFormatter

from benchmarks.reporting.axes import dose_axis, quiet
from benchmarks.reporting.dose_figure import Style, plain_log_labels, styles


def panels(
    rows: pd.DataFrame,
    drawn: Mapping[str, Style],
    label: str,
    target: tuple[float, float] | None = None,
    logarithmic: bool = False,
) -> Figure:
    """Draw the panels.

    Parameters
    ----------
    rows : DataFrame
        Columns `phantom`, `dose`, `name`, `mean`, and `error`: half the length of a bar, NaN for none.
    drawn : dict of Style
        What is drawn, by name.
    label : str
        Label of the vertical axis.
    target : (float, float), optional
        A band to mark.
    logarithmic : bool
        Whether the vertical axis is logarithmic.
    """
    phantoms = sorted(rows["phantom"].unique())
    figure = Figure(figsize=(max(3.1 * len(phantoms), 6.2), 3.5), layout="constrained")
    places = figure.subplots(1, len(phantoms), sharey=True, squeeze=False)[0]
    for axes, phantom in zip(places, phantoms, strict=True):
        here = rows[rows["phantom"] == phantom]
        if target:
            axes.axhspan(*target, color="#0a6b3d", alpha=0.13, linewidth=0)
        for place, (name, style) in enumerate(drawn.items()):
            some = here[here["name"] == name].sort_values("dose")
            # Lines stand a little beside each other, so that equal ones do not hide each other's bars.
            shift = 1.02 ** (place - (len(drawn) - 1) / 2)
            axes.errorbar(
                some["dose"] * shift,
                some["mean"],
                some["error"].fillna(0),
                color=style.colour,
                linestyle=(0, style.dashes) if style.dashes else "-",
                linewidth=1.4,
                marker=style.marker,
                markersize=4,
                label=name,
            )
        dose_axis(axes, here["dose"])
        axes.set_title(phantom, loc="left", fontsize=9.5, fontweight="bold")
        quiet(axes, "y")
    if logarithmic:
        places[0].set_yscale("log")
        plain_log_labels(places[0].yaxis)
    else:
        places[0].yaxis.set_major_formatter(ScalarFormatter(useOffset=False))
    places[0].set_ylabel(label, fontsize=8.5)
    _legend(figure, places, list(drawn))
    return figure


def panel_styles(
    names: Sequence[str], peers: Collection[str] = (), bounds: Sequence[str] = ()
) -> dict[str, Style]:
    """Give every name a colour of its own; ours have a dot, peers a square, and bounds a dashed grey line."""
    drawn = styles(names, (), bounds)
    return {
        name: replace(drawn[name], marker="s") if name in peers else drawn[name] for name in (*names, *bounds)
    }


def _legend(figure: Figure, places: Sequence, names: list[str]) -> None:
    """Name every line once, whichever panel it is in."""
    handles: dict[str, Any] = {}
    for axes in places:
        some, labels = axes.get_legend_handles_labels()
        handles |= dict(zip(labels, some, strict=True))
    figure.legend(
        [handles[name] for name in names],
        names,
        loc="outside lower center",
        ncols=min(len(names), 5),
        fontsize=8,
        frameon=False,
    )
