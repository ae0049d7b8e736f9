"""Test the randomised PIT (probability integral transform) of photons that the fit has not seen.

A fifth of the photons is set aside at random, and the model is fitted to the rest. Each held-out count is placed in its
predictive distribution: :math:`u = F(x - 1) + v (F(x) - F(x - 1))` with v uniform is uniform on (0, 1) if the model is
right [1]_. The distribution is negative binomial: Poisson, widened by the uncertainty of the fit (its leverage).

References
----------
.. [1] C. Czado, T. Gneiting and L. Held, "Predictive model assessment for count data", Biometrics 65, 1254 (2009).
"""

from typing import NamedTuple

import numpy as np
from scipy.special import bdtr, betainc, kolmogorov

from bayesunmix.checks.deviance import leverage
from bayesunmix.checks.effect import Said, say_share
from bayesunmix.checks.pooled import RegionSums, expected_counts, fit
from bayesunmix.checks.severity import coverage_of_distance

KEPT = 0.8
BINS = 20
BAND = 0.95


class HeldOutCounts(NamedTuple):
    """Hold where held-out counts lie in their predictive distributions.

    Attributes
    ----------
    histogram : (20,) int array
        Number of cells (region and group of channels) by PIT.
    lower, upper : int
        Band that contains all bins at once with 95 % probability if the model is right.
    distance : float
        Largest distance of the distribution of PIT from the uniform one (Kolmogorov-Smirnov).
    p_value : float
    """

    histogram: np.ndarray
    lower: int
    upper: int
    distance: float
    p_value: float


def held_out_counts(pooled: RegionSums, rng: np.random.Generator) -> HeldOutCounts:
    """Set photons aside, fit the others, and compare."""
    counts = pooled.grouped(pooled.counts) if pooled.is_free else pooled.counts
    kept = rng.binomial(counts.astype(np.int64), KEPT)
    abundances, endmembers = fit(pooled, kept)
    if not pooled.is_free:
        kept, counts, endmembers = (pooled.grouped(part) for part in (kept, counts, endmembers))
    expected = expected_counts(abundances, endmembers)
    taken = leverage(abundances, endmembers, expected, pooled.is_free)
    values = predictive_pit(
        counts - kept, expected * (1 - KEPT) / KEPT, taken * (1 - KEPT) / KEPT, rng
    ).ravel()
    histogram = np.histogram(values, BINS, (0, 1))[0]
    below = bdtr(np.arange(values.size + 1), values.size, 1 / BINS)
    tail = (1 - BAND) / 2 / BINS  # Bonferroni: all bins at once
    lower, upper = np.searchsorted(below, [tail, 1 - tail])
    distance = distance_from_uniform(values)
    root = np.sqrt(values.size)
    # Stephens' correction makes the limiting distribution exact to a percent from ten values on.
    p_value = float(kolmogorov((root + 0.12 + 0.11 / root) * distance))
    return HeldOutCounts(histogram, int(lower), int(upper), distance, p_value)


def say_held_out(found: HeldOutCounts) -> Said:
    """Say how many cells have other held-out counts than predicted."""
    size = f"{say_share(found.distance)} of the sums over a region and a group of channels lie elsewhere"
    return Said(
        f"Held-out counts are not distributed as predicted: {size} in their distribution (p = {found.p_value:.1g}).",
        float("nan"),
        f"held-out counts are not distributed as predicted: {size}",
        coverage_of_distance(found.distance),
    )


def distance_from_uniform(values: np.ndarray) -> float:
    """Return the largest difference between the distribution of values and the uniform one."""
    steps = np.arange(values.size + 1) / values.size
    ordered = np.sort(values)
    return float(max((steps[1:] - ordered).max(), (ordered - steps[:-1]).max()))


def predictive_pit(
    counts: np.ndarray, mean: np.ndarray, excess: np.ndarray, rng: np.random.Generator
) -> np.ndarray:
    """Return the randomised PIT under the negative binomial distribution of variance mean (1 + excess)."""
    excess = np.maximum(excess, 1e-6)
    size, share = mean / excess, 1 / (1 + excess)
    upto = betainc(size, counts + 1, share)
    below = np.where(counts > 0, betainc(size, np.maximum(counts, 1), share), 0)
    return np.asarray(below + rng.random(counts.shape) * (upto - below))
