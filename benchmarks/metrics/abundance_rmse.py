"""Root mean square error of the abundances over specimen pixels and components, relative to the mean abundance."""

import numpy as np

from bayesunmix.method import Unmixing
from benchmarks.metric import metric
from simulations.phantom import Trial


@metric(label="Abundance RMSE", unit="of the mean", best="low")
def abundance_rmse(trial: Trial, unmixing: Unmixing) -> float:
    """RMSE / mean true abundance; 1 means as wrong as the mean is large."""
    where = trial.phantom.specimen
    truth = trial.truth.abundances[where]
    estimate = unmixing.estimate.abundances[where, : truth.shape[1]]
    return float(np.sqrt(np.mean((estimate - truth) ** 2)) / truth.mean())
