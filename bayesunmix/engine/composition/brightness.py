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
# Thickness over its mean between which the specimen is even: at first wide, as the brightness is not known yet, and
# then narrow, so that pixels at the rim of the specimen do not count as dim material.
_WIDE, _NARROW = (0.3, 4.0), (0.8, 1.25)
_TINY = 1e-30


def of_composition(shares: Array, brightness: Array) -> Array:
    """Return the brightness of mixtures, (...,), given the shares of their counts, (..., K)."""
    return 1 / (shares / brightness).sum(axis=-1)


def draw_brightness(
    key: Array, shares: Array, counts: Array, thickness: Array, brightness: Array, is_known: Array
) -> Array:
    """Draw the brightness of each component as if the specimen were even.

    Parameters
    ----------
    key : JAX key
    shares : (K, P) array
        Shares of the counts of each pixel.
    counts, thickness : (P,) arrays
        Counts of each pixel, and its thickness under the previous brightness.
    brightness : (K,) array
        Of the previous sweep.
    is_known : scalar bool
        Whether the previous brightness is better than a first guess.

    Returns
    -------
    (K,) array
        Its mean over the counts is one.
    """
    mean = (thickness**2).sum() / jnp.maximum(thickness.sum(), _TINY)  # hardly sees vacuum
    low, high = (jnp.where(is_known, *ends) for ends in zip(_NARROW, _WIDE, strict=True))
    even = ((thickness > low * mean) & (thickness < high * mean)).astype(counts.dtype)
    # Counts, and not what the thickness has made of them with the previous brightness.
    seen = (shares * counts * even).sum(axis=1)
    parts = shares / brightness[:, None]
    volume = (parts / jnp.maximum(parts.sum(axis=0), _TINY) * even).sum(axis=1)
    per_volume = seen.sum() / jnp.maximum((brightness * volume).sum(), _TINY)
    drawn = gamma_variates(key, seen + PRIOR) / (per_volume * volume + PRIOR)
    scale = (drawn * seen).sum() / jnp.maximum(seen.sum(), _TINY)
    return jnp.clip(drawn / jnp.where(scale > 0, scale, 1), _LEAST, _MOST)
