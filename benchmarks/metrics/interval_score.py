"""Compute the interval score of the 90 % intervals of the abundances: their width, and how far they miss.

For an interval from l to u of level 1 - a and truth y, S = (u - l) + 2/a max(l - y, 0) + 2/a max(y - u, 0) (Gneiting
& Raftery 2007, https://doi.org/10.1198/016214506000001437, section 6.2): no interval can win by being wide or by being
narrow. Summed over components, those that the truth lacks included (see `scoring.pairing`), and divided by the sum
of the true abundances of the specimen.
"""

import numpy as np

from bayesunmix.data.draws import equal_tailed
from bayesunmix.data.result import Unmixing
from benchmarks.metric import metric
from benchmarks.scoring.draws import abundance_draws
from benchmarks.scoring.excess import with_excess
from simulations.trial import Trial

_INTERVAL = 0.9


@metric(label="90 % interval score", unit="of the mean", best="low", needs_posterior=True)
def interval_score(trial: Trial, unmixing: Unmixing) -> float:
    """Return the sum of the interval scores of the abundances / the sum of the true abundances."""
    pixels = np.flatnonzero(trial.phantom.specimen)
    truth = with_excess(trial.truth.abundances, unmixing.estimate.n_components)
    total = 0.0
    for block, draws in abundance_draws(unmixing, pixels):
        lower, upper = equal_tailed(draws, _INTERVAL)
        missed = np.maximum(lower - truth[block], 0) + np.maximum(truth[block] - upper, 0)
        total += (upper - lower + 2 / (1 - _INTERVAL) * missed).sum()
    return float(total / truth[pixels].sum())
