r"""Compare the deviance of regions and of groups of channels with what a right model would leave.

The deviance of a count x under the expectation :math:`\mu`, :math:`d = 2 (x \log(x/\mu) - x + \mu)`, is chi-square only
for large :math:`\mu`; for small :math:`\mu` its mean is far from one. So its mean and variance are summed over the
Poisson distribution, once, in a table. Fitting removes the fraction h of a cell's scatter, its leverage

.. math:: h_{rg} = e_g^T F_r^{-1} e_g / \mu_{rg}, \qquad F_r = \sum_g e_g e_g^T / \mu_{rg},

for the abundances, and the same with regions and groups exchanged for endmembers that are fitted too [1]_. A sum of
cells has the sum of the means and of the variances, and its tail is that of the Gamma distribution with these two.

References
----------
.. [1] P. McCullagh and J. A. Nelder, *Generalized Linear Models*, 2nd ed., Chapman and Hall (1989), ch. 12.
"""

from functools import cache
from typing import NamedTuple

import numpy as np
from scipy.special import gammaincc, gammaln, xlogy

_LARGEST = 300.0  # beyond it the series in 1 / mu is exact to 1e-5


class Deviances(NamedTuple):
    """Hold the deviance of each sum of cells.

    Attributes
    ----------
    names : tuple of str
    deviance, expected, sd : (n,) arrays
        The deviance, and its mean and standard deviation if the model is right.
    p_value : (n,) array
        Probability of such a large deviance if the model is right.
    """

    names: tuple[str, ...]
    deviance: np.ndarray
    expected: np.ndarray
    sd: np.ndarray
    p_value: np.ndarray

    def excess(self) -> np.ndarray:
        """Return what the deviance has above its mean, in standard deviations, (n,)."""
        return np.asarray((self.deviance - self.expected) / self.sd)


class Cells(NamedTuple):
    """Hold the deviance of each cell (R, G), and its mean and variance if the model is right."""

    deviance: np.ndarray
    mean: np.ndarray
    variance: np.ndarray

    def summed(self, axis: int, names: tuple[str, ...]) -> Deviances:
        """Sum cells along an axis."""
        deviance, mean, variance = (part.sum(axis=axis) for part in self)
        p_value = gammaincc(mean**2 / variance, deviance * mean / variance)
        return Deviances(names, deviance, mean, np.sqrt(variance), p_value)


def cells(counts: np.ndarray, expected: np.ndarray, leverage: np.ndarray) -> Cells:
    """Compare (R, G) counts with what is expected after a fit of that leverage."""
    deviance = 2 * (xlogy(counts, counts / expected) - counts + expected)
    log_rate, means, variances = _table()
    at = np.log(np.clip(expected, np.exp(log_rate[0]), _LARGEST))
    mean, variance = np.interp(at, log_rate, means), np.interp(at, log_rate, variances)
    large = expected > _LARGEST
    mean = np.where(large, 1 + 1 / (6 * expected), mean)
    variance = np.where(large, 2 + 2 / (3 * expected), variance)
    left = np.clip(1 - leverage, 0.02, 1)
    return Cells(deviance, mean * left, variance * left)


def leverage(
    abundances: np.ndarray, endmembers: np.ndarray, expected: np.ndarray, is_free: bool
) -> np.ndarray:
    """Return the fraction of each cell's scatter that the fit removed, (R, G)."""
    taken = _leverage_of_rows(abundances, endmembers, expected)
    if not is_free:
        return taken
    n_components, n_groups = endmembers.shape
    # K^2 directions, which turn the endmembers among themselves, would be counted twice.
    own = max(1 - n_components / n_groups, 0)
    return np.asarray(
        np.minimum(taken + own * _leverage_of_rows(endmembers.T, abundances.T, expected.T).T, 1)
    )


def _leverage_of_rows(abundances: np.ndarray, endmembers: np.ndarray, expected: np.ndarray) -> np.ndarray:
    """Return the leverage of the abundances that are not at zero."""
    design = endmembers[None] / np.sqrt(expected)[:, None]  # (R, K, G)
    share = abundances * np.sqrt((design**2).sum(axis=2))
    design = np.where((share > 0.05)[:, :, None], design, 0)  # standard errors from zero
    information = design @ np.swapaxes(design, 1, 2)
    return np.einsum(
        "rkg,rkl,rlg->rg", design, np.linalg.pinv(information, rcond=1e-9, hermitian=True), design
    )


@cache
def _table() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return the logarithm of the rate, and mean and variance of the deviance there."""
    rates = np.geomspace(1e-6, _LARGEST, 500)
    means, variances = np.empty_like(rates), np.empty_like(rates)
    for i, rate in enumerate(rates):
        counts = np.arange(int(rate + 12 * np.sqrt(rate) + 25))
        deviance = 2 * (xlogy(counts, counts / rate) - counts + rate)
        probability = np.exp(xlogy(counts, rate) - rate - gammaln(counts + 1))
        means[i] = probability @ deviance
        variances[i] = probability @ (deviance - means[i]) ** 2
    return np.log(rates), means, variances
