"""Measure the total variation distance between true and estimated endmembers, averaged over components.

Half of sum |e - e'|: the share of a spectrum's counts that lie in the wrong channels, from 0 to 1 (1 too for
signed endmembers, whose absolute values sum to one). A component the result lacks counts as 1.
"""

import numpy as np

from bayesunmix.data.result import Unmixing
from benchmarks.metric import metric
from simulations.trial import Trial


@metric(label="Endmember distance", unit="", best="low")
def endmember_distance(trial: Trial, unmixing: Unmixing) -> float:
    """Return the mean total variation distance over the true components."""
    estimate = unmixing.estimate.endmembers[: trial.truth.n_components]
    distance = np.abs(estimate - trial.truth.endmembers).sum(axis=1) / 2
    return float(np.where(estimate.any(axis=1), distance, 1.0).mean())
