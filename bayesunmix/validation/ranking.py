"""Rank what was seen among permutations: one exact error rate for many statistics of several phases.

Statistics of different kinds are made comparable by their mean and standard deviation over the permutations *and* what
was seen, so that the p-value is exact: rank of the largest one. The smallest of many p-values would not do: with 99
permutations and 17 statistics it cannot fall below 0.17.

A p-value from B permutations cannot be below 1 / (B + 1), which a report with twenty findings would not call small.
Where what was seen exceeds all permutations, the tail of a Gumbel distribution, which maxima follow, is used instead.
"""

from typing import NamedTuple

import numpy as np

_EULER = 0.5772156649


class Ranked(NamedTuple):
    """Hold how unusual the statistics are.

    Attributes
    ----------
    p_value : (K,) array
        For each phase, corrected for all statistics of all phases.
    z : (n,) array
        Each statistic's distance from the mean of the permutations, in their standard deviations.
    threshold : (n,) array
        The value that no statistic of any phase exceeds with probability 1 - `level`.
    mean, sd : (n,) arrays
        Of the permutations.
    """

    p_value: np.ndarray
    z: np.ndarray
    threshold: np.ndarray
    mean: np.ndarray
    sd: np.ndarray


def ranked(values: np.ndarray, phase: np.ndarray, n_phases: int, level: float) -> Ranked:
    """Rank the first row among all rows.

    Parameters
    ----------
    values : (B + 1, n) array
        Statistics: as seen, then of each permutation. Large values speak against the claim.
    phase : (n,) int array
        Phase of each statistic.
    n_phases : int
    level : float
        Error rate of the thresholds.
    """
    together = _studentised(values, values)
    largest = together[1:].max(axis=1)
    n_permutations = len(largest)
    mean, sd = values[1:].mean(axis=0), values[1:].std(axis=0)
    apart = _studentised(values, values[1:])
    maxima = np.sort(apart[1:].max(axis=1))
    p_value = np.ones(n_phases)
    for k in np.unique(phase):
        own = together[0, phase == k].max()
        exact = (1 + np.count_nonzero(largest >= own - 1e-9)) / (n_permutations + 1)
        if exact <= 1 / (n_permutations + 1):
            exact = min(exact, _gumbel_tail(maxima, apart[0, phase == k].max()))
        p_value[k] = exact
    rank = max(int(level * (n_permutations + 1)), 1)
    return Ranked(p_value, apart[0], mean + maxima[-rank] * sd, mean, sd)


def _studentised(values: np.ndarray, among: np.ndarray) -> np.ndarray:
    sd = among.std(axis=0)
    scaled = (values - among.mean(axis=0)) / np.where(sd > 0, sd, 1)
    return np.where(sd > 1e-12 * np.abs(among).max(axis=0, initial=1e-300), scaled, 0.0)


def _gumbel_tail(maxima: np.ndarray, value: float) -> float:
    scale = max(float(maxima.std()) * np.sqrt(6) / np.pi, 1e-12)
    beyond = (value - (maxima.mean() - _EULER * scale)) / scale
    return float(max(-np.expm1(-np.exp(-beyond)), 1e-300))
