r"""Count singular values of biwhitened counts above the edge that noise alone does not exceed.

White noise in an (S, G) matrix has singular values up to :math:`\sqrt{S} + \sqrt{G}` (Marchenko and Pastur). Its
largest eigenvalue scatters about that edge by the law of Tracy and Widom [2]_. Biwhitening makes photon noise white
[1]_. A component is counted while its singular value exceeds the edge by more than that scatter.

A weak component shows best when superpixels are as large as it is, so several sizes are tried. They must be well
filled: with hardly a count per entry, two photons that coincide by chance make a singular value of their own.

References
----------
.. [1] B. Landa, T. Zhang and Y. Kluger, "Biwhitening reveals the rank of a count matrix", SIAM J. Math. Data
   Sci. 4, 1420 (2022), arXiv 2103.13840.
.. [2] I. M. Johnstone, "On the distribution of the largest eigenvalue in principal components analysis", Ann. Stat.
   29, 295 (2001).
"""

import math
from dataclasses import dataclass

import numpy as np
from scipy import sparse

from bayesunmix.data.image import SpectrumImage
from bayesunmix.dimension.change import Change, laid_out
from bayesunmix.dimension.pooling import Pooled, sizes
from bayesunmix.engine.subspace.biwhitening import biwhiten

_TRACY_WIDOM = 3.27  # noise stays below it in 999 of 1000 matrices
_COUNTS_PER_ENTRY = 2.0
_MOST_SUPERPIXELS = 4096
_LEAST_SUPERPIXELS = 32


@dataclass(frozen=True, eq=False)
class Scree:
    """Hold the singular values of one size of superpixels.

    Parameters
    ----------
    singular_values : (J,) array
        Singular values of the biwhitened counts, decreasing.
    thresholds : (J,) array
        What the value at the same place must exceed to be signal.
    edge : float
        Where noise ends on average.
    n_components : int
        Number of values before the first that is no signal; at least 1.
    block : int
        Pixels per side of a superpixel.
    changes : tuple of Change
        Singular vectors of each value above the noise but the first.
    """

    singular_values: np.ndarray
    thresholds: np.ndarray
    edge: float
    n_components: int
    block: int
    changes: tuple[Change, ...] = ()


def scree(image: SpectrumImage) -> Scree:
    """Return the scree of that size of superpixels which shows the most components, and shows them most clearly."""
    found = [
        _scree_of(matrix) for matrix in _well_filled(sizes(image, _LEAST_SUPERPIXELS, _MOST_SUPERPIXELS))
    ]
    return max(found, key=lambda s: (s.n_components, s.singular_values[s.n_components - 1] / s.edge))


def _scree_of(matrix: Pooled) -> Scree:
    """Compare the singular values of one matrix with its noise edge."""
    occupied = np.asarray(matrix.counts.any(axis=1))
    counts = matrix.counts[occupied]
    rows, columns = biwhiten(sparse.csr_array(counts))
    white = rows[:, None] * counts * columns
    long, short = max(white.shape), min(white.shape)
    gram = white @ white.T if white.shape[0] == short else white.T @ white
    squares, vectors = np.linalg.eigh(gram)
    values, vectors = np.sqrt(squares[::-1].clip(0)), vectors[:, ::-1]
    thresholds = np.array([noise_threshold(long - k, short - k, k) for k in range(short)])
    passed = values > thresholds
    n_components = short if passed.all() else max(int(np.argmin(passed)), 1)
    changes = []
    for k in range(1, n_components):
        wide = white.shape[0] == short
        scores = vectors[:, k] * values[k] if wide else white @ vectors[:, k]
        loadings = vectors[:, k] @ white / values[k] if wide else vectors[:, k]
        changes.append(
            laid_out(scores, loadings, occupied, matrix.counts.sum(axis=1), matrix.grid, matrix.block)
        )
    return Scree(
        values, thresholds, math.sqrt(long) + math.sqrt(short), n_components, matrix.block, tuple(changes)
    )


def noise_threshold(long: int, short: int, found: int) -> float:
    """Return the singular value that noise hardly ever exceeds, once `found` components have been taken out.

    Components that share no pixel and no channel cut the matrix into as many blocks, each of which scatters like a
    matrix of its size. Structure cannot widen the scatter more than that.
    """
    a, b = math.sqrt(max(long - 1, 1)), math.sqrt(short)
    centre, scale = (a + b) ** 2, (a + b) * (1 / a + 1 / b) ** (1 / 3)
    return math.sqrt(centre + _TRACY_WIDOM * max(found, 1) ** (2 / 3) * scale)


def _well_filled(matrices: list[Pooled]) -> list[Pooled]:
    """Leave out matrices that are too empty; if all are, keep the fullest."""
    filled = [m for m in matrices if m.counts[m.counts.any(axis=1)].mean() >= _COUNTS_PER_ENTRY]
    return filled or matrices[-1:]
