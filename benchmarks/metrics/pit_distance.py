"""Kolmogorov distance of the ranks of the truth among the posterior draws from uniform: 0 is calibrated at every level.

Where n draws and the truth come from one distribution, each of the n + 1 ranks is equally likely: the discrete form of
the probability integral transform (Gneiting, Balabdaoui & Raftery 2007,
https://doi.org/10.1111/j.1467-9868.2007.00587.x). The distance is the largest difference between the share of active
abundances (see `scoring.coverage`) at or below a rank and the share expected; ties count half.

It is a distance and no test: the pixels of an image share endmembers, so their ranks are not independent, and no
p-value goes with it.
"""

import numpy as np

from bayesunmix.method import Unmixing
from benchmarks.metric import metric
from benchmarks.scoring.coverage import active
from benchmarks.scoring.draws import abundance_draws
from simulations.phantom import Trial


@metric(label="PIT distance", unit="", best="low", needs_posterior=True)
def pit_distance(trial: Trial, unmixing: Unmixing) -> float:
    """Largest difference of the two distributions, from 0 to 1; NaN where no abundance is active."""
    truth, asked = trial.truth.abundances, active(trial)
    if not asked.any():
        return float("nan")
    tables = []
    for pixels, draws in abundance_draws(unmixing, np.flatnonzero(asked.any(axis=1))):
        draws = draws[..., : truth.shape[1]]
        twice_rank = (draws < truth[pixels]).sum(axis=0) + (draws <= truth[pixels]).sum(axis=0)
        tables.append(np.bincount(twice_rank[asked[pixels]], minlength=2 * len(draws) + 1))
    share = np.cumsum(np.sum(tables, axis=0))[::2] / np.count_nonzero(asked)
    return float(np.abs(share - np.arange(1, share.size + 1) / share.size).max())
