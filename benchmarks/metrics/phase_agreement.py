"""Agreement of the phase maps: each pixel is given to its most abundant component, in truth and in estimate.

A method that gives each pixel to a component itself is scored by its own labels; the pixels it leaves unassigned
count as one more phase.

Adjusted Rand index over specimen pixels (Hubert & Arabie 1985, https://doi.org/10.1007/BF01908075): among all pairs
of pixels, how much more often the two maps agree on "same phase" than chance would; 1 is the same map, 0 is chance.
It does not depend on how components are numbered.
"""

import numpy as np

from bayesunmix.method import Unmixing
from benchmarks.metric import metric
from simulations.phantom import Trial


@metric(label="Phase agreement", unit="ARI", best="high")
def phase_agreement(trial: Trial, unmixing: Unmixing) -> float:
    """Compare the two argmax maps by their adjusted Rand index."""
    where = trial.phantom.specimen
    truth = trial.truth.abundances[where].argmax(axis=1)
    labels = unmixing.labels
    estimate = unmixing.estimate.abundances[where].argmax(axis=1) if labels is None else labels[where] + 1
    both = np.zeros((truth.max() + 1, estimate.max() + 1))
    np.add.at(both, (truth, estimate), 1)
    together = _pairs(both).sum()
    in_truth, in_estimate = _pairs(both.sum(axis=1)).sum(), _pairs(both.sum(axis=0)).sum()
    chance = in_truth * in_estimate / max(_pairs(both.sum()), 1)
    most = (in_truth + in_estimate) / 2
    return float((together - chance) / (most - chance)) if most > chance else 1.0


def _pairs(n: np.ndarray) -> np.ndarray:
    return n * (n - 1) / 2
