"""Measure how far ranks of the truth among posterior draws are from uniform: 0 is calibrated at every level.

The Kolmogorov distance is the largest difference between the share of active abundances at or below a rank (see
`scoring.pit`) and the share expected. It is a distance and no test: the pixels of an image share endmembers, so their
ranks are not independent, and no p-value goes with it.
"""

import numpy as np

from bayesunmix.data.result import Unmixing
from benchmarks.metric import metric
from benchmarks.scoring.pit import ranked_below
from simulations.trial import Trial


@metric(label="PIT distance", unit="", best="low", needs_posterior=True)
def pit_distance(trial: Trial, unmixing: Unmixing) -> float:
    """Return the largest difference of the two distributions, from 0 to 1; NaN where no abundance is active."""
    share = ranked_below(trial, unmixing)
    return float(np.abs(share - np.arange(1, share.size + 1) / share.size).max())
