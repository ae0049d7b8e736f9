"""Who does best, and how sure that is.

In every trial the methods, ours and the peers', are ranked by each of `ranked` (1 is best, ties share their mean rank,
a failed cell comes last, a skipped one takes no part). A method's score is its mean rank over metrics and trials; the
seeds are resampled (`reporting.resampling`) to say how far it is certain, and how often the method would come first.
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
    """Whether the table is of phantoms, and not of recordings (a suite never mixes them)."""
    scored = [name for name in METRICS if name in table and table[name].notna().any()]
    return not scored or any(METRICS[name].needs_truth for name in scored)


def ranked(table: pd.DataFrame) -> tuple[str, ...]:
    """Metrics by which the methods of a table are ranked."""
    return RANKED if has_truth(table) else RANKED_WITHOUT_TRUTH


def ranking(table: pd.DataFrame) -> pd.DataFrame:
    """Rank the methods of a table of records, bounds left out.

    Returns
    -------
    pandas.DataFrame
        Index `method`, best first; columns `rank` (mean), `low` and `high` (95 % interval over seeds, NaN for one
        seed), `first` (share of the resamples in which it is the best), `failed` (cells).
    """
    methods = table[(table["role"] != "bound") & (table["status"] != "skipped")]
    trial = [methods[key] for key in (*STRATUM, "seed")]
    badness = {name: methods[name].map(METRICS[name].badness) for name in ranked(table)}
    ranks = pd.DataFrame({name: b.groupby(trial).rank(na_option="bottom") for name, b in badness.items()})
    keyed = methods[[*STRATUM, "seed", "method"]].assign(rank=ranks.mean(axis=1))
    scores = keyed.pivot_table(index=[*STRATUM, "seed"], columns="method", values="rank")
    means = resampled_means(scores)
    low, high = interval(means)
    alone = methods["seed"].nunique() < 2
    best = means == means.min(axis=1, keepdims=True, initial=np.inf)
    result = pd.DataFrame(
        {
            "rank": scores.mean(),
            "low": np.where(alone, np.nan, low),
            "high": np.where(alone, np.nan, high),
            "first": (best / best.sum(axis=1, keepdims=True)).mean(axis=0),
            "failed": (methods["status"] == "failed").groupby(methods["method"]).sum(),
        },
        index=scores.columns,
    )
    return result.sort_values("rank", kind="stable")


def rank_text(row: pd.Series) -> str:
    """Write the mean rank of a row of `ranking` with its interval."""
    spread = f" [{row['low']:.2f}, {row['high']:.2f}]" if np.isfinite(row["low"]) else ""
    return f"{row['rank']:.2f}{spread}"


def middle_dose(table: pd.DataFrame) -> float:
    """Return the dose that stands for all where only one can be shown."""
    doses = sorted(table["dose"].unique())
    return doses[len(doses) // 2]


def first_components(table: pd.DataFrame) -> str:
    """Return the number of components to show where only one can be: the true one, if it was asked for."""
    asked = sorted(table["components"].unique())
    return "true" if "true" in asked else asked[0]


def scores_at(
    table: pd.DataFrame, phantom: str, dose: float, metrics: Sequence[str], components: str | None = None
) -> dict[str, list[str]]:
    """Mean and standard error over seeds, as text.

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
