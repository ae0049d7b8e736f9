"""Rank true abundances among their posterior draws: the probability integral transform of each active one.

Where n draws and the truth come from one distribution, each of the n + 1 ranks is equally likely: the discrete form of
the transform [1]_. Ties count half.

References
----------
.. [1] T. Gneiting, F. Balabdaoui and A. E. Raftery, "Probabilistic forecasts, calibration and sharpness", J. R. Stat.
   Soc. B 69, 243 (2007).
"""

import numpy as np

from bayesunmix.data.result import Unmixing
from benchmarks.scoring.coverage import active
from benchmarks.scoring.draws import abundance_draws
from simulations.trial import Trial

PIT_BINS = 20


def ranked_below(trial: Trial, unmixing: Unmixing) -> np.ndarray:
    """Return the share of active abundances at or below each rank.

    Returns
    -------
    (n + 1,) array
        Shares of ranks 0 to n, the last being 1; NaN if no abundance is active.
    """
    truth, asked = trial.truth.abundances, active(trial)
    if not asked.any():
        return np.array([np.nan])
    tables = []
    for pixels, draws in abundance_draws(unmixing, np.flatnonzero(asked.any(axis=1))):
        draws = draws[..., : truth.shape[1]]
        twice_rank = (draws < truth[pixels]).sum(axis=0) + (draws <= truth[pixels]).sum(axis=0)
        tables.append(np.bincount(twice_rank[asked[pixels]], minlength=2 * len(draws) + 1))
    return np.cumsum(np.sum(tables, axis=0))[::2] / np.count_nonzero(asked)


def pit_histogram(trial: Trial, unmixing: Unmixing) -> np.ndarray:
    """Return the share of active abundances in each bin of the transform, (PIT_BINS,).

    A rank is spread evenly over the part of the unit interval that it stands for.
    """
    below = np.insert(ranked_below(trial, unmixing), 0, 0)
    return np.diff(np.interp(np.linspace(0, 1, PIT_BINS + 1), np.linspace(0, 1, below.size), below))
