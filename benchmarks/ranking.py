"""Who does best, and how sure that is.

In every trial the methods are ranked by each of `RANKED` (1 is best, ties share their mean rank, a failed cell
comes last). A method's score is its mean rank over metrics and trials. The unit of evidence is the seed: the mean
is taken per seed, and its standard error is that of the seeds.
"""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from benchmarks.metric import METRICS

RANKED = ("spectral_angle", "abundance_rmse", "deviance", "phase_agreement")
NOTHING = "n/a"


def ranking(table: pd.DataFrame) -> pd.DataFrame:
    """Rank the methods of a table of records, bounds left out.

    Returns
    -------
    pandas.DataFrame
        Index `method`, best first; columns `rank` (mean), `rank_error` (standard error over seeds, NaN for one
        seed), `failed` (cells).
    """
    methods = table[table["role"] == "method"]
    trial = [methods["phantom"], methods["dose"], methods["seed"]]
    ranks = pd.DataFrame(
        {
            name: methods[name].map(METRICS[name].badness).groupby(trial).rank(na_option="bottom")
            for name in RANKED
        }
    )
    per_seed = ranks.mean(axis=1).groupby([methods["method"], methods["seed"]]).mean().groupby("method")
    failed = (methods["status"] != "ok").groupby(methods["method"]).sum()
    result = pd.DataFrame({"rank": per_seed.mean(), "rank_error": per_seed.sem(), "failed": failed})
    return result.sort_values("rank", kind="stable")


def middle_dose(table: pd.DataFrame) -> float:
    """Return the dose that stands for all where only one can be shown."""
    doses = sorted(table["dose"].unique())
    return doses[len(doses) // 2]


def scores_at(table: pd.DataFrame, phantom: str, dose: float, metrics: Sequence[str]) -> dict[str, list[str]]:
    """Mean and standard error over seeds, as text.

    Returns
    -------
    dict of list of str
        Method to one text per metric, methods in the order of the ranking, bounds last.
    """
    rows = table[(table["phantom"] == phantom) & (table["dose"] == dose)]
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
