r"""Compute principal components of scaled counts, from sparse products.

Pixels and channels are first given weights u and v, so that the noise of :math:`S = \mathrm{diag}(u)\, X\,
\mathrm{diag}(v)` is about equal everywhere: the inverse square roots of the total map and of the sum spectrum [1]_, or
the weights of biwhitening [2]_. The leading eigenvectors of :math:`S^T S` are the components. Undoing the weights gives
endmembers and abundances in counts. Neither S nor its centred form :math:`S - 1 m^T` is ever dense: the mean m enters
products as a term of rank one.

At a few counts per pixel a total says little about the mean behind it. A channel whose only photon is also the only one
of its pixel would make a strong component. So three photons are added to each total before its root is taken, as in the
regularised spectral clustering of sparse networks [4]_. With many counts this makes no difference.

Two solvers find the same eigenvectors. Block Krylov iteration [3]_ from a random block multiplies by S and its
transpose until every residual is small. It takes a few steps for components that stand out of the noise, and many for
those that do not. The other solver forms the whole Gram matrix, on the shorter side of S.

References
----------
.. [1] M. R. Keenan and P. G. Kotula, "Accounting for Poisson noise in the multivariate analysis of ToF-SIMS spectrum
   images", Surf. Interface Anal. 36, 203 (2004).
.. [2] B. Landa, T. Zhang and Y. Kluger, "Biwhitening reveals the rank of a count matrix", SIAM J. Math. Data Sci. 4,
   1420 (2022).
.. [3] C. Musco and C. Musco, "Randomized block Krylov methods for stronger and faster approximate singular value
   decomposition", NIPS 28 (2015).
.. [4] A. A. Amini, A. Chen, P. J. Bickel and E. Levina, "Pseudo-likelihood methods for community detection in large
   sparse networks", Ann. Statist. 41, 2097 (2013).
"""

from typing import Literal, NamedTuple

import numpy as np
from scipy import linalg, sparse

from bayesunmix.data.image import SpectrumImage
from bayesunmix.engine.subspace.biwhitening import biwhiten, reciprocal

Scaling = Literal["poisson", "keenan_kotula", "biwhitened", "none"]
Solver = Literal["auto", "randomised", "gram"]

_PSEUDOCOUNT = 3.0  # the best of 0, 1, 3 and 10 over all phantoms at low doses
_OVERSAMPLING = 5
_TOLERANCE = 1e-6  # residual of an eigenvector; the error of its eigenvalue is about the square of it
_PATIENCE = 8  # "auto" forms the Gram matrix where a Krylov basis of an eighth of its size is not enough
_NOTHING = 1e-12  # fraction of the largest eigenvalue that rounding leaves of a component that is not there
_FILLED = 0.05  # fraction of non-zeros from which dense blocks are multiplied faster than sparse ones
_BLOCK_ENTRIES = 2**22  # entries of such a block: 32 MiB


class Components(NamedTuple):
    """Hold principal components, leading ones first. The product of abundances and endmembers is in counts.

    Parameters
    ----------
    endmembers : (K, C) array
        Spectra without a fixed scale and sign. All zero where the counts have no further component.
    abundances : (P, K) array
        Maps; the product with the endmembers is in counts.
    explained_variance_ratio : (K,) array
        Fraction of the whole sum of squares of the scaled counts, not of the part that the K components explain.
    """

    endmembers: np.ndarray
    abundances: np.ndarray
    explained_variance_ratio: np.ndarray


class _Scaled(NamedTuple):
    """Hold scaled counts S (P, C), the mean m (C,), and (P,) 1 for the pixels it is subtracted from, else 0."""

    counts: sparse.csr_array
    mean: np.ndarray
    part: np.ndarray

    def project(self, block: np.ndarray) -> np.ndarray:
        """Return (S - 1 m^T) times (C, n)."""
        return self.counts @ block - np.outer(self.part, self.mean @ block)

    def gram_times(self, block: np.ndarray) -> np.ndarray:
        """Return (S - 1 m^T)^T (S - 1 m^T) times (C, n)."""
        centre = self.part.sum() * np.outer(self.mean, self.mean @ block)
        return self.counts.T @ (self.counts @ block) - centre


