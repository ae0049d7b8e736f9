"""Measure the error of the area fractions of the phase maps: half the sum of their absolute differences.

This is the share of the specimen that is counted for the wrong phase, from 0 to 1; where pixels lie does not matter.
The unassigned area is error too. See `scoring.phase_map`.
"""

import numpy as np

from bayesunmix.data.result import Unmixing
from benchmarks.metric import metric
from benchmarks.scoring.phase_map import confusion
from simulations.trial import Trial


@metric(label="Area fraction error", unit="", best="low")
def area_fraction_error(trial: Trial, unmixing: Unmixing) -> float:
    """Return half the sum of the absolute differences of the area fractions."""
    pixels = confusion(trial, unmixing)
    in_truth, in_estimate = np.zeros(pixels.shape[1]), pixels.sum(axis=0)
    in_truth[1 : 1 + len(pixels)] = pixels.sum(axis=1)
    return float(np.abs(in_estimate - in_truth).sum() / 2 / pixels.sum())
