"""Measure the root mean square error of the abundances over the specimen, divided by the mean abundance.

Counts in components beyond the true ones are error too (see `scoring.pairing`).
"""

import numpy as np

from bayesunmix.data.result import Unmixing
from benchmarks.metric import metric
from benchmarks.scoring.excess import with_excess
from simulations.trial import Trial


@metric(label="Abundance RMSE", unit="of the mean", best="low")
def abundance_rmse(trial: Trial, unmixing: Unmixing) -> float:
    """Return RMSE / mean true abundance; at 1 the maps are as wrong as their mean is large."""
    where = trial.phantom.specimen
    truth, estimate = trial.truth.abundances[where], unmixing.estimate.abundances[where]
    error = estimate - with_excess(truth, estimate.shape[1])
    return float(np.sqrt((error**2).sum() / truth.size) / truth.mean())
