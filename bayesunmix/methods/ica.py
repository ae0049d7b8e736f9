"""Rotated principal components: FastICA or varimax, what HyperSpy calls blind source separation.

PCA finds the space of the K endmembers, not the endmembers. Rotation looks for K directions in it whose spectra (or
maps) have few large values: as far from Gaussian as possible [1]_, or of the largest variance of squares. Samples are
whitened first, and centred for FastICA. The abundances get the inverse transform, so that the expected counts stay
those of PCA. Signs are free: endmembers and abundances may be negative, and each endmember has a positive sum.

The rotation is repeated from random starts, and from random starts with randomly reweighted samples [3]_. The stability
of a component is how closely these results cluster about it, less how near they are to the others [2]_. It is 1 if the
component is always found.

References
----------
.. [1] A. Hyvarinen, "Fast and robust fixed-point algorithms for independent component analysis", IEEE Trans. Neural
   Netw. 10, 626 (1999).
.. [2] J. Himberg and A. Hyvarinen, "Icasso: software for investigating the reliability of ICA estimates by clustering
   and visualization", Proc. NNSP 2003, 259.
.. [3] D. B. Rubin, "The Bayesian bootstrap", Ann. Statist. 9, 130 (1981).
"""

from dataclasses import dataclass
from typing import Literal

import jax
import numpy as np

from bayesunmix.contracts.arguments import require_choice, require_positive
from bayesunmix.contracts.method import METHODS
from bayesunmix.data.factorization import Factorization
from bayesunmix.data.image import SpectrumImage
from bayesunmix.data.info import ASK_RANK
from bayesunmix.data.order import by_share
from bayesunmix.data.result import Info, Unmixing
from bayesunmix.engine.device.threefry import numpy_generator
from bayesunmix.engine.subspace.pca import Components, Scaling, principal_components
from bayesunmix.engine.subspace.rotation import Criterion, Rotation, rotate

STABLE = 0.9


@METHODS.register("ica")
@dataclass(frozen=True)
class ICA:
    """FastICA (Hyvarinen 1999) or varimax rotation of the leading components of PCA.

    Components are in the order of their size, the sum of absolute values: the largest comes first.
    `info["stability"]` contains the stability of each component, at most 1.

    Parameters
    ----------
    rotation : {"fastica", "varimax"}
        Criterion of the rotation.
    on : {"endmembers", "abundances"}
        What is made simple: spectra, or maps.
    derivative : bool
        Use the differences of neighbouring channels (or pixels), in which a continuum counts for little.
    scaling : {"poisson", "keenan_kotula", "biwhitened", "none"}
        Scaling of the counts in PCA.
    n_starts : int
        Random rotations to start from; as many again determine the stability.
    tolerance : float
        The rotation has converged when no component turns by more than this (1 - cosine) in an iteration.
    max_iterations : int
        Largest number of iterations of each rotation.
    """

    rotation: Criterion = "fastica"
    on: Literal["endmembers", "abundances"] = "endmembers"
    derivative: bool = True
    scaling: Scaling = "poisson"
    n_starts: int = 8
    tolerance: float = 1e-6
    max_iterations: int = 500

    def __post_init__(self) -> None:
        require_positive(self)
        require_choice(self)

    def fit(self, image: SpectrumImage, n_components: int, key: jax.Array) -> Unmixing:
        """Rotate the leading `n_components` of PCA. Components that the counts do not have stay empty."""
        components = principal_components(image, n_components, self.scaling)
        rank = max(int(np.count_nonzero(components.explained_variance_ratio)), 1)
        samples = self._samples(components, rank, image)
        whitening, colouring = _whiten(samples, centred=self.rotation == "fastica")
        white = whitening @ samples
        if self.rotation == "fastica":
            white -= white.mean(axis=1, keepdims=True)
        rng = numpy_generator(key)

        def from_random_start(weights: np.ndarray | None = None) -> Rotation:
            start = rng.normal(size=(rank, rank))
            return rotate(white, start, self.rotation, weights, self.tolerance, self.max_iterations)

        ends = [from_random_start() for _ in range(self.n_starts)]
        resampled = [from_random_start(rng.exponential(size=white.shape[1])) for _ in range(self.n_starts)]
        contrasts = [end.contrast for end in ends]
        which = int(np.argmax(contrasts))
        best = ends[which]
        stability = np.zeros(n_components)
        stability[:rank] = _stability(np.array([end.matrix for end in [*ends, *resampled]]), which)
        estimate = _rotated(components, best.matrix @ whitening, colouring @ best.matrix.T, self.on)
        order = by_share(estimate)
        stability = stability[order]
        converged = best.turn <= self.tolerance
        info: Info = {
            "converged": converged,
            "iterations": best.iterations,
            "objective": [best.contrast],
            "objective_name": "negentropy contrast" if self.rotation == "fastica" else "variance of squares",
            "starts": self.n_starts,
            "starts_agreeing": int(np.isclose(contrasts, best.contrast, rtol=1e-3, atol=1e-6).sum()),
            "stability": stability.tolist(),
            "warnings": self._warnings(converged, stability, rank),
        }
        return Unmixing(estimate.reorder(order), info=info)

    def _samples(self, components: Components, rank: int, image: SpectrumImage) -> np.ndarray:
        """Return the (rank, N) values to be made simple; masked pixels are left out."""
        endmembers, abundances, _ = components
        if self.on == "endmembers":
            values, grid = endmembers[:rank], endmembers.shape[1:]
        else:
            values, grid = abundances[:, :rank].T, image.navigation_shape
            values = np.where(image.takes_part, values, np.nan)
        samples = values
        if self.derivative:
            fields = values.reshape(rank, *grid)
            steps = [np.diff(fields, axis=1 + axis).reshape(rank, -1) for axis in range(len(grid))]
            differences = np.concatenate(steps, axis=1)
            samples = differences if np.isfinite(differences[0]).any() else values
        return samples[:, np.isfinite(samples[0])]

    def _warnings(self, converged: bool, stability: np.ndarray, rank: int) -> list[str]:
        warnings = []
        if not converged:
            warnings.append(
                f"The rotation still turned after {self.max_iterations} iterations. Raise max_iterations."
            )
        unstable = [str(k) for k in range(rank) if stability[k] < STABLE]
        if unstable:
            warnings.append(
                f"Component{'s' * (len(unstable) > 1)} {', '.join(unstable)} of {rank} came out differently from other "
                f"starts and samples (stability below {STABLE:g}). Do not interpret them. {ASK_RANK}"
            )
        if rank < len(stability):
            warnings.append(
                f"The counts have only {rank} of the {len(stability)} components. Ask for at most {rank}."
            )
        return warnings


