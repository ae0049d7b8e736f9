r"""Test the sum spectrum with linear tests: each asks whether the residual has a certain shape.

The residual of region r is :math:`x_r - \mu_r`. One Newton step removes what the abundances can still explain, even if
it makes them negative; a fit that stops at zero would leave a bias. Summed over regions, the residual R, with m the
expected counts after that step, has

.. math:: \mathrm{cov}\, R = \mathrm{diag}(m) - E^T B E, \qquad B = \sum_r F_r^{-1},

and a test with weights w is :math:`w R` in units of :math:`(w\, \mathrm{cov}\, w)^{1/2}`. Weights 1 in a window count
photons there. Weights d / m are the score test for a small admixture of the spectrum d, the most powerful one [1]_.
P-values are those of a Gamma distribution (Pearson's type III) of the same skewness, which matters for few counts.

References
----------
.. [1] C. R. Rao, "Large sample tests of statistical hypotheses concerning several parameters with applications to
   problems of estimation", Proc. Cambridge Phil. Soc. 44, 50 (1948).
"""

from typing import NamedTuple

import numpy as np
from scipy.special import gammainc, gammaincc, ndtr

_FELT = 1e-4  # fraction of its variance: a shape of which the abundances explain all but this is not tested


class Residual(NamedTuple):
    """Hold the recorded sum spectrum and the model's.

    Attributes
    ----------
    counts, expected : (C,) arrays
        Their difference is the residual.
    endmembers : (K, C) array
    absorbed : (K, K) array
        B: the part of the scatter that the abundances removed.
    """

    counts: np.ndarray
    expected: np.ndarray
    endmembers: np.ndarray
    absorbed: np.ndarray

    @property
    def sd(self) -> np.ndarray:
        """Return the standard deviation of each channel's residual, (C,)."""
        taken = np.einsum("kc,kl,lc->c", self.endmembers, self.absorbed, self.endmembers)
        return np.sqrt(np.maximum(self.expected - taken, 0))


def sum_residual(counts: np.ndarray, expected: np.ndarray, endmembers: np.ndarray) -> Residual:
    """Remove from (R, C) residuals what abundances explain, and sum them."""
    n_components = len(endmembers)
    products = (endmembers[:, None] * endmembers).reshape(-1, endmembers.shape[1])
    information = (1 / expected @ products.T).reshape(-1, n_components, n_components)
    scale = 1 / np.sqrt(np.einsum("rkk->rk", information))
    scaled = information * scale[:, :, None] * scale[:, None]
    covariance = np.linalg.pinv(scaled, rcond=1e-9, hermitian=True) * scale[:, :, None] * scale[:, None]
    slope = (counts / expected - 1) @ endmembers.T
    moved = np.einsum("rkl,rl->k", covariance, slope)
    return Residual(
        counts.sum(axis=0), expected.sum(axis=0) + moved @ endmembers, endmembers, covariance.sum(axis=0)
    )


def unfitted_residual(counts: np.ndarray, abundances: np.ndarray, endmembers: np.ndarray) -> Residual:
    """Return the sum of (R, C) counts beside that of a model whose endmembers were fitted to it."""
    expected, n_components = abundances.sum(axis=0) @ endmembers, len(endmembers)
    return Residual(counts.sum(axis=0), expected, endmembers, np.zeros((n_components, n_components)))


class Shapes:
    """Run tests with given weights, one at a time: what one of them explains is removed from the others."""

    def __init__(self, residual: Residual, weights: np.ndarray, is_whole: np.ndarray) -> None:
        """Prepare tests with weights (J, C); `is_whole` (J,) marks those that count whole photons."""
        scatter = np.maximum(residual.expected, 0)
        across = weights @ residual.endmembers.T
        self.covariance = (weights * scatter) @ weights.T - across @ residual.absorbed @ across.T
        self.values = weights @ (residual.counts - residual.expected)
        self._unfitted = (weights**2) @ scatter
        self._skewness = (weights**3) @ scatter / np.maximum(self._unfitted, 1e-300) ** 1.5
        self._step = np.where(is_whole, 0.5, 0.0)

    @property
    def sd(self) -> np.ndarray:
        """Return the standard deviation of each value, (J,); 0 where the fit leaves nothing to test."""
        variance = np.diagonal(self.covariance)
        return np.sqrt(np.where(variance > _FELT * self._unfitted, variance, 0))

    def p_values(self) -> np.ndarray:
        """Return two-sided p-values, (J,)."""
        sd = self.sd
        nearer = np.sign(self.values) * np.maximum(np.abs(self.values) - self._step, 0)
        z = np.where(sd > 0, nearer / np.where(sd > 0, sd, 1), 0)
        upper, lower = skewed_tails(z, self._skewness)
        return np.minimum(2 * np.minimum(upper, lower), 1)

    def take(self, j: int) -> float:
        """Explain as much as test j can, and return its amplitude, in units of its shape for a score test."""
        along = self.covariance[:, j]
        amplitude = self.values[j] / along[j]
        self.values = self.values - along * amplitude
        self.covariance = self.covariance - np.outer(along, along) / along[j]
        return float(amplitude)


def skewed_tails(z: np.ndarray, skewness: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the upper and lower tail of a standardised variable of given skewness."""
    size = np.abs(skewness)
    z = np.where(skewness < 0, -z, z)
    shape = 4 / np.maximum(size, 1e-3) ** 2
    at = np.maximum(shape + z * np.sqrt(shape), 0)
    upper = np.where(size > 1e-3, gammaincc(shape, at), ndtr(-z))
    lower = np.where(size > 1e-3, gammainc(shape, at), ndtr(z))
    return np.where(skewness < 0, lower, upper), np.where(skewness < 0, upper, lower)