def principal_components(
    image: SpectrumImage,
    n_components: int,
    scaling: Scaling = "poisson",
    centred: bool = False,
    solver: Solver = "auto",
) -> Components:
    """Compute the leading principal components.

    Parameters
    ----------
    image : SpectrumImage
    n_components : int
        At most the number of channels and of pixels that have counts.
    scaling : {"poisson", "keenan_kotula", "biwhitened", "none"}
        Weights of pixels and channels. "keenan_kotula" adds no photons to the totals.
    centred : bool
        Make the mean the first component, so that it is not lost, and the others the principal components of the
        deviations from it. The mean is that of the scaled counts over pixels that are not masked. This is seldom
        needed: under "keenan_kotula" the first uncentred component is exactly the total map times the sum spectrum.
    solver : {"auto", "randomised", "gram"}
        "auto" tries the first and turns to the second where the components do not stand out of the noise. The random
        block is always the same, and so is the result.
    """
    pixels, channels = noise_weights(image, scaling)
    values = (
        image.counts.data * np.repeat(pixels, np.diff(image.counts.indptr)) * channels[image.counts.indices]
    )
    counts = sparse.csr_array((values, image.counts.indices, image.counts.indptr), shape=image.counts.shape)
    part = (pixels > 0) * float(centred)
    mean = counts.T @ part / max(part.sum(), 1)
    scaled = _Scaled(counts, mean, part)
    power, directions = _leading(scaled, n_components - centred, solver)
    scores = scaled.project(directions)
    if centred:
        power = np.append(part.sum() * mean @ mean, power)
        directions, scores = np.column_stack([mean, directions]), np.column_stack([part, scores])
    power = np.maximum(power, 0)
    there = power > _NOTHING * power.max()
    return Components(
        (reciprocal(channels)[:, None] * directions * there).T,
        reciprocal(pixels)[:, None] * scores * there,
        power * there / (values @ values),
    )


def noise_weights(image: SpectrumImage, scaling: Scaling) -> tuple[np.ndarray, np.ndarray]:
    """Return the weights of pixels and channels; 0 for empty ones, which are then ignored."""
    if scaling == "none":
        return image.takes_part.astype(np.float64), np.ones(image.n_channels)
    if scaling == "biwhitened":
        return biwhiten(image.counts)
    more = _PSEUDOCOUNT if scaling == "poisson" else 0.0
    pixels, channels = (
        np.sqrt(reciprocal(np.where(total > 0, total + more, 0)))
        for total in (image.total_map().ravel(), image.sum_spectrum())
    )
    return pixels, channels


def _leading(scaled: _Scaled, n: int, solver: Solver) -> tuple[np.ndarray, np.ndarray]:
    """Return the n largest eigenvalues (n,) of the Gram matrix and their eigenvectors (C, n)."""
    side = min(scaled.counts.shape)
    if n == 0:
        return np.zeros(0), np.zeros((scaled.counts.shape[1], 0))
    if solver != "gram":
        found = _krylov(scaled, n, side if solver == "randomised" else side // _PATIENCE)
        if found is not None:
            return found
    return _gram(scaled, n)


def _krylov(scaled: _Scaled, n: int, largest: int) -> tuple[np.ndarray, np.ndarray] | None:
    """Solve in a growing Krylov space (Rayleigh-Ritz); return None if it outgrows `largest` before it has settled."""
    width, n_channels = n + _OVERSAMPLING, scaled.counts.shape[1]
    # PCA has no randomness: any block leads to the same components, within the tolerance, so it is always this one.
    block = np.linalg.qr(np.random.default_rng(0).normal(size=(n_channels, width)))[0]
    basis, image = np.zeros((n_channels, 0)), np.zeros((n_channels, 0))
    while basis.shape[1] + width <= largest:
        basis = np.hstack([basis, block])
        image = np.hstack([image, scaled.gram_times(block)])
        values, rotation = linalg.eigh(basis.T @ image)
        values, rotation = values[: -n - 1 : -1], rotation[:, : -n - 1 : -1]
        vectors = basis @ rotation
        residual = np.linalg.norm(image @ rotation - vectors * values, axis=0)
        if residual.max() <= _TOLERANCE * values[0]:
            return values, vectors
        block = image[:, -width:]
        for _ in range(2):  # once would leave what rounding adds
            block = np.linalg.qr(block - basis @ (basis.T @ block))[0]
    return None


def _gram(scaled: _Scaled, n: int) -> tuple[np.ndarray, np.ndarray]:
    """Solve the Gram matrix of the channels, or of the pixels where these are fewer."""
    counts, mean, part = scaled
    if counts.shape[0] >= counts.shape[1]:
        values, vectors = _largest(_product(counts) - part.sum() * np.outer(mean, mean), n)
        return values, vectors
    cross = np.outer(part, counts @ mean)
    values, vectors = _largest(
        _product(counts.T.tocsr()) - cross - cross.T + mean @ mean * np.outer(part, part), n
    )
    directions = counts.T @ vectors - np.outer(mean, part @ vectors)
    return values, directions * reciprocal(np.linalg.norm(directions, axis=0))


def _largest(gram: np.ndarray, n: int) -> tuple[np.ndarray, np.ndarray]:
    values, vectors = linalg.eigh(gram, subset_by_index=(len(gram) - n, len(gram) - 1))
    return values[::-1], vectors[:, ::-1]


def _product(rows: sparse.csr_array) -> np.ndarray:
    """Multiply the transpose of a sparse matrix with the matrix."""
    n_rows, n_columns = rows.shape
    if rows.nnz < _FILLED * n_rows * n_columns:
        return (rows.T @ rows).toarray()
    total = np.zeros((n_columns, n_columns))
    step = max(_BLOCK_ENTRIES // n_columns, 1)
    for first in range(0, n_rows, step):
        block = rows[first : first + step].toarray()
        total += block.T @ block
    return total
