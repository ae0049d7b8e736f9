"""Root mean square error of the abundances over specimen pixels and true components, relative to the mean abundance.

What components beyond the true ones hold is error too (see `scoring.pairing`).
"""

import numpy as np

from bayesunmix.data.result import Unmixing
from benchmarks.metric import metric
from benchmarks.scoring.excess import with_excess
from simulations.trial import Trial


@metric(label="Abundance RMSE", unit="of the mean", best="low")
def abundance_rmse(trial: Trial, unmixing: Unmixing) -> float:
    """RMSE / mean true abundance; 1 means as wrong as the mean is large."""
    where = trial.phantom.specimen
    truth, estimate = trial.truth.abundances[where], unmixing.estimate.abundances[where]
    error = estimate - with_excess(truth, estimate.shape[1])
    return float(np.sqrt((error**2).sum() / truth.size) / truth.mean())
