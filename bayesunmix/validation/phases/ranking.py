"""Rank what was seen among permutations: one exact error rate for many statistics of a phase.

Statistics of different kinds are made comparable by their mean and standard deviation over the permutations *and* what
was seen, so that the p-value is exact: rank of the largest one. The smallest of many p-values would not do: with 99
permutations and 17 statistics it cannot fall below 0.17.

Each phase is ranked by itself: statistics of a phase with few photons have long tails, which would hide what is found
in another.

A few permutations are asked first, and all only where the first p-value is small. That is exact at any level: a p-value
at or below the limit is that of all permutations, and a p-value above it is that of the first.

A p-value from B permutations cannot be below 1 / (B + 1), which a report with twenty findings would not call small.
Where what was seen exceeds all permutations, the tail of a Gumbel distribution, which maxima follow, is used instead.
"""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

FIRST = 39  # permutations
LARGE = 0.2  # p-value beyond which the first suffice
CERTAIN = 1e-6  # and below which they do
LARGEST_EXPONENT = 700.0  # of which the exponential is a number
_EULER = 0.5772156649


class Ranked(NamedTuple):
    """Hold how unusual the n statistics of one phase are.

    Attributes
    ----------
    p_value : float
        Corrected for all statistics of the phase.
    z : (n,) array
        Each statistic's distance from the mean of the permutations, in their standard deviations.
    threshold : (n,) array
        The value that no statistic of the phase exceeds with probability 1 - `level`.
    mean, sd : (n,) arrays
        Of the permutations.
    """

    p_value: float
    z: np.ndarray
    threshold: np.ndarray
    mean: np.ndarray
    sd: np.ndarray


def rank_permuted(
    statistics: Callable[[np.ndarray], np.ndarray],
    groups: np.ndarray,
    permutations: int,
    level: float,
    rng: np.random.Generator,
    asked: np.ndarray | None = None,
) -> Ranked:
    """Rank statistics of photons among those of permuted photons.

    Parameters
    ----------
    statistics : callable, (N,) int array -> (n,) array
        Large values speak against the claim.
    groups : (N,) int array
        Channel group of each photon.
    permutations : int
        At most.
    level : float
        Error rate of the thresholds.
    rng : Generator
    asked : (n,) bool array, optional
        Statistics that count; the others only get their `z`.
    """
    values = [statistics(groups)]
    asked = np.ones(len(values[0]), bool) if asked is None else asked
    for limit in (min(FIRST, permutations), permutations):
        while len(values) <= limit:
            values.append(statistics(rng.permutation(groups)))
        rank = ranked(np.array(values), level, asked)
        if not CERTAIN < rank.p_value <= LARGE:
            break
    return rank


def ranked(values: np.ndarray, level: float, asked: np.ndarray) -> Ranked:
    """Rank the first row among all rows.

    Parameters
    ----------
    values : (B + 1, n) array
        Statistics: as seen, then of each permutation. Large values speak against the claim.
    level : float
        Error rate of the thresholds.
    asked : (n,) bool array
        Statistics that count; the others only get their `z`.
    """
    together, apart = _studentised(values, values), _studentised(values, values[1:])
    mean, sd = values[1:].mean(axis=0), values[1:].std(axis=0)
    if not asked.any():
        return Ranked(1.0, apart[0], np.full(mean.size, np.inf), mean, sd)
    largest, maxima = together[:, asked].max(axis=1), apart[1:, asked].max(axis=1)
    p_value = int(np.count_nonzero(largest >= largest[0] - 1e-9)) / len(values)
    if p_value <= 1 / len(values):
        p_value = min(p_value, gumbel_tail(maxima, float(apart[0, asked].max())))
    return Ranked(p_value, apart[0], mean + _gumbel_limit(maxima, level) * sd, mean, sd)


def _studentised(values: np.ndarray, among: np.ndarray) -> np.ndarray:
    sd = among.std(axis=0)
    scaled = (values - among.mean(axis=0)) / np.where(sd > 0, sd, 1)
    return np.where(sd > 1e-12 * np.abs(among).max(axis=0, initial=1e-300), scaled, 0.0)


def gumbel_tail(maxima: np.ndarray, value: float) -> float:
    """Return the probability that a maximum exceeds a value, from others that were drawn."""
    place, scale = _gumbel(maxima)
    return float(max(-np.expm1(-np.exp(min((place - value) / scale, LARGEST_EXPONENT))), 1e-300))


def _gumbel_limit(maxima: np.ndarray, level: float) -> float:
    """Return the value that a maximum exceeds with a probability."""
    place, scale = _gumbel(maxima)
    return place - scale * float(np.log(-np.log1p(-level)))


def _gumbel(maxima: np.ndarray) -> tuple[float, float]:
    scale = max(float(maxima.std()) * np.sqrt(6) / np.pi, 1e-12)
    return float(maxima.mean()) - _EULER * scale, scale
