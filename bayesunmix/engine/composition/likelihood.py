r"""Weigh every atom in every pixel: the log-likelihood of the pixel's photons, given what each atom looks like.

.. math:: \ell_{pm} = \sum_c x_{pc} \log \frac{\sum_k f_{mk} e_{kc}}{\bar e_c}

The photons are not assigned to components, so overlapping spectra cost no further sweeps. The common reference
:math:`\bar e_c` cancels between atoms. It keeps the sums small, so that float32 has digits left for their differences.
"""

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from bayesunmix.engine.device.events import Chunks, weighted_sums
from bayesunmix.engine.device.heavy import Heavy

_AT_ONCE = 8  # atoms whose sums stay in registers
_LEAST = 1e-30


def log_likelihoods(
    photons: Chunks, heavy: Heavy | None, endmembers: Array, atoms: np.ndarray, n_pixels: int
) -> Array:
    """Return the log-likelihood of every pixel under every atom, less that of its likeliest atom.

    Parameters
    ----------
    photons : Chunks
        Photons by pixel.
    heavy : Heavy or None
        Entries with too many photons to be listed.
    endmembers : (K, C) array
    atoms : (M, K) array
    n_pixels : int

    Returns
    -------
    (M, P) float32 array
        At most 0; all 0 in a pixel without counts.
    """
    table = log_ratios(endmembers, atoms)
    n_atoms, n_channels = table.shape
    short = -n_atoms % _AT_ONCE
    groups = jnp.pad(table, ((0, short), (0, 0))).reshape(-1, _AT_ONCE, n_channels)
    found = jax.lax.map(lambda group: weighted_sums(photons, group, n_pixels), groups)
    found = found.reshape(-1, n_pixels)[:n_atoms]
    if heavy is not None:
        found = found.at[:, heavy.row].add(heavy.photons * table[:, heavy.column])
    return found - found.max(axis=0)


def log_ratios(endmembers: Array, atoms: np.ndarray) -> Array:
    """Return the logarithm of the spectrum of each atom over the mean of the endmembers, (M, C)."""
    mean = jnp.maximum(endmembers.mean(axis=0), _LEAST)
    mixtures = jnp.matmul(jnp.asarray(atoms, jnp.float32), endmembers / mean, precision="highest")
    return jnp.log(jnp.maximum(mixtures, _LEAST))


def photons_of(photons: Chunks, heavy: Heavy | None, n_pixels: int) -> Array:
    """Count the photons of each pixel, (P,) float32."""
    by_chunk = photons.weight.sum(axis=0)
    found = jax.ops.segment_sum(by_chunk, photons.row, n_pixels, indices_are_sorted=True)
    return found if heavy is None else found.at[heavy.row].add(heavy.photons)
