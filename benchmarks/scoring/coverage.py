"""Measure how often intervals cover the truth: the share of active true abundances in their equal-tailed interval.

*Active* entries have a true fraction above 5 %: an equal-tailed interval of a positive quantity can never cover 0,
so entries that are truly zero are left out.
"""

import numpy as np

from bayesunmix.data.draws import equal_tailed
from bayesunmix.data.result import Unmixing
from benchmarks.scoring.draws import abundance_draws
from simulations.trial import Trial

ACTIVE_FRACTION = 0.05


def active(trial: Trial) -> np.ndarray:
    """Return which entries of the true abundances calibration is measured on, (P, K) bool."""
    truth = trial.truth
    # A dead pixel of the specimen expects no counts, and its fractions are a convention.
    return trial.phantom.specimen[:, None] & (truth.abundances > 0) & (truth.fractions > ACTIVE_FRACTION)


def coverage(trial: Trial, unmixing: Unmixing, level: float) -> float:
    """Return the share of active abundances in the equal-tailed interval of that level; NaN if none is active."""
    truth, asked = trial.truth.abundances, active(trial)
    inside = 0
    for pixels, draws in abundance_draws(unmixing, np.flatnonzero(asked.any(axis=1))):
        lower, upper = equal_tailed(draws[..., : truth.shape[1]], level)
        covered = (lower <= truth[pixels]) & (truth[pixels] <= upper)
        inside += int((covered & asked[pixels]).sum())
    n_asked = np.count_nonzero(asked)
    return inside / n_asked if n_asked else float("nan")
