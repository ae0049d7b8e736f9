"""Measure how often intervals cover the truth: the share of active true abundances in their equal-tailed interval.

*Active* entries have a true fraction above 5 %: an equal-tailed interval of a positive quantity can never cover 0,
so entries that are truly zero are left out.
"""

import numpy as np

from bayesunmix.data.result import Unmixing
from bayesunmix.data.rotations import Include
from simulations.trial import Trial

ACTIVE_FRACTION = 0.05


def active(trial: Trial) -> np.ndarray:
    """Return which entries of the true abundances calibration is measured on, (P, K) bool."""
    truth = trial.truth
    # A dead pixel of the specimen expects no counts, and its fractions are a convention.
    return trial.phantom.specimen[:, None] & (truth.abundances > 0) & (truth.fractions > ACTIVE_FRACTION)


def coverage(trial: Trial, unmixing: Unmixing, level: float, include: Include = "counting") -> float:
    """Return the share of active abundances in their interval of that level; NaN if none is active.

    The equal-tailed interval of the draws, or the total one (see `bayesunmix.Posterior.interval`).
    """
    if unmixing.posterior is None:
        raise ValueError(
            "intervals need a result with a posterior, got one without; see `needs_posterior` of a metric"
        )
    truth, asked = trial.truth.abundances, active(trial)
    lower, upper = unmixing.posterior.abundance_interval(level, include)
    n_components = truth.shape[1]
    inside = (lower[:, :n_components] <= truth) & (truth <= upper[:, :n_components])
    return float(inside[asked].mean()) if asked.any() else float("nan")
