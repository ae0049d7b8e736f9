"""Measure the agreement of the phase maps of truth and estimate (see `scoring.phase_map`).

Adjusted Rand index over specimen pixels (Hubert & Arabie 1985, https://doi.org/10.1007/BF01908075): among all pairs
of pixels, how much more often the two maps agree on "same phase" than chance would; 1 is the same map, 0 is chance.
It does not depend on how components are numbered.
"""

import numpy as np

from bayesunmix.data.result import Unmixing
from benchmarks.metric import metric
from benchmarks.scoring.phase_map import confusion
from simulations.trial import Trial


@metric(label="Phase agreement", unit="ARI", best="high")
def phase_agreement(trial: Trial, unmixing: Unmixing) -> float:
    """Compare the two phase maps by their adjusted Rand index."""
    both = confusion(trial, unmixing)
    together = _pairs(both).sum()
    in_truth, in_estimate = _pairs(both.sum(axis=1)).sum(), _pairs(both.sum(axis=0)).sum()
    chance = in_truth * in_estimate / max(_pairs(both.sum()), 1)
    most = (in_truth + in_estimate) / 2
    return float((together - chance) / (most - chance)) if most > chance else 1.0


def _pairs(n: np.ndarray) -> np.ndarray:
    return n * (n - 1) / 2
