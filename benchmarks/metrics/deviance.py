"""Compute the Poisson deviance of the noise-free mean m against the estimated mean mu, per specimen pixel.

D = 2 sum(m log(m / mu) - m + mu) / (specimen pixels), summed over all pixels and channels, so that counts put
into the vacuum are paid for too. It does not depend on how components are numbered or mixed. Natural scale: an
efficient fit without smoothing has about K (one parameter per component in each pixel); 0 is perfect.

mu has a floor (see `scoring.expected_counts`).
"""

import numpy as np
from scipy.special import kl_div

from bayesunmix.data.result import Unmixing
from benchmarks.metric import metric
from benchmarks.scoring.expected_counts import expected_counts
from simulations.trial import Trial


@metric(label="Deviance", unit="per pixel", best="low")
def deviance(trial: Trial, unmixing: Unmixing) -> float:
    """Return the deviance from the noise-free mean per specimen pixel."""
    total = sum(kl_div(mean, mu).sum() for _, mean, mu in expected_counts(trial.truth, unmixing.estimate))
    return float(2 * total / np.count_nonzero(trial.phantom.specimen))
