r"""Poisson-weighted, uncentred principal components, from sparse counts.

Counts are divided by :math:`\sqrt{g_p h_c}`, the square roots of the mean spectrum h and of the total map g, which
makes the noise about equal everywhere (Keenan and Kotula). The leading eigenvectors of the scaled (C, C) Gram
matrix are exact principal components, and undoing the scaling gives endmembers and abundances in counts.

References
----------
M. R. Keenan and P. G. Kotula, "Accounting for Poisson noise in the multivariate analysis of ToF-SIMS spectrum
images", Surf. Interface Anal. 36, 203 (2004).
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from scipy import linalg, sparse

from bayesunmix.image import SpectrumImage

BLOCK_ENTRIES = 2**22  # of the dense block whose Gram matrix is added up: 16 MiB


class Components(NamedTuple):
    """Endmembers (K, C) and abundances (P, K), neither of a fixed scale; share of variance of each component."""

    endmembers: np.ndarray
    abundances: np.ndarray
    explained_variance_ratio: np.ndarray


def principal_components(image: SpectrumImage, n_components: int) -> Components:
    """Leading components of the Poisson-scaled counts.

    The share of variance refers to all of it (the sum of squares of the scaled counts), not to the K kept.
    """
    counts = image.counts.astype(np.float64)
    pixel_scale = _inverse_root(counts.sum(axis=1) / image.n_channels)
    channel_scale = _inverse_root(counts.sum(axis=0) / image.n_pixels)
    overall = np.sqrt(image.n_photons / (image.n_pixels * image.n_channels))
    scaled = overall * (sparse.diags_array(pixel_scale) @ counts @ sparse.diags_array(channel_scale)).tocsr()
    last = image.n_channels - 1
    values, vectors = linalg.eigh(
        _gram(scaled.astype(np.float32)), subset_by_index=(last - n_components + 1, last)
    )
    values, vectors = values[::-1], vectors[:, ::-1]
    endmembers = _undo(channel_scale)[:, None] * vectors
    abundances = _undo(pixel_scale)[:, None] * (scaled @ vectors)
    return Components(endmembers.T, abundances / overall, values.clip(0) / (scaled.data**2).sum())


def _gram(scaled: sparse.csr_array) -> np.ndarray:
    """Gram matrix of the channels, (C, C) float64, from dense blocks of pixels."""
    n_channels = scaled.shape[1]
    block = max(BLOCK_ENTRIES // n_channels, 1)
    total = np.zeros((n_channels, n_channels))
    for first in range(0, scaled.shape[0], block):
        rows = np.zeros((block, n_channels), np.float32)
        part = scaled[first : first + block].toarray()
        rows[: len(part)] = part
        total += np.asarray(_outer(rows))
    return total


@jax.jit
def _outer(rows: jax.Array) -> jax.Array:
    return jnp.matmul(rows.T, rows, precision="highest")


def _inverse_root(mean: np.ndarray) -> np.ndarray:
    """Return 1/sqrt(mean), and 0 for empty pixels and channels, which then take no part."""
    return np.where(mean > 0, 1 / np.sqrt(np.where(mean > 0, mean, 1)), 0.0)


def _undo(scale: np.ndarray) -> np.ndarray:
    return np.where(scale > 0, 1 / np.where(scale > 0, scale, 1), 0.0)
