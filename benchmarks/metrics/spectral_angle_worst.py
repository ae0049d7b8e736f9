"""Find the largest angle between a true endmember and its estimate, which a mean would hide."""

import numpy as np

from bayesunmix.data.alignment import spectral_angles
from bayesunmix.data.result import Unmixing
from benchmarks.metric import metric
from simulations.trial import Trial


@metric(label="Worst spectral angle", unit="deg", best="low")
def spectral_angle_worst(trial: Trial, unmixing: Unmixing) -> float:
    """Return the largest spectral angle over the true components, degrees."""
    angles = spectral_angles(trial.truth.endmembers, unmixing.estimate.endmembers)
    return float(np.diagonal(angles).max())
