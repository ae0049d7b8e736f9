r"""Define the Gamma-Poisson model that the Bayesian methods share.

.. math::
   x_{pc} \sim \mathrm{Poisson}\Big(\sum_k a_{pk} e_{kc}\Big), \quad
   a_{pk} \sim \mathrm{Gamma}(\text{shape}, \text{rate}), \quad
   e_k \sim \mathrm{Dirichlet}(\text{concentration}, \dots)

Given the component of every photon the model is conjugate. With :math:`n_{pk}` and :math:`n_{kc}` photons of component
k in a pixel and in a channel,

.. math::
   a_{pk} \mid n \sim \mathrm{Gamma}(\text{shape} + n_{pk}, \text{rate} + 1), \quad
   e_k \mid n \sim \mathrm{Dirichlet}(\text{concentration} + n_{k\cdot}).

References
----------
A. T. Cemgil, "Bayesian inference for nonnegative matrix factorisation models", Comput. Intell. Neurosci. 785152 (2009).
"""

from typing import NamedTuple

import numpy as np
from jax import Array

from bayesunmix.engine.device.events import Occupied
from bayesunmix.engine.device.threefry import numpy_generator

_LEAST_LOG_SPAN = -1e4  # of endmembers two of which are alike


class Prior(NamedTuple):
    """Hold shape and rate of the abundances (rate in 1/counts), and concentration of the endmembers."""

    shape: float
    rate: float
    concentration: float


def prior_for(
    pixels: Occupied, n_components: int, shape: float, rate: float | None, concentration: float
) -> Prior:
    """Complete a prior. A rate that is not given makes the prior mean of a pixel's total the mean of the image."""
    if rate is None:
        rate = shape * n_components * pixels.pixels.size / float(pixels.counts.sum(dtype=np.int64))
    return Prior(shape, rate, concentration)


def draw_empty(prior: Prior, shape: tuple[int, ...], key: Array) -> np.ndarray:
    """Draw abundances of pixels without counts, from the prior and the fact that the pixels are empty."""
    rng = numpy_generator(key)
    return rng.gamma(prior.shape, 1 / (prior.rate + 1), shape).astype(np.float32)


def of_gram_matrix(endmembers: np.ndarray) -> dict[str, np.ndarray]:
    """Return statistics of spectra (..., K, C) that do not depend on how they are numbered.

    Returns
    -------
    endmember_overlap : (...) array
        Half the log-determinant of their Gram matrix, which is large if they differ.
    endmember_peaks : (...) array
        Half the logarithm of its trace, which is large if they have few and high peaks.
    """
    gram = np.einsum("...kc,...jc->...kj", endmembers, endmembers, dtype=np.float64)
    return {
        "endmember_overlap": np.maximum(0.5 * np.linalg.slogdet(gram)[1], _LEAST_LOG_SPAN),
        "endmember_peaks": 0.5 * np.log(np.trace(gram, axis1=-2, axis2=-1)),
    }
