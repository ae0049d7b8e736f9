"""Rank what was seen among permutations: one exact error rate for many statistics of several phases.

Statistics of different kinds are made comparable by their mean and standard deviation over the permutations *and* what
was seen, so that the p-value is exact: rank of the largest one. The smallest of many p-values would not do: with 99
permutations and 17 statistics it cannot fall below 0.17.

A p-value from B permutations cannot be below 1 / (B + 1), which a report with twenty findings would not call small.
Where what was seen exceeds all permutations, the tail of a Gumbel distribution, which maxima follow, is used instead.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

_EULER = 0.5772156649


class Ranked(NamedTuple):
    """Hold how unusual the n statistics of one phase are.

    Attributes
    ----------
    p_value : float
        Corrected for all statistics of all phases.
    z : (n,) array
        Each statistic's distance from the mean of the permutations, in their standard deviations.
    threshold : (n,) array
        The value that no statistic of any phase exceeds with probability 1 - `level`.
    mean, sd : (n,) arrays
        Of the permutations.
    """

    p_value: float
    z: np.ndarray
    threshold: np.ndarray
    mean: np.ndarray
    sd: np.ndarray


def ranked(values: np.ndarray, sizes: Sequence[int], level: float, asked: np.ndarray) -> list[Ranked]:
    """Rank the first row among all rows, for each phase.

    Parameters
    ----------
    values : (B + 1, n) array
        Statistics: as seen, then of each permutation. Large values speak against the claim.
    sizes : sequence of int
        How many of the statistics each phase has, one phase after the other.
    level : float
        Error rate of the thresholds.
    asked : (n,) bool array
        Statistics that count; the others only get their `z`.
    """
    n_rows = len(values)
    together, apart = _studentised(values, values), _studentised(values, values[1:])
    largest, maxima = together[1:, asked].max(axis=1), np.sort(apart[1:, asked].max(axis=1))
    mean, sd = values[1:].mean(axis=0), values[1:].std(axis=0)
    limit = maxima[-max(int(level * n_rows), 1)]
    found, first = [], 0
    for size in sizes:
        own = slice(first, first := first + size)
        mine = np.flatnonzero(asked[own]) + first - size
        p_value = 1.0
        if mine.size:
            p_value = (1 + np.count_nonzero(largest >= together[0, mine].max() - 1e-9)) / n_rows
        if p_value <= 1 / n_rows:
            p_value = min(p_value, gumbel_tail(maxima, float(apart[0, mine].max())))
        found.append(Ranked(p_value, apart[0, own], mean[own] + limit * sd[own], mean[own], sd[own]))
    return found


def _studentised(values: np.ndarray, among: np.ndarray) -> np.ndarray:
    sd = among.std(axis=0)
    scaled = (values - among.mean(axis=0)) / np.where(sd > 0, sd, 1)
    return np.where(sd > 1e-12 * np.abs(among).max(axis=0, initial=1e-300), scaled, 0.0)


def gumbel_tail(maxima: np.ndarray, value: float) -> float:
    """Return the probability that a maximum exceeds a value, from others that were drawn."""
    scale = max(float(maxima.std()) * np.sqrt(6) / np.pi, 1e-12)
    beyond = (value - (maxima.mean() - _EULER * scale)) / scale
    return float(max(-np.expm1(-np.exp(-beyond)), 1e-300))
