"""Measure the bias of the components' totals: the mean over components of |estimated - true mean| / true mean.

The means are over the specimen. Noise averages out of them, so this error remains in any image, however large: counts
that are given to the wrong component. Every component has the same weight, faint or bright. Counts in components
beyond the true ones are error too (see `scoring.pairing`), and so are counts in a component that the trial does not
contain; both are divided by the mean of the true components.
"""

import numpy as np

from bayesunmix.data.result import Unmixing
from benchmarks.metric import metric
from benchmarks.scoring.excess import with_excess
from simulations.trial import Trial


@metric(label="Abundance bias", unit="of the mean", best="low")
def abundance_bias(trial: Trial, unmixing: Unmixing) -> float:
    """Return the mean absolute relative bias of the mean abundances."""
    where = trial.phantom.specimen
    truth, estimate = trial.truth.abundances[where], unmixing.estimate.abundances[where]
    bias = np.abs((estimate - with_excess(truth, estimate.shape[1])).mean(axis=0))
    mean = with_excess(truth, estimate.shape[1]).mean(axis=0)
    return float((bias / np.where(mean > 0, mean, truth.mean())).sum() / truth.shape[1])
