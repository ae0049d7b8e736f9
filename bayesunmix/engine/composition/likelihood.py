r"""Weigh every atom in every pixel: the log-likelihood of the pixel's photons, given what each atom looks like.

.. math:: \ell_{pm} = \sum_c x_{pc} \log \frac{\sum_k f_{mk} e_{kc}}{\bar e_c}

The photons are not assigned to components, so overlapping spectra cost no further sweeps. The common reference
:math:`\bar e_c` cancels between atoms. It keeps the sums small, so that float32 has digits left for their differences.

Each photon adds the row of its channel, in which all atoms lie side by side. Only pixels with photons have a row of
sums, because the others tell nothing: the size of the tables follows the specimen, and not the image.
"""

import math

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from bayesunmix.engine.device.events import Chunks
from bayesunmix.engine.device.heavy import Heavy

_LANES = 8  # atoms are padded to a multiple of this, so that rows are read as whole vectors
_BLOCK = 256  # chunks whose sums fit in the cache
_AT_ONCE = 4  # photons of a chunk that are added before a sum is written
_LEAST = 1e-30


def log_likelihoods(
    photons: Chunks, heavy: Heavy | None, endmembers: Array, atoms: np.ndarray, row: Array, n_rows: int
) -> tuple[Array, Array]:
    """Return the log-likelihood of pixels under every atom, up to a constant of each pixel, and their photons.

    Parameters
    ----------
    photons : Chunks
        Photons by pixel.
    heavy : Heavy or None
        Entries with too many photons to be listed.
    endmembers : (K, C) array
    atoms : (M, K) array
    row : (P,) int array
        Row of each pixel among those with photons; `n_rows` or more for the others.
    n_rows : int

    Returns
    -------
    found : (n_rows, M or more) float32 array
        Columns after the first M are of no use; a copy without them would take as much memory again.
    totals : (n_rows,) float32 array
    """
    table = jnp.pad(
        log_ratios(endmembers, atoms), ((0, 1), (0, 0)), constant_values=1
    ).T  # the last one counts
    n_channels, n_columns = table.shape
    # One more channel, of the padding, adds nothing.
    table = jnp.pad(table, ((0, 1), (0, -n_columns % _LANES)))
    width, n = photons.index.shape
    together = min(width, _AT_ONCE)
    size = math.gcd(n, _BLOCK)

    def block(i: Array, found: Array) -> Array:
        index, weight = (
            jax.lax.dynamic_slice_in_dim(part, i * size, size, axis=1)
            for part in (photons.index, photons.weight)
        )
        channel = jnp.where(weight > 0, index, n_channels)

        def step(sums: Array, some: Array) -> tuple[Array, None]:
            for one in some:
                sums += table[one]
            return sums, None

        start = jnp.zeros((size, table.shape[1]), jnp.float32)
        sums, _ = jax.lax.scan(step, start, channel.reshape(-1, together, size))
        rows = row[jax.lax.dynamic_slice_in_dim(photons.row, i * size, size)]
        return found.at[rows].add(sums, mode="drop")

    found = jax.lax.fori_loop(0, n // size, block, jnp.zeros((n_rows, table.shape[1]), jnp.float32))
    if heavy is not None:
        found = found.at[row[heavy.row]].add(heavy.photons[:, None] * table[heavy.column], mode="drop")
    return found, found[:, n_columns - 1]


def log_ratios(endmembers: Array, atoms: np.ndarray) -> Array:
    """Return the logarithm of the spectrum of each atom over the mean of the endmembers, (M, C)."""
    mean = jnp.maximum(endmembers.mean(axis=0), _LEAST)
    mixtures = jnp.matmul(jnp.asarray(atoms, jnp.float32), endmembers / mean, precision="highest")
    return jnp.log(jnp.maximum(mixtures, _LEAST))
