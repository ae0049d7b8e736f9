"""Sum up what calibrations measure besides coverage: interval scores, errors, and widths of intervals."""

import re
from collections.abc import Mapping

import pandas as pd

from benchmarks.metric import METRICS
from benchmarks.reporting.coverage_table import MODELS, is_coverage
from benchmarks.scoring.over_seeds import over_seeds

_OF_METHODS = ("interval_score", "crps", "pit_distance")
# Seconds are those of a machine that was busy otherwise; ranks have a figure.
_NO_SCORES = ("phantom", "dose", "seed", "seconds", "pit")
_METRICS = {
    "rmse": "abundance_rmse",
    "angle_deg": "spectral_angle",
}  # columns of other names than the metric's
_LABELS = {
    "r_hat": ("R-hat", ""),
    "endmembers_rms_z": ("Endmembers, rms error", "posterior sd"),
    "mean_square_z": ("Mean square error", "posterior variances"),
    "fraction_error": ("Largest error", "of a share of all counts"),
    "untold": ("Not told", "of the shares of all counts"),
    "in_range": ("In the feasible range", "of those"),
    "limit": ("One-sided limit", "where nothing is, of the mean"),
}


def score_table(trials: Mapping[str, pd.DataFrame]) -> pd.DataFrame:
    """Sum up the seeds.

    Parameters
    ----------
    trials : dict of DataFrame
        As for `coverage_table`. A column of several numbers ("0.63 0.66 | 0.61 0.70") counts as their mean.

    Returns
    -------
    DataFrame
        Columns source, phantom, dose, model, score, seeds, mean, and pm: half of the 95 % interval over seeds.
    """
    found = []
    for source, some in trials.items():
        keys = ["phantom", "dose", MODELS[source]]
        numbers = {name: _numbers(some[name]) for name in some if _is_score(source, name)}
        numbers = {name: column for name, column in numbers.items() if column is not None}
        table = over_seeds(some[keys].assign(**numbers), keys, list(numbers))
        at = table[["phantom", "dose"]].assign(source=source, model=table[keys[-1]], seeds=table["seeds"])
        found += [at.assign(score=name, mean=table[name], pm=table[f"{name}_pm"]) for name in numbers]
    columns = ["source", "phantom", "dose", "model", "score", "seeds", "mean", "pm"]
    table = pd.concat(found, ignore_index=True) if found else pd.DataFrame(columns=columns)
    return table[columns].dropna(subset="mean")


def score_label(name: str) -> tuple[str, str]:
    """Say what a score is, and its unit."""
    metric = METRICS.get(_METRICS.get(name, name))
    return (metric.label, metric.unit) if metric else _LABELS.get(name, (name.replace("_", " "), ""))


def _is_score(source: str, column: str) -> bool:
    if MODELS[source] == "method":
        return column in _OF_METHODS
    return column not in (*_NO_SCORES, MODELS[source]) and not is_coverage(column)


def _numbers(column: pd.Series) -> pd.Series | None:
    """Return a column as numbers, the mean where a cell holds several; None where it holds words."""
    if pd.api.types.is_numeric_dtype(column):
        return column
    try:
        return column.map(lambda cell: pd.Series(re.split(r"[ |]+", cell)).astype(float).mean())
    except (ValueError, TypeError):
        return None
