"""Poisson deviance of the noise-free mean m against the estimated mean mu, per specimen pixel.

D = 2 sum(m log(m / mu) - m + mu) / (specimen pixels), summed over all pixels and channels, so that counts put
into the vacuum are paid for too. It does not depend on how components are numbered or mixed. Natural scale: an
efficient fit without smoothing has about K (one parameter per component in each pixel); 0 is perfect.

Signed methods (PCA, ICA) and exact zeros can predict mu <= 0 where photons do come, which costs infinity.
mu is therefore floored at `FLOOR` of the mean expected count per entry: dear, not infinite.
"""

import numpy as np
from scipy.special import kl_div

from bayesunmix.method import Unmixing
from benchmarks.metric import metric
from simulations.phantom import Trial

FLOOR = 1e-3
_ENTRIES_PER_BLOCK = 2**21


@metric(label="Deviance", unit="per pixel", best="low")
def deviance(trial: Trial, unmixing: Unmixing) -> float:
    """Deviance from the noise-free mean per specimen pixel."""
    truth, estimate = trial.truth, unmixing.estimate
    n_pixels, n_channels = len(truth.abundances), truth.endmembers.shape[1]
    floor = FLOOR * (truth.abundances.sum(axis=0) @ truth.endmembers).sum() / (n_pixels * n_channels)
    step = max(_ENTRIES_PER_BLOCK // n_channels, 1)
    total = 0.0
    for start in range(0, n_pixels, step):
        block = slice(start, start + step)
        total += kl_div(truth.expected(block), np.maximum(estimate.expected(block), floor)).sum()
    return float(2 * total / np.count_nonzero(trial.phantom.specimen))
