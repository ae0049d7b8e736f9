r"""Share the photons of entries with very many counts among the components, without a number for each photon.

An entry of n photons is a multinomial draw, made component by component: of the photons that are left, a binomial
number belongs to the next. Few of many photons are drawn as few of fewer photons with the same mean (a variance larger
by less than `FEW / MOST_LISTED`); many are drawn from the normal distribution with the skewness of the binomial
(Cornish and Fisher [1]_), :math:`m + s z + (1 - 2 p) (z^2 - 1) / 6`.

References
----------
.. [1] E. A. Cornish and R. A. Fisher, "Moments and cumulants in the specification of distributions", Rev. Inst. Int.
   Stat. 5, 307 (1938).
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from scipy import sparse

MOST_LISTED = 2**16  # photons of an entry; those of one with more are not listed one by one
FEW = 256.0  # mean from which on a binomial number is drawn from its normal approximation
_LEAST_RATE = 1e-30


class Heavy(NamedTuple):
    """Hold the entries with more than `MOST_LISTED` counts, padded to a power of two by entries without counts.

    Attributes
    ----------
    row, column : (n,) int32 arrays
    photons : (n,) float32 array
    """

    row: Array
    column: Array
    photons: Array


def split_heavy(counts: sparse.csr_array) -> tuple[sparse.csr_array, Heavy | None]:
    """Return the entries whose photons can be listed, and the others, None where there are none."""
    heavy = np.flatnonzero(counts.data > MOST_LISTED)
    if heavy.size == 0:
        return counts, None
    light = counts.copy()
    light.data[heavy] = 0
    light.eliminate_zeros()
    light.data = light.data.astype(np.uint32)
    row = np.searchsorted(counts.indptr, heavy, side="right") - 1
    extra = (0, (1 << (heavy.size - 1).bit_length()) - heavy.size)
    parts = (row, counts.indices[heavy], counts.data[heavy])
    kinds = (jnp.int32, jnp.int32, jnp.float32)
    return light, Heavy(*(jnp.asarray(np.pad(p, extra), kind) for p, kind in zip(parts, kinds, strict=True)))


def draw_heavy(heavy: Heavy, rows: Array, table: Array, key: Array) -> tuple[Array, Array, Array]:
    """Draw how many photons of each entry belong to each component.

    Parameters
    ----------
    heavy : Heavy
    rows, table : (K, R), (K, J) arrays
        As in `draw_allocation`.
    key : JAX key

    Returns
    -------
    by_row : (K, R) float32 array
        Photons of each component in each row.
    by_column : (K, J) float32 array
        Photons of each component in each column.
    log_likelihood : float32 scalar
        Sum over photons of the logarithm of the mixture they were drawn from, less that of the counts themselves,
        which leaves no digits to it.
    """
    shares = rows[:, heavy.row] * table[:, heavy.column]
    rate = shares.sum(axis=0)
    left, rest, drawn = heavy.photons, rate, []
    for share, one in zip(shares[:-1], jax.random.split(key, len(shares)), strict=False):
        taken = _binomial(one, left, jnp.clip(share / jnp.maximum(rest, _LEAST_RATE), 0, 1))
        drawn.append(taken)
        left, rest = left - taken, jnp.maximum(rest - share, 0)
    photons = jnp.stack([*drawn, left])
    by_row = jnp.zeros(rows.shape, jnp.float32).at[:, heavy.row].add(photons)
    by_column = jnp.zeros(table.shape, jnp.float32).at[:, heavy.column].add(photons)
    counted = jnp.maximum(heavy.photons, 1)
    log_ratio = jnp.log(jnp.maximum(rate, _LEAST_RATE) / counted)
    return by_row, by_column, (heavy.photons * log_ratio).sum()


def _binomial(key: Array, n: Array, p: Array) -> Array:
    """Draw binomial numbers of any size."""
    few_key, many_key = jax.random.split(key)
    less = jnp.minimum(p, 1 - p)  # of the two kinds of photons, draw the rarer
    mean = n * less
    fewer = jnp.minimum(n, MOST_LISTED)
    few = jax.random.binomial(few_key, fewer, jnp.minimum(mean / jnp.maximum(fewer, 1), 0.5))
    z = jax.random.normal(many_key, n.shape)
    many = jnp.round(mean + jnp.sqrt(mean * (1 - less)) * z + (1 - 2 * less) * (z * z - 1) / 6)
    drawn = jnp.clip(jnp.where(mean < FEW, few, many), 0, n)
    return jnp.where(p <= 0.5, drawn, n - drawn)
