r"""Compare how many counts an equally thick pixel of each component gives: its brightness.

A pixel of thickness t and composition f (shares of its counts) has expected counts :math:`T = t B(f)`, where

.. math:: B(f) = \Big( \sum_k f_k / b_k \Big)^{-1},

because equal counts of a brighter component come from less material. The brightness b only says what an *even*
specimen looks like: where the totals disagree, the thickness follows them. So b is an estimate that is made anew in
every sweep, as if the specimen were even, and not a parameter with an error bar. `PRIOR` counts hold it near one.
"""

import jax.numpy as jnp
from jax import Array

from bayesunmix.engine.device.gamma import gamma_variates

PRIOR = 100.0  # counts
_LEAST, _MOST = 0.2, 5.0
_THIN = 0.3  # of the mean of the specimen; thinner pixels are no even specimen


def of_composition(shares: Array, brightness: Array) -> Array:
    """Return the brightness of mixtures, (...,), given the shares of their counts, (..., K)."""
    return 1 / (shares / brightness).sum(axis=-1)


def draw_brightness(key: Array, shares: Array, totals: Array, brightness: Array) -> Array:
    """Draw the brightness of each component as if the specimen were even.

    Parameters
    ----------
    key : JAX key
    shares : (K, P) array
        Shares of the counts of each pixel.
    totals : (P,) array
        Expected counts of each pixel.
    brightness : (K,) array
        Of the previous sweep.

    Returns
    -------
    (K,) array
        Its mean over the counts is one.
    """
    mean = (totals**2).sum() / jnp.maximum(totals.sum(), 1e-30)  # hardly sees vacuum
    thick = (totals > _THIN * mean).astype(totals.dtype)
    even = (totals * thick).sum() / jnp.maximum(thick.sum(), 1)
    counts = (shares * totals * thick).sum(axis=1)
    parts = shares / brightness[:, None]
    material = even * (parts / jnp.maximum(parts.sum(axis=0), 1e-30) * thick).sum(axis=1)
    drawn = gamma_variates(key, counts + PRIOR) / (material + PRIOR)
    scale = (drawn * counts).sum() / jnp.maximum(counts.sum(), 1e-30)
    return jnp.clip(drawn / jnp.where(scale > 0, scale, 1), _LEAST, _MOST)
