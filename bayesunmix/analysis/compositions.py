r"""Find the phases of a map by their composition: populations of pixels with like spectra.

The composition of a pixel is its expected spectrum A E over its counts. Another solution of the same counts,
:math:`(A T^{-1})(T E)`, has the same product, so a composition does not depend on how the counts were split into
components; the largest abundance of a pixel does. Compositions are compared by the squared distance

.. math:: d^2(p, q) = \sum_c (y_{pc} - y_{qc})^2 / m_c,

with the mean spectrum m of the phases: the chi-square of counting noise, up to the number of counts. Phases are
clusters of pixels under this distance, found by Ward's method [1]_ and then k-means, as many as there are components.
Two clusters are one phase
if counting noise alone would split it so. Each phase is then linked to a component
(`bayesunmix.analysis.phase_links`). Phases of one component are shown as one. A component that no phase is linked to
has no pixels.

References
----------
.. [1] J. H. Ward, "Hierarchical grouping to optimize an objective function", J. Am. Stat. Assoc. 58, 236 (1963).
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from bayesunmix.analysis.phase_clusters import clusters, evenly, noise_weights, squared
from bayesunmix.analysis.phase_links import linked, links_under
from bayesunmix.data.draws import blocks
from bayesunmix.data.result import Unmixing

MOST_PIXELS, MOST_DRAWS = 20_000, 40
MOST_CLUSTERS = 3  # times the number of components: more are tried while some of them are one phase
NOISE_SD, NOISE_VARIANCE = (
    4.0,
    1.5,
)  # clusters that differ by less than this, in units of the noise, are one phase
LEAST_DIRECTION = 1e-6  # of the largest singular value of the endmembers
MIXED = 1 / 3  # of the way to another phase: half of the area, if one phase is twice as bright as the other


class Called(NamedTuple):
    """Hold what the draws say of some pixels.

    Parameters
    ----------
    pixels : (b,) int array
    nearest : (D, b) int array
        The nearest phase; -1 in draws without counts.
    is_far : (D, b) bool array
        Whether it is far off.
    is_mixed : (D, b, K) bool array
        Whether the composition lies between a phase of component k and one of another component: more than a third of
        the way from each.
    """

    pixels: np.ndarray
    nearest: np.ndarray
    is_far: np.ndarray
    is_mixed: np.ndarray


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
        Component that each is linked to by the estimate; several phases may have the same.
    of_draw : (D, M) int array
        Component that each is linked to in the chain of each draw.
    feasible : (n, M) int array
        Component that each is linked to under each of the other solutions that fit as well.
    """

    basis: np.ndarray
    centres: np.ndarray
    component: np.ndarray
    of_draw: np.ndarray
    feasible: np.ndarray

    @property
    def reach(self) -> np.ndarray:
        """Return the distance of each phase to the nearest one of another component, (M,).

        What is farther away from all phases belongs to none.
        """
        same = self.component[:, None] == self.component
        return np.where(same, np.inf, np.sqrt(squared(self.centres, self.centres))).min(axis=1)

    def classify(self, result: Unmixing) -> Iterator[Called]:
        """Yield what the draws say of the pixels, block by block."""
        components = np.arange(result.estimate.n_components)
        apart, reach = squared(self.centres, self.centres), self.reach
        of_component = self.component == components[:, None]
        for pixels, positions, total in _positions(result, self.basis, None):
            distance = squared(positions, self.centres)
            nearest, least = distance.argmin(axis=-1), distance.min(axis=-1)
            gap = apart[nearest]
            # How far along the way from the nearest phase to each other one.
            along = (least[..., None] - distance + gap) / np.where(gap > 0, 2 * gap, np.inf)
            towards = (along > MIXED) @ of_component.T
            own = self.component[nearest][..., None] == components
            others = towards.sum(axis=-1, keepdims=True) > towards
            yield Called(
                pixels,
                np.where(total > 0, nearest, -1),
                np.sqrt(least) > reach[nearest],
                np.where(own, others, towards) & (total > 0)[..., None],
            )


