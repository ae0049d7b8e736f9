"""Draw map errors against dose for `bayes` and for each peer, and errors against seconds: a panel a phantom."""

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import NullLocator

from paper.evidence import OURS as OUR_METHOD
from paper.evidence import Results
from paper.figures.drawing import (
    OTHERS,
    OURS,
    SMALL,
    dose_axis,
    grid_of,
    method_words,
    phantom_words,
    quiet,
)

_TIMED = "main"  # the suite in which all methods ran on equal images


def errors(results: Results) -> Figure:
    """Draw the errors of all phantoms of both suites, and the seconds of the main suite at its middle dose."""
    tables = {suite: _scored(results, suite) for suite in ("main", "peers")}
    # A phantom of both suites is drawn from the one with more doses.
    source: dict[str, str] = {}
    for suite, rows in tables.items():
        for phantom, own in rows.groupby("phantom", sort=False):
            before = tables[source[str(phantom)]] if phantom in source else None
            if (
                before is None
                or own["dose"].nunique() > before.loc[before["phantom"] == phantom, "dose"].nunique()
            ):
                source[str(phantom)] = suite
    methods = [m for m in dict.fromkeys(pd.concat(tables.values())["method"]) if m != OUR_METHOD]
    colours = {OUR_METHOD: OURS, **{m: OTHERS[i % len(OTHERS)] for i, m in enumerate(sorted(methods))}}
    timed = list(dict.fromkeys(tables[_TIMED]["phantom"]))
    figure, panels = grid_of(len(source) + len(timed), 3, 1.75)
    for axes, (phantom, suite) in zip(panels, source.items(), strict=False):
        rows = tables[suite]
        _against_dose(axes, rows[rows["phantom"] == phantom], colours)
        axes.set_title(phantom_words(phantom), loc="left")
    for axes, phantom in zip(panels[len(source) :], timed, strict=True):
        rows = tables[_TIMED]
        own = rows[rows["phantom"] == phantom]
        dose = sorted(own["dose"].unique())[own["dose"].nunique() // 2]
        _against_time(axes, own[own["dose"] == dose], colours)
        axes.set_title(f"{phantom_words(phantom)}, {dose:g} counts", loc="left")
    for axes in panels[::3]:
        axes.set_ylabel("error of the maps")
    handles = [
        Line2D(
            [],
            [],
            color=colour,
            marker="o",
            markersize=3.5,
            linewidth=2 if name == OUR_METHOD else 1,
            label=method_words(name),
        )
        for name, colour in colours.items()
    ]
    figure.legend(handles=handles, loc="outside upper center", ncols=4, frameon=False)
    return figure


def _scored(results: Results, suite: str) -> pd.DataFrame:
    rows = results.finished(suite)
    rows = rows[(rows["role"] == "peer") | (rows["method"] == OUR_METHOD)]
    columns = ["abundance_rmse", "fit_seconds"]
    return rows.groupby(["phantom", "dose", "method"], sort=False)[columns].mean().reset_index()


def _against_dose(axes: Axes, rows: pd.DataFrame, colours: dict[str, str]) -> None:
    for name, own in rows.groupby("method"):
        line = own.sort_values("dose")
        ours = name == OUR_METHOD
        axes.plot(
            line["dose"],
            line["abundance_rmse"],
            color=colours[str(name)],
            linewidth=2.0 if ours else 0.9,
            marker="o",
            markersize=4 if ours else 2.5,
            zorder=3 if ours else 2,
        )
    _error_axis(axes)
    dose_axis(axes, rows["dose"])
    axes.set_xlabel("counts per pixel", fontsize=SMALL)


def _against_time(axes: Axes, rows: pd.DataFrame, colours: dict[str, str]) -> None:
    for row in rows.itertuples():
        ours = row.method == OUR_METHOD
        axes.plot(
            row.fit_seconds,
            row.abundance_rmse,
            "o",
            color=colours[str(row.method)],
            markersize=7 if ours else 4.5,
            zorder=3,
        )
    axes.set_xscale("log")
    axes.set_xlabel("seconds of a fit", fontsize=SMALL)
    _error_axis(axes)


def _error_axis(axes: Axes) -> None:
    axes.set_yscale("log")
    at = (0.05, 0.1, 0.2, 0.5, 1.0, 2.0)
    axes.set_yticks(at, [f"{error:g}" for error in at])
    axes.yaxis.set_minor_locator(NullLocator())
    axes.set_ylim(0.04, 3.4)
    quiet(axes)
