"""Measure the angle between true and estimated endmembers, averaged over components.

theta_k = arccos(<e_k, e'_k> / |e_k| |e'_k|) (Kruse et al. 1993, https://doi.org/10.1016/0034-4257(93)90013-N).
A component the result lacks counts as 90 degrees.
"""

import numpy as np

from bayesunmix.data.alignment import spectral_angles
from bayesunmix.data.result import Unmixing
from benchmarks.metric import metric
from simulations.trial import Trial


@metric(label="Spectral angle", unit="deg", best="low")
def spectral_angle(trial: Trial, unmixing: Unmixing) -> float:
    """Return the mean spectral angle, degrees."""
    angles = spectral_angles(trial.truth.endmembers, unmixing.estimate.endmembers)
    return float(np.diagonal(angles).mean())
