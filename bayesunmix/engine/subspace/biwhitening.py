r"""Weigh pixels and channels so that photon noise has the same strength everywhere (biwhitening).

The variance of a Poisson count is its mean, so the counts estimate the variances. Sinkhorn's iteration [2]_ finds
weights u, v of the pixels and channels for which :math:`u_p^2 V_{pc} v_c^2` averages one in every row and in every
column. Then the noise of :math:`\mathrm{diag}(u)\, X\, \mathrm{diag}(v)` follows the law of Marchenko and Pastur, and
only signal rises above the edge :math:`\sqrt{P} + \sqrt{C}` of its singular values [1]_.

V = X needs counts in every part of the matrix. Where most entries are empty, the weights of a channel with a single
photon would diverge. There the product of the margins, which has the same margins and no zeros, is the better estimate.
V is a mixture of the two. The weight of the product is :math:`1 / (1 + m)` at m counts per entry: nearly all of V at a
few photons per pixel, nearly nothing in a well-filled matrix.

References
----------
.. [1] B. Landa, T. Zhang and Y. Kluger, "Biwhitening reveals the rank of a count matrix", SIAM J. Math. Data
   Sci. 4, 1420 (2022), arXiv 2103.13840.
.. [2] R. Sinkhorn and P. Knopp, "Concerning nonnegative matrices and doubly stochastic matrices", Pacific J. Math.
   21, 343 (1967).
"""

import numpy as np
from scipy import sparse

_TOLERANCE = 1e-6
_MOST_ROUNDS = 1000  # V has no zeros: the error shrinks by a fixed factor a round, and a few tens are enough


def biwhiten(counts: sparse.csr_array) -> tuple[np.ndarray, np.ndarray]:
    """Find weights that make the noise of ``u[:, None] * counts * v`` white.

    Parameters
    ----------
    counts : (P, C) sparse array
        Photons; at least one.

    Returns
    -------
    row_weights : (P,) array
    column_weights : (C,) array
        The estimated variance averages one over the occupied columns of every occupied row, and over the occupied rows
        of every occupied column. Empty rows and columns have weight 0.
    """
    values = counts.astype(np.float64)
    by_pixel, by_channel, total = values.sum(axis=1), values.sum(axis=0), values.sum()
    n_pixels, n_channels = np.count_nonzero(by_pixel), np.count_nonzero(by_channel)
    product = 1 / (1 + total / (n_pixels * n_channels))
    across = values.T.tocsr()

    def of_pixels(channels: np.ndarray) -> np.ndarray:
        margins = by_pixel * (by_channel @ channels) / total
        return ((1 - product) * (values @ channels) + product * margins) / n_channels

    def of_channels(pixels: np.ndarray) -> np.ndarray:
        margins = by_channel * (by_pixel @ pixels) / total
        return ((1 - product) * (across @ pixels) + product * margins) / n_pixels

    pixels = reciprocal(by_pixel / n_channels)
    for _ in range(_MOST_ROUNDS):
        channels = reciprocal(of_channels(pixels))
        variance = of_pixels(channels)
        if np.abs(pixels * variance - (by_pixel > 0)).max() < _TOLERANCE:
            break
        pixels = reciprocal(variance)
    return np.sqrt(pixels), np.sqrt(channels)


def reciprocal(values: np.ndarray) -> np.ndarray:
    """Return the reciprocals, and 0 for entries of 0."""
    return np.divide(1, values, out=np.zeros(values.shape), where=values > 0)
