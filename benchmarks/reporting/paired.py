"""Compare methods with one of them, pair by pair: on the same photons most of the luck of a seed cancels.

If a metric is small where it is good, the mean logarithm of its ratio to the reference is compared, and shown as a
ratio; of other metrics the difference is. The interval is that of resampled seeds (`reporting.resampling`).
"""

from typing import NamedTuple

import numpy as np
import pandas as pd

from benchmarks.metric import METRICS
from benchmarks.reporting.resampling import STRATUM, interval, resampled_means


class Pair(NamedTuple):
    """Compare a method with the reference by one metric.

    Attributes
    ----------
    method, metric : str
    kind : "ratio" or "difference"
    value, low, high : float
        Method over, or minus, reference, with its 95 % interval.
    n : int
        Number of trials that both finished.
    verdict : "better", "worse" or "alike"
        "alike" if the interval contains 1 (of a ratio) or 0 (of a difference).
    """

    method: str
    metric: str
    kind: str
    value: float
    low: float
    high: float
    n: int
    verdict: str

    def text(self) -> str:
        """Write the value with its interval, if it has one, to a thousandth."""
        if not np.isfinite(self.high):
            return f"{self.value:.3f}"
        return f"{self.value:.3f} [{self.low:.3f}, {self.high:.3f}]"


def pairs(scores: pd.DataFrame, others: pd.DataFrame, method: str, metric: str) -> Pair | None:
    """Compare two sets of scores of the same trials.

    Parameters
    ----------
    scores, others : DataFrame
        Rows of the table of records; `others` is the reference.
    method : str
        Name of what is compared.
    metric : str

    Returns
    -------
    Pair or None
        None where no trial has a score in both.
    """
    key = [*STRATUM, "seed"]
    both = pd.concat(
        {"a": scores.set_index(key)[metric], "b": others.set_index(key)[metric]}, axis=1
    ).dropna()
    if both.empty:
        return None
    best = METRICS[metric].best
    is_ratio = best == "low" and bool((both > 0).all(axis=None))
    worsening = (
        np.log(both["a"] / both["b"])
        if is_ratio
        else both["a"].map(METRICS[metric].badness).sub(both["b"].map(METRICS[metric].badness))
    )
    low, high = (float(bound[0]) for bound in interval(resampled_means(worsening.to_frame())))
    value = float(worsening.groupby(level=STRATUM).mean().mean())
    if worsening.groupby(level=STRATUM).size().max() < 2:  # one seed says nothing of others
        low, high = -np.inf, np.inf
    verdict = "worse" if low > 0 else "better" if high < 0 else "alike"
    if is_ratio:
        value, low, high = np.exp([value, low, high])
    elif best == "high":
        value, low, high = -value, -high, -low
    kind = "ratio" if is_ratio else "difference"
    return Pair(method, metric, kind, float(value), float(low), float(high), len(both), verdict)


def against(table: pd.DataFrame, reference: str, metrics: tuple[str, ...]) -> list[Pair]:
    """Compare every method with the reference by each metric."""
    theirs = table[table["method"] == reference]
    found = [
        pairs(rows, theirs, str(method), metric)
        for method, rows in table[table["role"] != "bound"].groupby("method")
        if method != reference
        for metric in metrics
    ]
    return [pair for pair in found if pair is not None]
