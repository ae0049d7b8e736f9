"""Bias of the components' totals: mean over true components of |estimated - true mean| / true mean over the specimen.

Noise averages out of the mean over a specimen, so this is what no larger image cures: counts booked to the wrong
component. Each component counts alike, faint or bright. What components beyond the true ones hold is error too (see
`scoring.pairing`), and so is what is found of one that the trial holds no count of; both relative to the mean of
the true components.
"""

import numpy as np

from bayesunmix.data.result import Unmixing
from benchmarks.metric import metric
from benchmarks.scoring.excess import with_excess
from simulations.trial import Trial


@metric(label="Abundance bias", unit="of the mean", best="low")
def abundance_bias(trial: Trial, unmixing: Unmixing) -> float:
    """Mean absolute relative bias of the specimen's mean abundances."""
    where = trial.phantom.specimen
    truth, estimate = trial.truth.abundances[where], unmixing.estimate.abundances[where]
    bias = np.abs((estimate - with_excess(truth, estimate.shape[1])).mean(axis=0))
    mean = with_excess(truth, estimate.shape[1]).mean(axis=0)
    return float((bias / np.where(mean > 0, mean, truth.mean())).sum() / truth.shape[1])
