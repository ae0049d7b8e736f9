"""Resample seeds to say what others might have shown: a stratified bootstrap of paired scores.

Phantoms and doses were chosen; only the photons, and so the seeds, are a sample. Within every stratum (a phantom, a
dose and a number of components) the seeds are drawn again with replacement, the same ones for all methods, and the
strata are averaged. With n seeds a resample varies (n - 1) / n as much as it should [1]_; deviations from the mean of
the stratum are stretched to make up for it.

References
----------
.. [1] B. Efron and R. J. Tibshirani, "An introduction to the bootstrap", Chapman and Hall (1993), section 5.3.
"""

import numpy as np
import pandas as pd

STRATUM = ["phantom", "dose", "components"]
RESAMPLES = 2000
CONFIDENCE = 0.95


def resampled_means(scores: pd.DataFrame) -> np.ndarray:
    """Return the mean score of each method in each resample.

    Parameters
    ----------
    scores : DataFrame
        Index levels `STRATUM` and "seed"; a column a method. Trials that lack a method's score are left out.

    Returns
    -------
    means : (R, M) array
        All equal where every stratum has one seed: one seed says nothing of others.
    """
    rng = np.random.default_rng(0)
    strata = [stratum.to_numpy() for _, stratum in scores.dropna().groupby(level=STRATUM, sort=False)]
    total = np.zeros((RESAMPLES, scores.shape[1]))
    for values in strata:
        n = len(values)
        stretch = np.sqrt(n / max(n - 1, 1))
        drawn = rng.integers(n, size=(RESAMPLES, n))
        mean = values.mean(axis=0)
        total += mean + stretch * (values[drawn].mean(axis=1) - mean)
    return total / max(len(strata), 1)


def interval(means: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the equal-tailed interval of each column of resampled means, at the level `CONFIDENCE`."""
    tail = (1 - CONFIDENCE) / 2
    low, high = np.quantile(means, [tail, 1 - tail], axis=0)
    return low, high
