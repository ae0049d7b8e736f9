"""Measure the largest principal angle between the span of the true endmembers and that of the estimated ones.

The direction in the span of the truth that the estimate comes least near to (Bjorck & Golub 1973,
https://doi.org/10.2307/2005662). It does not depend on how components are mixed, numbered or signed, so that PCA can
be perfect. An estimate of fewer dimensions than the truth misses a direction altogether: 90 degrees. Dimensions beyond
those of the truth cost nothing, as they cost no spectral angle.
"""

import numpy as np
from scipy.linalg import orth, subspace_angles

from bayesunmix.data.result import Unmixing
from benchmarks.metric import metric
from simulations.trial import Trial


@metric(label="Subspace angle", unit="deg", best="low")
def subspace_angle(trial: Trial, unmixing: Unmixing) -> float:
    """Return the largest angle between a direction of the true span and the estimated span, degrees."""
    # Silent components are rows of zeros, which span nothing.
    truth, estimate = (orth(f.endmembers.T) for f in (trial.truth, unmixing.estimate))
    if estimate.shape[1] < truth.shape[1]:
        return 90.0
    return float(np.degrees(subspace_angles(truth, estimate).max()))
