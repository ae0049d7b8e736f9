"""Compute the spectral information divergence between true and estimated endmembers, averaged over components.

SID = sum((p - q) log(p / q)) over channels, the Kullback-Leibler divergence both ways (Chang 2000,
https://doi.org/10.1109/18.857802), in nats. It weighs ratios: weak lines count that an angle does not see.

Both spectra sum to one. Entries below `LEAST_EXPECTED` of the mean entry, zero and negative ones included, are raised
to it in both, and the sum is left as it is: each term stays at least 0, and a component the result lacks, a spectrum
of zeros, is far from everything.
"""

import numpy as np

from bayesunmix.data.result import Unmixing
from benchmarks.metric import metric
from benchmarks.scoring.expected_counts import LEAST_EXPECTED
from simulations.trial import Trial


@metric(label="Spectral divergence", unit="nat", best="low")
def spectral_divergence(trial: Trial, unmixing: Unmixing) -> float:
    """Return the mean spectral information divergence over the true components."""
    truth = trial.truth.endmembers
    n_components, n_channels = truth.shape
    p, q = (
        np.maximum(e, LEAST_EXPECTED / n_channels)
        for e in (truth, unmixing.estimate.endmembers[:n_components])
    )
    return float(((p - q) * np.log(p / q)).sum() / n_components)
