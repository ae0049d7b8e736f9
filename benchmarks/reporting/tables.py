"""Make the tables of a report: as data, for CSV and LaTeX files and for the page."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pandas as pd

from benchmarks.metric import METRICS
from benchmarks.record import write_text
from benchmarks.reporting.paired import Pair, against
from benchmarks.reporting.ranking import has_truth, ranked, ranking
from benchmarks.reporting.resampling import STRATUM
from benchmarks.reporting.scaling import exponents

WORST_BOUND, BEST_BOUND = "mean_spectrum", "oracle_endmembers"


def tables(records: pd.DataFrame) -> dict[str, pd.DataFrame]:
    """Return every table, by the name of its file.

    Returns
    -------
    dict of DataFrame
        ranking; paired: every method against the first of the ranking; scores: mean, standard error and number of seeds
        of every method and metric, with the share of the possible; scaling; failures.
    """
    ranks = ranking(records)
    return {
        "ranking": ranks.reset_index(),
        "paired": pd.DataFrame(
            [pair for first in ranks.index[:1] for pair in against(records, first, ranked(records))],
            columns=Pair._fields,
        ),
        "scores": scores(records),
        # Recordings differ in more than their size.
        "scaling": exponents(records if has_truth(records) else records[:0]),
        "failures": records.loc[records["status"] != "ok", [*STRATUM, "seed", "method", "status", "message"]],
    }


def scores(records: pd.DataFrame) -> pd.DataFrame:
    """Sum up the seeds, a row a phantom, dose, number of components, method and metric.

    `possible` is the share of the way from the mean spectrum (0) to the oracle that knows the spectra (1).
    """
    present = [name for name in METRICS if records[name].notna().any()]
    long = records.melt([*STRATUM, "method", "role"], present, "metric", "score")
    grouped = long.groupby([*STRATUM, "method", "role", "metric"], sort=False)["score"]
    found = grouped.agg(mean="mean", error="sem", seeds="count").reset_index()
    found = found[found["seeds"] > 0]
    at = ["phantom", "dose", "metric"]
    found["badness"] = [
        METRICS[name].badness(mean) for name, mean in zip(found["metric"], found["mean"], strict=True)
    ]
    bounds = found[found["role"] == "bound"].pivot_table(index=at, columns="method", values="badness")
    if {WORST_BOUND, BEST_BOUND} <= set(bounds.columns):
        own = bounds.reindex(pd.MultiIndex.from_frame(found[at]))
        worst, best = own[WORST_BOUND].to_numpy(), own[BEST_BOUND].to_numpy()
        room = np.where(np.abs(worst - best) > 1e-12, worst - best, np.nan)
        is_scored = ~found["metric"].map(lambda name: METRICS[name].is_cost).to_numpy(bool)
        found["possible"] = np.where(is_scored, (worst - found["badness"]) / room, np.nan)
    return found.drop(columns="badness")


def write_tables(found: Mapping[str, pd.DataFrame], folder: Path) -> None:
    """Write each table as CSV and as LaTeX."""
    folder.mkdir(exist_ok=True)
    for name, frame in found.items():
        write_text(folder / f"{name}.csv", frame.to_csv(index=False, float_format="%.6g"))
        write_text(folder / f"{name}.tex", frame.to_latex(index=False, escape=True, float_format="%.3g"))
