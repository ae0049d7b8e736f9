"""Write the page on accuracy: the ranking of all methods, and their errors on each phantom of the main suite."""

from pathlib import Path

import pandas as pd

from benchmarks.metric import METRICS
from benchmarks.published import read_rows
from benchmarks.reporting.markdown import how_it_was_made, markdown_figure, markdown_table
from benchmarks.reporting.panels import panel_styles, panels
from benchmarks.reporting.ranking import NOTHING, RANKED, plus_minus, rank_text, ranking
from benchmarks.site import PAGES

_SHOWN = ("spectral_angle", "abundance_rmse", "held_out_deviance", "phase_agreement", "coverage_90")
_ON_EACH_PHANTOM = ("abundance_rmse", "spectral_angle")
_DRAWN = 6  # methods in a figure, the best ones
_INTRODUCTION = """# Accuracy by method and dose

How near do maps and spectra come to the truth? Phantoms are acquired at several doses (mean counts per pixel of the
specimen), every method unmixes the same counts, and the number of components is given. The scores:

- **Abundance RMSE**: root mean square error of the maps over their mean. 0 is perfect; at 1 the maps are as wrong as
  their mean is large.
- **Spectral angle**: angle between a true endmember and its estimate, averaged over the components. A component that
  was not found counts as 90 degrees.
- **Held-out deviance**: how badly the estimate predicts photons of a second exposure.
- **Phase agreement**: adjusted Rand index of the phase maps. 1 is the same map, 0 is chance.
- **90 % coverage**: share of the true abundances that lie in their 90 % intervals. Right error bars give 0.9.

The two bounds see the truth: `mean_spectrum` takes the mean spectrum for every component, and `oracle_endmembers` knows
the spectra and fits each pixel on its own. A method that shares information between pixels can be better than that.
"""


@PAGES.register("accuracy")
def accuracy(results: Path, figures: Path) -> str:
    """Write the page of the main suite."""
    path = results / "main.csv"
    records = read_rows(path)
    doses = " / ".join(f"{dose:g}" for dose in sorted(records["dose"].unique()))
    phantoms, seeds = records["phantom"].unique(), records["seed"].nunique()
    return "\n\n".join(
        [
            _INTRODUCTION.rstrip(),
            "## All phantoms together",
            f"Mean rank by {_listed(RANKED)} over all trials, with its 95 % interval over seeds, and scores at "
            f"{doses} counts per pixel: means over {', '.join(phantoms)} and {seeds} seeds each.",
            _ranking_table(records),
            *(part for phantom in phantoms for part in _of_phantom(records, str(phantom))),
            "## Errors against dose",
            f"The {_DRAWN} best methods of the ranking, and the bound that knows the spectra. Bars are standard "
            "errors over seeds.",
            *(_figure(records, name, figures) for name in _ON_EACH_PHANTOM),
            how_it_was_made([path]),
        ]
    )


def _ranking_table(records: pd.DataFrame) -> str:
    """Write a row a method, best first: mean rank, and each score at each dose."""
    ranks = ranking(records)
    doses = sorted(records["dose"].unique())
    rows = []
    for method in _methods(records):
        some = records[records["method"] == method]
        rank = rank_text(ranks.loc[method]) if method in ranks.index else "bound"
        cells = [" / ".join(_mean(some[some["dose"] == dose], name) for dose in doses) for name in _SHOWN]
        cells = [NOTHING if set(cell.split(" / ")) == {NOTHING} else cell for cell in cells]
        rows.append([_name(records, method), rank, *cells])
    return markdown_table(["method", "mean rank", *(METRICS[name].heading for name in _SHOWN)], rows)


def _of_phantom(records: pd.DataFrame, phantom: str) -> list[str]:
    """Write the errors of every method on one phantom, with their standard errors over seeds."""
    rows = records[records["phantom"] == phantom]
    columns = [(name, dose) for name in _ON_EACH_PHANTOM for dose in sorted(rows["dose"].unique())]
    by = rows.groupby(["method", "dose"])[list(_ON_EACH_PHANTOM)]
    mean, error = by.mean(), by.sem()
    table = [
        [
            _name(records, method),
            *(
                plus_minus(mean.loc[(method, dose), name], error.loc[(method, dose), name])
                for name, dose in columns
            ),
        ]
        for method in _methods(records)
    ]
    headings = [f"{METRICS[name].label}, dose {dose:g}" for name, dose in columns]
    return [f"## {phantom}", markdown_table(["method", *headings], table)]


def _figure(records: pd.DataFrame, name: str, figures: Path) -> str:
    best = list(ranking(records).index[:_DRAWN])
    peers = set(records.loc[records["role"] == "peer", "method"])
    drawn = panel_styles(best, peers, ["oracle_endmembers"])
    by = records[records["method"].isin(drawn)].groupby(["phantom", "dose", "method"])[name]
    rows = by.agg(mean="mean", error="sem").reset_index().rename(columns={"method": "name"})
    rows = rows[rows["mean"] > 1e-6]  # the oracle's angle of 0 has no place on a logarithmic axis
    present = {method: style for method, style in drawn.items() if (rows["name"] == method).any()}
    figure = panels(rows, present, METRICS[name].heading, logarithmic=True)
    return markdown_figure(figure, figures / f"accuracy-{name}.png", f"{METRICS[name].heading} against dose")


def _methods(records: pd.DataFrame) -> list[str]:
    """Return the methods and peers, best first, then the bounds."""
    bounds = sorted(records.loc[records["role"] == "bound", "method"].unique())
    return [*map(str, ranking(records).index), *bounds]


def _name(records: pd.DataFrame, method: str) -> str:
    role = records.loc[records["method"] == method, "role"].iloc[0]
    return {"method": f"`{method}`", "peer": f"{method} (peer)", "bound": f"*{method}*"}[role]


def _mean(rows: pd.DataFrame, metric: str) -> str:
    """Write the mean over phantoms of means over seeds."""
    if rows.empty or metric not in rows:
        return NOTHING
    return plus_minus(rows.groupby("phantom")[metric].mean().mean(), float("nan"))


def _listed(names: tuple[str, ...]) -> str:
    labels = [METRICS[name].label.lower().replace("rmse", "RMSE") for name in names]
    return f"{', '.join(labels[:-1])} and {labels[-1]}"
