r"""Fit a spectrum by a mixture of others, which have errors of their own, and say what is left.

The counts of a region are fitted by shares of other spectra (non-negative least squares, weighted by the noise of the
region and of the spectra). What no share explains is a chi-square distance,
:math:`\delta^2 = \sum (q - f)^2 / m` without what noise adds; half of it bounds the share of the counts that are
others. That share itself, the total variation distance, is found by the ratio of the two in what is seen: a few counts
in a line where the others have none are far off by chi-square, and few.
"""

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from scipy.optimize import nnls
from scipy.special import gammaincc, ndtr

from bayesunmix.analysis.quantity import HALF_90, Quantity
from bayesunmix.dimension.pooling import groups_by_counts

MOST_GROUPS = 40
COUNTS_PER_GROUP = 30
_ROUNDS = 5


class MixingFit(NamedTuple):
    """Hold how well others explain a spectrum.

    Attributes
    ----------
    shares : (n,) array
        Of the counts, from each of the others.
    unexplained : Quantity
        Most that the share of counts which none of them explains can be (half the chi-square distance).
    moved : Quantity
        That share (total variation distance).
    p_explained : float
        Probability of a misfit like this if the others explain it.
    excess : (C,) array
        Counts of each channel above the fit.
    square : float
        Chi-square distance squared, with noise taken off.
    noise : float
        What noise adds to it for each degree of freedom.
    freedom : int
        Degrees of freedom.
    ratio : float
        Of the total variation distance to half the chi-square distance, in what is seen.
    """

    shares: np.ndarray
    unexplained: Quantity
    moved: Quantity
    p_explained: float
    excess: np.ndarray
    square: float
    noise: float
    freedom: int
    ratio: float

    def p_as_small(self, share: float) -> float:
        """Return the probability of a misfit as small as this if so large a share of the counts were others."""
        limit = 4 * (share / self.ratio) ** 2
        return float(ndtr((self.square - limit) / _sd(limit, self.noise, self.freedom)))

    def p_as_large(self, share: float) -> float:
        """Return the probability of a misfit as large as this if so small a share of the counts were others."""
        limit = 4 * (share / self.ratio) ** 2
        return float(ndtr((limit - self.square) / _sd(limit, self.noise, self.freedom)))


def fit_mixture(counts: np.ndarray, others: Sequence[np.ndarray]) -> MixingFit:
    """Fit the counts of a region, (C,), by those of others."""
    n_counts = float(counts.sum())
    most = int(np.clip(n_counts / COUNTS_PER_GROUP, 4, MOST_GROUPS))
    group = groups_by_counts(counts + 1e-9, most)
    n_groups = int(group.max()) + 1
    seen = np.bincount(group, counts, n_groups)
    sums = np.array([np.bincount(group, other, n_groups) for other in others])
    totals = sums.sum(axis=1, keepdims=True)
    spectra = sums / totals
    variance = np.maximum(seen, 1.0)
    amounts = np.zeros(len(others))
    for _ in range(_ROUNDS):
        weight = 1 / np.sqrt(variance)
        amounts = nnls((spectra * weight).T, seen * weight)[0]
        fitted = amounts @ spectra
        # Of the region's counts, and of the spectra's own.
        variance = np.maximum(fitted + (amounts[:, None] ** 2 * spectra / totals).sum(axis=0), 0.5)
    freedom = max(n_groups - max(int(np.count_nonzero(amounts)), 1), 1)
    chi_square = float(((seen - fitted) ** 2 / variance).sum())
    scale = max(float(fitted.sum()), 1e-12)
    q, f = seen / n_counts, fitted / scale
    mean = np.maximum((q + f) / 2, 1e-12)
    # Noise of one degree of freedom, as a chi-square distance.
    noise = float((variance / n_counts**2 / mean).sum()) / n_groups
    seen_square = float(((q - f) ** 2 / mean).sum())
    square = seen_square - freedom * noise
    error = _sd(square, noise, freedom)
    ends = np.sqrt(np.clip(max(square, 0.0) + error * np.array([0.0, -HALF_90, HALF_90]), 0.0, 4.0)) / 2
    ratio = min(max(float(np.abs(q - f).sum()) / max(math.sqrt(seen_square), 1e-12), 1e-3), 1.0)
    whole = np.array([other / other.sum() for other in others])
    return MixingFit(
        amounts / max(amounts.sum(), 1e-12),
        _quantity(ends),
        _quantity(ends * ratio),
        float(gammaincc(freedom / 2, chi_square / 2)),
        counts - amounts @ whole,
        square,
        noise,
        freedom,
        ratio,
    )


def _quantity(ends: np.ndarray) -> Quantity:
    mean, lower, upper = map(float, ends)
    return Quantity(mean, lower, upper, 0.9, None, (upper - lower) / (2 * HALF_90), 0.0, None)


def _sd(square: float, noise: float, freedom: int) -> float:
    return math.sqrt(2 * freedom * noise**2 + 4 * max(square, 0.0) * noise)