def find_phases(result: Unmixing, specimen: np.ndarray) -> Phases:
    """Find the phases of a result with a posterior.

    Parameters
    ----------
    result : Unmixing
    specimen : (P,) bool array
        Pixels that are no vacuum and not masked.
    """
    estimate = result.estimate
    inside = evenly(np.flatnonzero(specimen & (estimate.abundances.sum(axis=1) > 0)), MOST_PIXELS)
    pixels = inside if inside.size else np.arange(1)
    spectra, coordinates, weights = _mean_compositions(result, pixels)
    n_components = estimate.n_components
    best: tuple[np.ndarray, np.ndarray] | None = None
    for n_clusters in range(n_components, MOST_CLUSTERS * n_components + 1):
        basis, means = clusters(coordinates, weights, spectra, min(n_clusters, len(pixels)))
        positions, centres = coordinates @ (spectra @ basis), means @ (spectra @ basis)
        label = squared(positions, centres).argmin(axis=1)
        noise = _noise(result, basis, pixels, label, len(centres))
        kept = _not_noise(positions, centres, label, noise)
        if best is None or len(kept) > len(best[1]):
            best = basis, centres[kept]
        if len(kept) >= n_components or len(centres) < n_clusters:
            break
    assert best is not None
    basis, centres = best
    label = squared(coordinates @ (spectra @ basis), centres).argmin(axis=1)
    amounts = (label == np.arange(len(centres))[:, None]) @ estimate.abundances[pixels]
    sizes = np.maximum(amounts.sum(axis=1), 1e-300)
    fractions, sizes = amounts / sizes[:, None], sizes / sizes.sum()
    rotations = None if result.posterior is None else result.posterior.rotations
    component = linked(fractions, sizes)
    feasible = component[None] if rotations is None else links_under(rotations, fractions, sizes)
    return Phases(basis, centres, component, _links_of_draws(result, pixels, label, len(centres)), feasible)


def _mean_compositions(result: Unmixing, pixels: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return the mean compositions of pixels over the draws, and their counts.

    Every draw goes with its own endmembers: chains may split the counts differently, and then the product of the mean
    factors is not the mean product, and the mean endmembers may even be equal.

    Returns
    -------
    spectra : (R, C) array
        They span the endmembers of all chains.
    coordinates : (n, R) array
        The compositions are ``coordinates @ spectra``.
    counts : (n,) array
    """
    posterior, endmembers = result.posterior, result.estimate.endmembers
    assert posterior is not None
    weight = noise_weights(result.estimate.abundances.sum(axis=0) @ endmembers)
    of_chains = posterior.endmembers.mean(axis=1, dtype=np.float64).reshape(-1, endmembers.shape[1])
    _, sizes, directions = np.linalg.svd(of_chains * weight, full_matrices=False)
    directions = directions[sizes > LEAST_DIRECTION * sizes[0]]
    paired = posterior.paired_endmembers().astype(np.float64).reshape(-1, *endmembers.shape)
    in_directions = (paired * weight) @ directions.T
    found, total = [], []
    for _, draws in blocks(posterior.abundances, pixels):
        found.append(np.einsum("dpk,dkr->pr", draws, in_directions, optimize=True))
        total.append(draws.sum(axis=(0, 2)))
    counts = np.maximum(np.concatenate(total), 1e-300)
    return directions / weight, np.concatenate(found) / counts[:, None], counts / len(paired)


def _links_of_draws(result: Unmixing, pixels: np.ndarray, label: np.ndarray, n: int) -> np.ndarray:
    """Link the phases to components in each chain, (D, M): chains may have found different solutions."""
    posterior = result.posterior
    assert posterior is not None
    is_in = (label == np.arange(n)[:, None]).astype(np.float64)
    n_chains, n_draws = posterior.abundances.shape[:2]
    amounts, begun = np.zeros((n_chains, n, result.estimate.n_components)), 0
    for rows, draws in blocks(posterior.abundances, pixels):
        of_chain = draws.reshape(n_chains, n_draws, *draws.shape[1:]).sum(axis=1)
        amounts += is_in[:, begun : begun + len(rows)] @ of_chain
        begun += len(rows)
    sizes = np.maximum(amounts.sum(axis=2), 1e-300)
    links = [linked(of / size[:, None], size / size.sum()) for of, size in zip(amounts, sizes, strict=True)]
    return np.repeat(links, n_draws, axis=0)


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
