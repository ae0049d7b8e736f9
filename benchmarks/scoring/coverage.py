"""How often intervals hold the truth: share of the active true abundances inside their equal-tailed interval.

*Active* entries have a true fraction above 5 %: an equal-tailed interval of a positive quantity can never hold 0,
so entries that are truly zero are not asked.
"""

import numpy as np

from bayesunmix.data.draws import equal_tailed
from bayesunmix.data.result import Unmixing
from benchmarks.scoring.draws import abundance_draws
from simulations.trial import Trial

ACTIVE_FRACTION = 0.05


def active(trial: Trial) -> np.ndarray:
    """Entries of the true abundances that calibration is asked of, (P, K) bool."""
    truth = trial.truth
    # A dead pixel of the specimen expects no counts, and its fractions are a convention.
    return trial.phantom.specimen[:, None] & (truth.abundances > 0) & (truth.fractions > ACTIVE_FRACTION)


def coverage(trial: Trial, unmixing: Unmixing, level: float) -> float:
    """Share of active abundances inside the equal-tailed interval of that level; NaN where none is active."""
    truth, asked = trial.truth.abundances, active(trial)
    inside = 0
    for pixels, draws in abundance_draws(unmixing, np.flatnonzero(asked.any(axis=1))):
        lower, upper = equal_tailed(draws[..., : truth.shape[1]], level)
        held = (lower <= truth[pixels]) & (truth[pixels] <= upper)
        inside += int((held & asked[pixels]).sum())
    n_asked = np.count_nonzero(asked)
    return inside / n_asked if n_asked else float("nan")
