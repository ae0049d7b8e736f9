r"""Cluster compositions, in coordinates whose distance is in units of counting noise: Ward's method, then k-means.

The squared distance of two spectra is that of `bayesunmix.analysis.compositions`. Its weights are the mean of the
clusters, so that both are found in turn. Every cluster weighs the same in them, however many pixels it has.
"""

import numpy as np

MOST_FOR_WARD = 2_500
ROUNDS = 3  # of finding clusters and weights in turn
_FLOOR = 1e-3  # of the mean channel


def clusters(
    fractions: np.ndarray, weights: np.ndarray, endmembers: np.ndarray, n_clusters: int
) -> tuple[np.ndarray, np.ndarray]:
    """Return a basis, and the mean fractions of the clusters, (M, K). Every phase weighs the same in the basis."""
    from scipy.cluster.hierarchy import fcluster, linkage

    means = np.average(fractions, axis=0, weights=weights)[None]
    some = evenly(np.arange(len(fractions)), MOST_FOR_WARD)
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


def evenly(pixels: np.ndarray, most: int) -> np.ndarray:
    """Return at most so many of them, evenly spaced."""
    return pixels if pixels.size <= most else pixels[np.linspace(0, pixels.size - 1, most).astype(int)]


def squared(positions: np.ndarray, centres: np.ndarray) -> np.ndarray:
    """Return squared distances, (..., M)."""
    return np.stack([((positions - centre) ** 2).sum(axis=-1) for centre in centres], axis=-1)


def noise_weights(spectrum: np.ndarray) -> np.ndarray:
    """Return one over the noise of each channel, for counts of this spectrum."""
    least = max(_FLOOR * np.abs(spectrum).mean(), 1e-300)
    return np.asarray(1 / np.sqrt(np.maximum(spectrum, least)))


def _basis(endmembers: np.ndarray, mean: np.ndarray) -> np.ndarray:
    """Return coordinates in the space of the endmembers in which a distance is in units of counting noise, (C, R)."""
    weight = noise_weights(mean)
    within = np.linalg.svd(endmembers * weight, full_matrices=False)[2]
    return weight[:, None] * within.T


def _k_means(positions: np.ndarray, weights: np.ndarray, centres: np.ndarray) -> np.ndarray:
    for _ in range(100):
        label = squared(positions, centres).argmin(axis=1)
        size = np.bincount(label, weights, len(centres))
        summed = np.stack(
            [np.bincount(label, weights * column, len(centres)) for column in positions.T], axis=1
        )
        moved = np.where(size[:, None] > 0, summed / np.maximum(size, 1e-300)[:, None], centres)
        if np.allclose(moved, centres, rtol=1e-9, atol=1e-12):
            break
        centres = moved
    return label
