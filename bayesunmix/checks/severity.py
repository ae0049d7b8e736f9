r"""Decide whether a misfit makes 90 % intervals too narrow: whether less than 85 % of them may hold the truth.

This is the one place that decides which alarms of `bayesunmix.check` keep intervals from being called calibrated. With
millions of counts a misfit may be certain and still be small beside the errors, so each alarm is turned into the
coverage that it leaves to a 90 % interval, in the worst case, of what it is about:

- *Channels.* The deviance D exceeds its mean :math:`D_0` by the misfit. Errors that do not know of it are too small by
  :math:`(D / D_0)^{1/2}` (overdispersion [1]_): the coverage is :math:`2 \Phi(z (D_0 / D)^{1/2}) - 1`, with z = 1.645.
  The worst range of channels decides, because each line is read by itself.
- *Regions.* The same, averaged over the map, because the coverage of maps is that of all their pixels: a speck of
  another phase spoils the intervals there, and not those elsewhere.
- *Shares*, by each kind of alarm: the counts that do not fit may belong to any component. They shift its share by b
  errors: :math:`\Phi(z - b) + \Phi(z + b) - 1`. The component with the smallest error decides; other solutions that
  fit as well are a part of it. Of the sum spectrum, for spectra that were not fitted to these counts, nothing else is
  asked.
- *Held-out photons.* The distribution is off by at most the distance d, and an interval has two ends:
  :math:`0.9 - 2 d`.

The limit is the one of `bayesunmix.verdict`: a bias of half a standard error leaves 85 %. It is reached at
:math:`D = 1.3\, D_0`.

References
----------
.. [1] P. McCullagh and J. A. Nelder, *Generalized Linear Models*, 2nd ed., Chapman and Hall (1989), section 4.5.
"""

import math

import numpy as np
from scipy.special import ndtr, ndtri

from bayesunmix.data.result import Unmixing

NOMINAL, LEAST = 0.9, 0.85  # coverage of an interval, and how much of it must be left
_REACH = float(ndtri((1 + NOMINAL) / 2))  # of an interval, in standard errors


def coverage_of_scatter(deviance: float, expected: float) -> float:
    """Return the coverage of an interval whose error leaves out what the deviance has above its mean."""
    return float(2 * ndtr(_REACH / math.sqrt(max(deviance / expected, 1))) - 1)


def coverage_of_map(deviance: np.ndarray, expected: np.ndarray, shares: np.ndarray) -> float:
    """Return the mean coverage over a map some regions of which do not fit, and hold these shares of it, (n,) each."""
    lost = NOMINAL - np.array([coverage_of_scatter(*both) for both in zip(deviance, expected, strict=True)])
    return float(NOMINAL - lost @ shares)


def coverage_of_shift(shift: float, error: float) -> float:
    """Return the coverage of an interval of that standard error whose centre is shifted."""
    if shift == 0:
        return NOMINAL
    bias = min(shift / error, 1e6) if error > 0 else 1e6
    return float(ndtr(_REACH - bias) + ndtr(_REACH + bias) - 1)


def coverage_of_distance(distance: float) -> float:
    """Return the coverage of an interval if the distribution function is off by this distance."""
    return max(NOMINAL - 2 * distance, 0.0)


def smallest_error(result: Unmixing) -> float:
    """Return the smallest error of a component's share of all counts, with all that intervals of the result include.

    It is the standard deviation of the draws, or that of counting where there are none, and half of the range over the
    other solutions that fit as well, where the result has them.
    """
    totals = result.estimate.abundances.sum(axis=0)
    if result.posterior is None:
        return float(np.sqrt(totals.min())) / max(float(totals.sum()), 1e-300)
    drawn = _shares(result.posterior.abundances.sum(axis=2, dtype=np.float64))
    rotations = result.posterior.rotations
    under = _shares(totals if rotations is None else totals @ np.linalg.inv(rotations)).reshape(
        -1, totals.size
    )
    return float(np.hypot(drawn.std(axis=(0, 1)), np.ptp(under, axis=0) / 2).min())


def _shares(totals: np.ndarray) -> np.ndarray:
    """Divide (..., K) counts by their sum; what is negative within the noise is zero."""
    clipped = np.maximum(totals, 0)
    return np.asarray(clipped / np.maximum(clipped.sum(axis=-1, keepdims=True), 1e-300))
