"""Compute the continuous ranked probability score of the abundance draws: sharpness and calibration in one number.

For draws x_1..x_n and truth y, with the draws sorted,
CRPS = mean|x_i - y| - sum_i (2 i - n - 1) x_(i) / (n (n - 1)),
the fair (unbiased) estimator of Ferro 2014 (https://doi.org/10.1002/qj.2270). Summed over components, those that the
truth lacks included (see `scoring.pairing`), and divided by the sum of the true abundances of the specimen. For
a single number it would be the absolute error.
"""

import numpy as np

from bayesunmix.data.result import Unmixing
from benchmarks.metric import metric
from benchmarks.scoring.draws import abundance_draws
from benchmarks.scoring.excess import with_excess
from simulations.trial import Trial


@metric(label="CRPS", unit="of the mean", best="low", needs_posterior=True)
def crps(trial: Trial, unmixing: Unmixing) -> float:
    """Return the sum of the CRPS of the abundances / the sum of the true abundances."""
    pixels = np.flatnonzero(trial.phantom.specimen)
    truth = with_excess(trial.truth.abundances, unmixing.estimate.n_components)
    blocks = abundance_draws(unmixing, pixels)
    total = sum(_crps(draws, truth[block]).sum() for block, draws in blocks)
    return float(total / truth[pixels].sum())


def _crps(draws: np.ndarray, truth: np.ndarray) -> np.ndarray:
    """Return the CRPS of (n, ...) draws against (...) truth."""
    n = len(draws)
    distance = np.abs(draws - truth).mean(axis=0)
    weight = (2 * np.arange(1, n + 1) - n - 1) / (n * max(n - 1, 1))
    return distance - np.tensordot(weight, np.sort(draws, axis=0), axes=1)
