"""Root mean square error of the abundances over specimen pixels and true components, relative to the mean abundance.

What components beyond the true ones hold is error too (see `benchmarks.pairing`).
"""

import numpy as np

from bayesunmix.method import Unmixing
from benchmarks.metric import metric
from simulations.phantom import Trial


@metric(label="Abundance RMSE", unit="of the mean", best="low")
def abundance_rmse(trial: Trial, unmixing: Unmixing) -> float:
    """RMSE / mean true abundance; 1 means as wrong as the mean is large."""
    where = trial.phantom.specimen
    truth, estimate = trial.truth.abundances[where], unmixing.estimate.abundances[where]
    n_components = truth.shape[1]
    squares = ((estimate[:, :n_components] - truth) ** 2).sum() + (estimate[:, n_components:] ** 2).sum()
    return float(np.sqrt(squares / truth.size) / truth.mean())
