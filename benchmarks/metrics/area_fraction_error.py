"""Error of the area fractions of the phase maps: half the sum of their absolute differences (`scoring.phase_map`).

The share of the specimen that is in the wrong phase's account, from 0 to 1; where pixels lie does not matter. The
unassigned area is error too.
"""

import numpy as np

from bayesunmix.data.result import Unmixing
from benchmarks.metric import metric
from benchmarks.scoring.phase_map import confusion
from simulations.trial import Trial


@metric(label="Area fraction error", unit="", best="low")
def area_fraction_error(trial: Trial, unmixing: Unmixing) -> float:
    """Half the L1 distance between the area fractions."""
    pixels = confusion(trial, unmixing)
    in_truth, in_estimate = np.zeros(pixels.shape[1]), pixels.sum(axis=0)
    in_truth[1 : 1 + len(pixels)] = pixels.sum(axis=1)
    return float(np.abs(in_estimate - in_truth).sum() / 2 / pixels.sum())
