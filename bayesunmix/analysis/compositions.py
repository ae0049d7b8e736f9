r"""Find the phases of a map by their composition: populations of pixels with like spectra.

The composition of a pixel is its expected spectrum A E over its counts. Another solution of the same counts,
:math:`(A T^{-1})(T E)`, has the same product, so a composition does not depend on how the counts were split into
components; the largest abundance of a pixel does. Compositions are compared by the squared distance

.. math:: d^2(p, q) = \sum_c (y_{pc} - y_{qc})^2 / m_c,

with the mean spectrum m of the phases: the chi-square of counting noise, up to the number of counts. Phases are
clusters of pixels under this distance, found by Ward's method [1]_ and then k-means, as many as there are components.
Two clusters are one phase if counting noise alone would split it so. Each phase is then linked to a component: with
:math:`f_k` the fraction of the component in the phase and :math:`g_k` in the whole image, the one with the largest
:math:`f_k^2 / g_k`. Phases of one component are shown as one. A component that no phase is linked to has no pixels.

References
----------
.. [1] J. H. Ward, "Hierarchical grouping to optimize an objective function", J. Am. Stat. Assoc. 58, 236 (1963).
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from bayesunmix.data.draws import blocks
from bayesunmix.data.result import Unmixing

MOST_PIXELS, MOST_FOR_WARD, MOST_DRAWS = 20_000, 2_500, 40
ROUNDS = 3  # of finding clusters and weights in turn
MOST_CLUSTERS = 3  # times the number of components: more are tried while some of them are one phase
NOISE_SD, NOISE_VARIANCE = (
    4.0,
    1.5,
)  # clusters that differ by less than this, in units of the noise, are one phase
_FLOOR = 1e-3  # of the mean channel


@dataclass(frozen=True, eq=False)
class Phases:
    """Hold phases, and tell of pixels which is the nearest.

    Parameters
    ----------
    basis : (C, R) array
        Turns spectra that sum to one into R coordinates, whose Euclidean distance is that of the compositions.
    centres : (M, R) array
        Mean compositions of the phases.
    component : (M,) int array
        Component that each is linked to; several phases may have the same.
    reach : (M,) array
        Distance to the nearest phase of another component. What is farther away from all phases belongs to none.
    """

    basis: np.ndarray
    centres: np.ndarray
    component: np.ndarray
    reach: np.ndarray

    def classify(self, result: Unmixing) -> Iterator[tuple[np.ndarray, np.ndarray, np.ndarray]]:
        """Yield, block by block, pixels (b,), and for the draws the component (D, b) and whether it is far off (D, b).

        The component is -1 in draws without counts.
        """
        for pixels, positions, total in _positions(result, self.basis, None):
            distance = _squared(positions, self.centres)
            nearest = distance.argmin(axis=-1)
            far = np.sqrt(distance.min(axis=-1)) > self.reach[nearest]
            yield pixels, np.where(total > 0, self.component[nearest], -1), far


def find_phases(result: Unmixing, specimen: np.ndarray) -> Phases:
    """Find the phases of a result with a posterior.

    Parameters
    ----------
    result : Unmixing
    specimen : (P,) bool array
        Pixels that are no vacuum and not masked.
    """
    estimate = result.estimate
    total = estimate.abundances.sum(axis=1)
    pixels = _some(np.flatnonzero(specimen & (total > 0)), MOST_PIXELS)
    if not pixels.size:
        pixels, total = np.arange(1), np.ones(len(total))
    fractions, weights = estimate.abundances[pixels] / total[pixels, None], total[pixels]
    n_components = estimate.n_components
    best: tuple[np.ndarray, np.ndarray, np.ndarray] | None = None
    for n_clusters in range(n_components, MOST_CLUSTERS * n_components + 1):
        basis, means = _clusters(fractions, weights, estimate.endmembers, min(n_clusters, len(pixels)))
        projected = estimate.endmembers @ basis
        positions, centres = fractions @ projected, means @ projected
        label = _squared(positions, centres).argmin(axis=1)
        noise = _noise(result, basis, pixels, label, len(centres))
        kept = _not_noise(positions, centres, label, noise)
        if best is None or len(kept) > len(best[1]):
            best = basis, centres[kept], means[kept]
        if len(kept) >= n_components or len(centres) < n_clusters:
            break
    assert best is not None
    basis, centres, means = best
    component = _linked(means, np.average(fractions, axis=0, weights=weights))
    apart = np.where(component[:, None] == component, np.inf, np.sqrt(_squared(centres, centres)))
    return Phases(basis, centres, component, apart.min(axis=1))


def _positions(
    result: Unmixing, basis: np.ndarray, rows: np.ndarray | None
) -> Iterator[tuple[np.ndarray, np.ndarray, np.ndarray]]:
    """Yield pixels, the coordinates of their composition in each draw (D, b, R), and their counts (D, b)."""
    posterior = result.posterior
    assert posterior is not None
    endmembers = posterior.paired_endmembers()
    projected = (endmembers.astype(np.float64) @ basis).reshape(-1, endmembers.shape[2], basis.shape[1])
    for pixels, draws in blocks(posterior.abundances, rows):
        total = draws.sum(axis=2)
        yield pixels, (draws @ projected) / np.where(total > 0, total, 1.0)[..., None], total


def _some(pixels: np.ndarray, most: int) -> np.ndarray:
    return pixels if pixels.size <= most else pixels[np.linspace(0, pixels.size - 1, most).astype(int)]


def _squared(positions: np.ndarray, centres: np.ndarray) -> np.ndarray:
    """Return squared distances, (..., M)."""
    return np.stack([((positions - centre) ** 2).sum(axis=-1) for centre in centres], axis=-1)


def _clusters(
    fractions: np.ndarray, weights: np.ndarray, endmembers: np.ndarray, n_clusters: int
) -> tuple[np.ndarray, np.ndarray]:
    """Return a basis, and the mean fractions of the clusters, (M, K). Every phase weighs the same in the basis."""
    from scipy.cluster.hierarchy import fcluster, linkage

    means = np.average(fractions, axis=0, weights=weights)[None]
    some = _some(np.arange(len(fractions)), MOST_FOR_WARD)
    for _ in range(ROUNDS):
        basis = _basis(endmembers, means.mean(axis=0) @ endmembers)
        positions = fractions @ (endmembers @ basis)
        label = np.zeros(len(some), int)
        if n_clusters > 1 and len(some) > 1:
            label = fcluster(linkage(positions[some], "ward"), n_clusters, "maxclust") - 1
        centres = np.stack([positions[some][label == k].mean(axis=0) for k in range(label.max() + 1)])
        label = _k_means(positions, weights, centres)
        means = np.stack(
            [np.average(fractions[label == k], axis=0, weights=weights[label == k]) for k in np.unique(label)]
        )
    return basis, means


def _basis(endmembers: np.ndarray, mean: np.ndarray) -> np.ndarray:
    """Return coordinates in the space of the endmembers in which a distance is in units of counting noise, (C, R)."""
    weight = 1 / np.sqrt(np.maximum(mean, max(_FLOOR * np.abs(mean).mean(), 1e-300)))
    within = np.linalg.svd(endmembers * weight, full_matrices=False)[2]
    return weight[:, None] * within.T


def _k_means(positions: np.ndarray, weights: np.ndarray, centres: np.ndarray) -> np.ndarray:
    for _ in range(100):
        label = _squared(positions, centres).argmin(axis=1)
        size = np.bincount(label, weights, len(centres))
        summed = np.stack(
            [np.bincount(label, weights * column, len(centres)) for column in positions.T], axis=1
        )
        moved = np.where(size[:, None] > 0, summed / np.maximum(size, 1e-300)[:, None], centres)
        if np.allclose(moved, centres, rtol=1e-9, atol=1e-12):
            break
        centres = moved
    return label


def _noise(result: Unmixing, basis: np.ndarray, pixels: np.ndarray, label: np.ndarray, n: int) -> np.ndarray:
    """Return the summed covariance of the compositions of each cluster's pixels, over the draws, (M, R, R)."""
    found = np.zeros((n, basis.shape[1], basis.shape[1]))
    of_pixel = np.zeros(pixels.max() + 1, int)
    of_pixel[pixels] = label
    for rows, positions, _ in _positions(result, basis, pixels):
        few = positions[:: max(len(positions) // MOST_DRAWS, 1)]
        scatter = few - few.mean(axis=0)
        for k in np.unique(of_pixel[rows]):
            own = scatter[:, of_pixel[rows] == k].reshape(-1, basis.shape[1])
            found[k] += own.T @ own / max(len(few) - 1, 1)
    return found


def _not_noise(positions: np.ndarray, centres: np.ndarray, label: np.ndarray, noise: np.ndarray) -> list[int]:
    """Return the clusters that stay, after each that only noise parts from another is given up to the larger one."""
    members = [label == k for k in range(len(centres))]
    kept = [k for k in range(len(centres)) if members[k].any()]
    while len(kept) > 1:
        pairs = [(a, b) for i, a in enumerate(kept) for b in kept[:i]]
        apart = [_apart(positions, centres, noise, members, *pair) for pair in pairs]
        least = int(np.argmin(apart))
        if apart[least] >= 1:
            break
        small, large = sorted(pairs[least], key=lambda k: int(members[k].sum()))
        members[large] = members[large] | members[small]
        noise = noise.copy()
        noise[large] += noise[small]
        kept.remove(small)
    return kept


def _apart(
    positions: np.ndarray, centres: np.ndarray, noise: np.ndarray, members: list[np.ndarray], a: int, b: int
) -> float:
    """Return by how much two clusters differ; below 1, noise explains it."""
    between = centres[a] - centres[b]
    distance = float(np.linalg.norm(between))
    if distance == 0:
        return 0.0
    along, both = between / distance, members[a] | members[b]
    variance = float(along @ (noise[a] + noise[b]) @ along) / int(both.sum())
    if variance == 0:
        return np.inf
    spread = float((positions[both] @ along).var())
    return max(distance / (NOISE_SD * np.sqrt(variance)), spread / (NOISE_VARIANCE * variance))


def _linked(means: np.ndarray, overall: np.ndarray) -> np.ndarray:
    """Return the component of each phase, (M,): that of which it has most, and most in excess of the whole image."""
    return np.asarray((np.maximum(means, 0) ** 2 / np.maximum(overall, 1e-12)).argmax(axis=1))