def _whiten(samples: np.ndarray, centred: bool) -> tuple[np.ndarray, np.ndarray]:
    """Return the (K, K) transform that makes the rows uncorrelated and of unit variance, and its inverse."""
    if centred:
        samples = samples - samples.mean(axis=1, keepdims=True)
    variance, axes = np.linalg.eigh(samples @ samples.T / samples.shape[1])
    size = np.sqrt(np.maximum(variance, 1e-12 * variance[-1])) if variance[-1] > 0 else np.ones_like(variance)
    return axes.T / size[:, None], axes * size


def _rotated(components: Components, forward: np.ndarray, back: np.ndarray, on: str) -> Factorization:
    """Apply the transform on one side, and undo it on the other; `back` is the inverse of `forward`."""
    endmembers, abundances = components.endmembers.copy(), components.abundances.copy()
    rank = len(forward)
    for_endmembers, for_abundances = (forward, back) if on == "endmembers" else (back.T, forward.T)
    endmembers[:rank] = for_endmembers @ endmembers[:rank]
    abundances[:, :rank] = abundances[:, :rank] @ for_abundances
    return Factorization(endmembers, abundances)


def _stability(matrices: np.ndarray, best: int) -> np.ndarray:
    """Return the cluster quality of each component of the best rotation among those of all (S, K, K)."""
    from scipy.cluster.hierarchy import fcluster, linkage
    from scipy.spatial.distance import squareform

    n_components = matrices.shape[1]
    rows = matrices.reshape(-1, n_components)
    alike = np.minimum(np.abs(rows @ rows.T), 1)
    distance = 1 - alike
    np.fill_diagonal(distance, 0)
    tree = linkage(squareform(distance, checks=False), "average")
    cluster = fcluster(tree, n_components, "maxclust")
    quality = []
    for own in range(best * n_components, (best + 1) * n_components):
        inside = cluster == cluster[own]
        size, outside = np.count_nonzero(inside), np.count_nonzero(~inside)
        # Without the similarity of each to itself, so that a component found only once is not called stable.
        within = (alike[np.ix_(inside, inside)].sum() - size) / max(size * (size - 1), 1)
        between = alike[np.ix_(inside, ~inside)].sum() / max(size * outside, 1)
        quality.append(within - between)
    return np.array(quality)
