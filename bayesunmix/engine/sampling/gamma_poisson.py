r"""The Gamma-Poisson model that the Bayesian methods share.

.. math::
   x_{pc} \sim \mathrm{Poisson}\Big(\sum_k a_{pk} e_{kc}\Big), \quad
   a_{pk} \sim \mathrm{Gamma}(\text{shape}, \text{rate}), \quad
   e_k \sim \mathrm{Dirichlet}(\text{concentration}, \dots)

Given the component of every photon it is conjugate: with :math:`n_{pk}` and :math:`n_{kc}` photons of component k
in a pixel and in a channel,

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


class Prior(NamedTuple):
    """Shape and rate of the abundances (rate in 1/counts), concentration of the endmembers."""

    shape: float
    rate: float
    concentration: float


def prior_for(
    pixels: Occupied, n_components: int, shape: float, rate: float | None, concentration: float
) -> Prior:
    """Fill in a rate that is not given, so that the prior mean of a pixel's total is the mean total of the image."""
    if rate is None:
        rate = shape * n_components * pixels.pixels.size / float(pixels.counts.sum(dtype=np.int64))
    return Prior(shape, rate, concentration)


def draw_empty(prior: Prior, shape: tuple[int, ...], key: Array) -> np.ndarray:
    """Draw abundances of pixels without counts, which know nothing but the prior and that they are empty."""
    rng = numpy_generator(key)
    return rng.gamma(prior.shape, 1 / (prior.rate + 1), shape).astype(np.float32)


def log_span(endmembers: np.ndarray) -> np.ndarray:
    """Half the log-determinant of the endmembers' Gram matrix: how different they are, whatever their order."""
    gram = np.einsum("...kc,...jc->...kj", endmembers, endmembers, dtype=np.float64)
    return 0.5 * np.linalg.slogdet(gram)[1]
