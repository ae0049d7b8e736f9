r"""Maximum-likelihood factorisation of Poisson counts: KL-NMF by expectation-maximisation.

With endmembers that sum to one, the Lee-Seung update of KL-NMF is the EM step of the Poisson model: a component's
abundance in a pixel becomes the counts it is expected to have caused there, its endmember the spectrum of the
counts it is expected to have caused anywhere. Each half-step lowers the deviance

.. math:: D = 2 \sum_{pc} x_{pc} \log(x_{pc} / \mu_{pc}) - x_{pc} + \mu_{pc}, \qquad \mu = A E.

References
----------
D. Lee and H. Seung, "Algorithms for non-negative matrix factorization", NIPS 13 (2001).
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from scipy.special import xlogy

from bayesunmix.events import Chunks, Occupied, chunks, expected_allocation, log_likelihood_parts, occupied
from bayesunmix.image import SpectrumImage

FLOOR = 1e-12  # an entry at exactly zero could never leave it, and denormal numbers are slow


class Data(NamedTuple):
    """Counts laid out by pixel and by channel, and the part of the deviance that depends on them alone."""

    by_pixel: Chunks
    by_channel: Chunks
    saturated: float


def lay_out(image: SpectrumImage) -> tuple[Data, Occupied]:
    """Bring the counts of an image to the device, without its empty pixels."""
    pixels = occupied(image)
    values = pixels.counts.data.astype(np.float64)
    data = Data(
        by_pixel=jax.device_put(chunks(pixels.counts)),
        by_channel=jax.device_put(chunks(pixels.counts.T.tocsr())),
        saturated=float((xlogy(values, values) - values).sum()),
    )
    return data, pixels


def deviance(data: Data, abundances: Array, endmembers: Array) -> float:
    """Poisson deviance of the counts."""
    expected = (np.asarray(abundances, np.float64).sum(1) * np.asarray(endmembers, np.float64).sum(1)).sum()
    return float(2 * (data.saturated - log_likelihood(data, abundances, endmembers) + expected))


def log_likelihood(data: Data, abundances: Array, endmembers: Array) -> float:
    """Sum of x log(A E) over all counts: short float32 partial sums, a float64 total."""
    return float(np.asarray(_log_likelihood_parts(data.by_pixel, abundances, endmembers), np.float64).sum())


@jax.jit
def advance(data: Data, abundances: Array, endmembers: Array, iterations: int) -> tuple[Array, Array]:
    """Do EM iterations: abundances (K, pixels), then endmembers (K, C) with sum one."""

    def step(_: int, state: tuple[Array, Array]) -> tuple[Array, Array]:
        abundances, endmembers = state
        abundances = jnp.maximum(expected_allocation(data.by_pixel, abundances, endmembers), FLOOR)
        spectra = jnp.maximum(expected_allocation(data.by_channel, endmembers, abundances), FLOOR)
        return abundances, spectra / spectra.sum(1, keepdims=True)

    return jax.lax.fori_loop(0, iterations, step, (abundances, endmembers))


_log_likelihood_parts = jax.jit(log_likelihood_parts)
