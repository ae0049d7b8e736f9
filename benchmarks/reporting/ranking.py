"""Rank the methods, and say how certain the ranks are.

In every trial the methods, ours and the peers', are ranked by each of `ranked` (1 is best, ties share their mean rank,
a failed cell comes last). A method's score is its mean rank over metrics and over the trials that no method skipped or
has still to do; the seeds are resampled (`reporting.resampling`) to say how far it is certain, and how often the method
would come first.
"""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from benchmarks.metric import METRICS
from benchmarks.reporting.resampling import STRATUM, interval, resampled_means

RANKED = ("spectral_angle", "abundance_rmse", "deviance", "phase_agreement")
RANKED_WITHOUT_TRUTH = ("held_out_deviance", "line_map_error")
NOTHING = "n/a"


def has_truth(table: pd.DataFrame) -> bool:
    """Return True if the table is of phantoms, and not of recordings (a suite never mixes them)."""
    scored = [name for name in METRICS if name in table and table[name].notna().any()]
    return not scored or any(METRICS[name].needs_truth for name in scored)


def ranked(table: pd.DataFrame) -> tuple[str, ...]:
    """Return the metrics by which the methods of a table are ranked."""
    return RANKED if has_truth(table) else RANKED_WITHOUT_TRUTH


def ranking(table: pd.DataFrame) -> pd.DataFrame:
    """Rank the methods of a table of records, bounds left out.

    Returns
    -------
    pandas.DataFrame
        Index `method`, best first; columns `rank` (mean), `low` and `high` (95 % interval over seeds, NaN for one
        seed), `first` (share of the resamples in which it is the best), `failed` (cells). Where no trial has all
        methods, nothing but `failed` is known.
    """
    methods = _methods(table)
    scores = _ranks(table).dropna()
    means = resampled_means(scores) if len(scores) else np.full((1, scores.shape[1]), np.nan)
    low, high = interval(means)
    alone = scores.index.get_level_values("seed").nunique() < 2
    best = means == means.min(axis=1, keepdims=True, initial=np.inf)
    result = pd.DataFrame(
        {
            "rank": scores.mean(),
            "low": np.where(alone, np.nan, low),
            "high": np.where(alone, np.nan, high),
            "first": (best / np.maximum(best.sum(axis=1, keepdims=True), 1)).mean(axis=0),
            "failed": (methods["status"] == "failed").groupby(methods["method"]).sum(),
        },
        index=scores.columns,
    )
    return result.sort_values("rank", kind="stable")


def trials_compared(table: pd.DataFrame) -> str:
    """Say over how many trials the methods are ranked."""
    ranks = _ranks(table)
    n, of = len(ranks.dropna()), len(ranks)
    return f"all trials ({of})" if n == of else f"the {n} of {of} trials that have all methods"


def rank_text(row: pd.Series) -> str:
    """Write the mean rank of a row of `ranking` with its interval; `NOTHING` where there is none."""
    if not np.isfinite(row["rank"]):
        return NOTHING
    spread = f" [{row['low']:.2f}, {row['high']:.2f}]" if np.isfinite(row["low"]) else ""
    return f"{row['rank']:.2f}{spread}"


def middle_dose(table: pd.DataFrame) -> float:
    """Return the dose that stands for all where only one can be shown."""
    doses = sorted(table["dose"].unique())
    return doses[len(doses) // 2]


def first_components(table: pd.DataFrame) -> str:
    """Return the number of components to show where only one can be: the true one, if there is a result of it."""
    asked = sorted(table["components"].unique())
    return "true" if "true" in asked else asked[0]


def scores_at(
    table: pd.DataFrame, phantom: str, dose: float, metrics: Sequence[str], components: str | None = None
) -> dict[str, list[str]]:
    """Write mean and standard error over seeds.

    Parameters
    ----------
    table : DataFrame
    phantom, dose : str, float
    metrics : sequence of str
    components : str, optional
        The first in `table` where not given; bounds are shown with any.

    Returns
    -------
    dict of list of str
        Method to one text per metric, methods in the order of the ranking, bounds last.
    """
    asked = (table["components"] == (components or first_components(table))) | (table["role"] == "bound")
    rows = table[(table["phantom"] == phantom) & (table["dose"] == dose) & asked]
    bounds = table.loc[table["role"] == "bound", "method"].unique()
    groups = rows.groupby("method")[list(metrics)]
    mean, error = groups.mean(), groups.sem()
    return {
        method: [plus_minus(mean.loc[method, name], error.loc[method, name]) for name in metrics]
        for method in [*ranking(table).index, *bounds]
        if method in mean.index
    }


def _methods(table: pd.DataFrame) -> pd.DataFrame:
    """Return the rows that are ranked: no bounds, and nothing that was skipped."""
    return table[(table["role"] != "bound") & (table["status"] != "skipped")]


def _ranks(table: pd.DataFrame) -> pd.DataFrame:
    """Average the ranks over the metrics: a row a trial, a column a method, NaN where a method lacks the trial."""
    methods = _methods(table)
    trial = [*STRATUM, "seed"]
    badness = {name: methods[name].map(METRICS[name].badness) for name in ranked(table)}
    keys = [methods[key] for key in trial]
    ranks = pd.DataFrame({name: b.groupby(keys).rank(na_option="bottom") for name, b in badness.items()})
    keyed = methods[[*trial, "method"]].assign(rank=ranks.mean(axis=1))
    return keyed.pivot_table(index=trial, columns="method", values="rank")


def plus_minus(mean: float, error: float, digits: int = 2) -> str:
    """Write a mean with its standard error, "1.23 ± 0.04"; `NOTHING` where there is none.

    Both have the same decimals: enough for `digits` + 1 figures of the mean and one of the error.
    """
    if not np.isfinite(mean):
        return NOTHING
    if abs(mean) < 1e-9:
        return "0"
    size = np.floor(np.log10(abs(mean)))
    if error > 0:
        size = min(size, digits + np.floor(np.log10(error)))
    decimals = int(np.clip(digits - size, 0, 5))
    spread = f" ± {error:.{decimals}f}" if np.isfinite(error) else ""
    return f"{mean:.{decimals}f}{spread}"
