r"""Compare how many counts an equally thick pixel of each component gives: its brightness.

A pixel of thickness t and composition f (shares of its counts) has expected counts :math:`T = t B(f)`, where

.. math:: B(f) = \Big( \sum_k f_k / b_k \Big)^{-1},

because equal counts of a brighter component come from less material. The brightness says what an *even* specimen looks
like, and where the totals disagree, the thickness follows them. Given the thickness, b has about a Gamma posterior, of
the counts and the volume of each component. `PRIOR` counts hold it near one.

Where a component ends, the thickness may change too, and then nothing tells whether the one or the other is brighter or
thicker. So the first draws suppose an even thickness, and the prior of the thickness decides from there.
"""

import jax.numpy as jnp
from jax import Array

from bayesunmix.engine.device.gamma import gamma_variates

PRIOR = 100.0  # counts
_LEAST, _MOST = 0.2, 5.0
_EVEN = (
    0.3,
    4.0,
)  # thickness over its mean, between which pixels count as of an even specimen in the first draws
_TINY = 1e-30


def of_composition(shares: Array, brightness: Array) -> Array:
    """Return the brightness of mixtures, (...,), given the shares of their counts, (..., K)."""
    return 1 / (shares / brightness).sum(axis=-1)


def draw_brightness(
    key: Array, shares: Array, counts: Array, thickness: Array, brightness: Array, is_first: Array
) -> Array:
    """Draw the brightness of each component.

    Parameters
    ----------
    key : JAX key
    shares : (K, P) array
        Shares of the counts of each pixel.
    counts, thickness : (P,) arrays
        Counts of each pixel, and its thickness under the previous brightness.
    brightness : (K,) array
        Of the previous sweep.
    is_first : scalar bool
        Suppose an even specimen.
    """
    mean = (thickness**2).sum() / jnp.maximum(thickness.sum(), _TINY)  # hardly sees vacuum
    even = (thickness > _EVEN[0] * mean) & (thickness < _EVEN[1] * mean)
    parts = shares / brightness[:, None]
    volumes = parts / jnp.maximum(parts.sum(axis=0), _TINY)
    # Counts, and not what the thickness has made of them with the previous brightness.
    seen = (shares * counts * (even | ~is_first)).sum(axis=1)
    level = seen.sum() / jnp.maximum((brightness * (volumes * even).sum(axis=1)).sum(), _TINY)
    volume = (volumes * jnp.where(is_first, even * level, thickness)).sum(axis=1)
    return jnp.clip(gamma_variates(key, seen + PRIOR) / (volume + PRIOR), _LEAST, _MOST)
