r"""Factorise Poisson counts by maximum likelihood: KL-NMF by expectation-maximisation (EM).

With endmembers that sum to one, the Lee-Seung update of KL-NMF [1]_ is the EM step of the Poisson model. The abundance
of a component in a pixel becomes the counts that it is expected to have caused there. Its endmember becomes the
spectrum of the counts that it is expected to have caused anywhere. Each half-step lowers the deviance

.. math:: D = 2 \sum_{pc} x_{pc} \log(x_{pc} / \mu_{pc}) - x_{pc} + \mu_{pc}, \qquad \mu = A E.

The distance of a result from the optimum can be bounded. Given the endmembers the problem is convex, and at its
optimum the abundances of a pixel with n counts sum to n. The Frank-Wolfe duality gap [2]_ over that simplex is
:math:`n_p (\max_k r_{pk} - 1)`, where r is the factor by which an EM step multiplies each abundance.

References
----------
.. [1] D. Lee and H. Seung, "Algorithms for non-negative matrix factorization", NIPS 13 (2001).
.. [2] M. Jaggi, "Revisiting Frank-Wolfe: projection-free sparse convex optimization", ICML (2013).
"""

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from bayesunmix.engine.device.layout import Data, allocate_to_channels, allocate_to_pixels, log_likelihood
from bayesunmix.engine.fits.descent import Objective
from bayesunmix.engine.fits.extrapolation import LEAST_ENTRY, Moving, extrapolate


def objective(data: Data, fixed: Array | None = None) -> Objective:
    """Return the Poisson deviance as an objective; endmembers where `fixed` (K, 1) is True stay fixed."""
    return Objective(
        "Poisson deviance",
        lambda moving, iterations: advance_em(data, moving, iterations, fixed),
        lambda abundances, endmembers: deviance(data, abundances, endmembers),
        lambda abundances, endmembers: {"duality_gap": duality_gap(data, abundances, endmembers)},
    )


def em_step(
    data: Data, abundances: Array, endmembers: Array, fixed: Array | None = None
) -> tuple[Array, Array]:
    """Do one EM iteration: abundances (K, pixels), then endmembers (K, C) that sum to one.

    Endmembers where `fixed`, a (K, 1) array of bool, is True stay fixed.
    """
    abundances = jnp.maximum(allocate_to_pixels(data, abundances, endmembers), LEAST_ENTRY)
    spectra = jnp.maximum(allocate_to_channels(data, abundances, endmembers), LEAST_ENTRY)
    spectra = spectra / spectra.sum(1, keepdims=True)
    return abundances, spectra if fixed is None else jnp.where(fixed, endmembers, spectra)


@jax.jit
def advance_em(data: Data, moving: Moving, iterations: int, fixed: Array | None = None) -> Moving:
    """Do extrapolated EM iterations."""
    return extrapolate(lambda a, e: em_step(data, a, e, fixed), moving, iterations)


def deviance(data: Data, abundances: Array, endmembers: Array) -> float:
    """Return the Poisson deviance of the counts."""
    expected = np.asarray(abundances, np.float64).sum(1) @ np.asarray(endmembers, np.float64).sum(1)
    return float(2 * (data.saturated - log_likelihood(data, abundances, endmembers) + expected))


def duality_gap(data: Data, abundances: Array, endmembers: Array) -> float:
    """Bound what is left to gain with these endmembers, as a fraction of the deviance."""
    excess = np.asarray(_excess(data, abundances, endmembers), np.float64).sum()
    return float(2 * excess / deviance(data, abundances, endmembers))


@jax.jit
def _excess(data: Data, abundances: Array, endmembers: Array) -> Array:
    # One step first: the bound holds where the abundances of a pixel sum to its counts.
    abundances = jnp.maximum(allocate_to_pixels(data, abundances, endmembers), LEAST_ENTRY)
    factors = allocate_to_pixels(data, abundances, endmembers) / abundances
    return abundances.sum(0) * jnp.maximum(factors.max(0) - 1, 0)
