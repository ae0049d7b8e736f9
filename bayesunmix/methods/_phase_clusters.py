r"""Find phases as vendors' tools do at the press of a button: group similar pixels, one label for each pixel.

1. Principal components of Poisson-scaled counts are computed. Scores are summed over a window of neighbouring pixels
   and divided by its counts N, so that the noise of each score is about :math:`1/\sqrt{N}`.
2. k-means [1]_ makes more clusters than phases. The two nearest are joined, again and again, until the wanted number is
   left, or until all are further apart than the noise of a pixel allows to tell. In the latter case clusters that are
   all rim, mixtures along the boundary of two others, are dropped.
3. Regions of a few pixels take the label that most of their neighbours have. A pixel that is too far from its cluster,
   or has too few counts, stays unassigned.

References
----------
.. [1] D. Arthur and S. Vassilvitskii, "k-means++: the advantages of careful seeding", SODA (2007).
"""

from typing import NamedTuple

import numpy as np
from scipy import ndimage

from bayesunmix.data.image import SpectrumImage
from bayesunmix.engine.subspace.pca import principal_components

MOST_COMPONENTS = 10  # further principal components are noise in windows of a few hundred counts
OVERSEGMENTED = 3  # clusters per wanted phase
MOST_CLUSTERS = 30
MOST_PIXELS = 5000  # for k-means; all pixels are assigned afterwards
SIGNAL = 2.0  # ratio of a score's variance to its noise from which the score is used
APART = 3.0  # times the noise of a window's scores: closer clusters are one phase
ALIKE = (
    0.15  # fraction of the largest distance between clusters: closer ones are one phase, whatever the noise
)
INSIDE = 0.05  # least fraction of a phase's pixels that are surrounded by pixels of the same phase
OUTLIER = 3.0  # times the root mean square distance of a cluster's own pixels: further ones are unassigned
FEWEST_COUNTS = 0.1  # fraction of the median window with counts: emptier ones are unassigned


class LabelledPhases(NamedTuple):
    """Hold the phase number of each pixel, (P,), -1 for none, and the spectrum of each phase, (K, C), with sum one."""

    labels: np.ndarray
    spectra: np.ndarray

    def one_hot(self, image: SpectrumImage) -> np.ndarray:
        """Return all counts of a pixel in the column of its phase, (P, K)."""
        columns = np.arange(len(self.spectra))
        return np.where(self.labels[:, None] == columns, image.total_map().reshape(-1, 1), 0.0)

    def area_fractions(self, image: SpectrumImage) -> list[float]:
        """Return the fraction of the unmasked pixels that belongs to each phase."""
        labels = self.labels[image.takes_part]
        return [float((labels == k).mean()) for k in range(len(self.spectra))]


def phase_clusters(
    image: SpectrumImage, n_phases: int | None, window_counts: float, smallest_region: int, seed: int
) -> LabelledPhases:
    """Find phases by clustering.

    Parameters
    ----------
    image : SpectrumImage
    n_phases : int or None
        Largest number of phases; None for as many as can be distinguished.
    window_counts : float
        Mean counts that a window of neighbours should have.
    smallest_region : int
        Regions of fewer pixels join their neighbours.
    seed : int
        Seed of k-means.
    """
    side = window_side(image, window_counts)
    scores, counts = _scores(image, side)
    enough = (counts > FEWEST_COUNTS * np.median(counts[counts > 0])) & image.takes_part
    centres = _joined(*_k_means(scores[enough], counts[enough], n_phases, seed), n_phases)
    if n_phases is None:
        centres = _without_rims(centres, scores, enough, image, side)
    distance = np.sqrt(_squared_distances(scores, centres) * counts[:, None])
    labels = np.where(enough, distance.argmin(axis=1), -1)
    labels = _without_specks(labels, image, smallest_region)
    own = np.take_along_axis(distance, np.maximum(labels, 0)[:, None], axis=1)[:, 0]
    for k in range(len(centres)):
        of_phase = labels == k
        usual = np.sqrt(np.mean(own[of_phase] ** 2)) if of_phase.any() else 0.0
        labels[of_phase & (own > OUTLIER * max(usual, 1.0))] = -1
    return phases_of(image, labels)


def phases_of(image: SpectrumImage, labels: np.ndarray) -> LabelledPhases:
    """Return the phases in order of size with their mean spectra, without phases that have no counts."""
    sizes = np.bincount(labels[labels >= 0], weights=image.total_map().ravel()[labels >= 0])
    order = [int(k) for k in np.argsort(-sizes, kind="stable") if sizes[k] > 0]
    if not order:
        return LabelledPhases(np.full(image.n_pixels, -1), image.sum_spectrum()[None] / image.n_photons)
    new = np.full(sizes.size + 1, -1)
    new[order] = np.arange(len(order))
    labels = new[labels]
    member = labels[:, None] == np.arange(len(order))
    spectra = (image.counts.astype(np.float64).T @ member).T
    return LabelledPhases(labels, spectra / spectra.sum(axis=1, keepdims=True))


def window_side(image: SpectrumImage, window_counts: float) -> int:
    """Return the odd side of the smallest window that has enough counts on average, vacuum left out."""
    totals = image.total_map()
    mean = totals[totals > 0].mean()
    side = 1
    while mean * side ** min(totals.ndim, 2) < window_counts and side < max(totals.shape[-2:]):
        side += 2
    return side


def sum_neighbours(values: np.ndarray, image: SpectrumImage, side: int) -> np.ndarray:
    """Sum (P, n) values over windows along the last two navigation axes; different tilts are no neighbours."""
    shape = image.navigation_shape
    size = (1,) * max(len(shape) - 2, 0) + (side,) * min(len(shape), 2) + (1,)
    maps = values.reshape(*shape, -1)
    summed = ndimage.uniform_filter(maps, size, mode="constant") * side ** min(len(shape), 2)
    return np.asarray(summed.reshape(values.shape))


def _scores(image: SpectrumImage, side: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the scores of windows per count, (P, n), and their counts, (P,)."""
    n_components = min(MOST_COMPONENTS, image.n_channels, int(np.count_nonzero(np.diff(image.counts.indptr))))
    spectrum = image.sum_spectrum() / image.n_photons
    scale = np.where(spectrum > 0, 1 / np.sqrt(np.maximum(spectrum, 1e-30)), 0.0)
    endmembers = principal_components(image, n_components).endmembers
    axes, _ = np.linalg.qr((endmembers * scale).T)
    projected = image.counts.astype(np.float64) @ (scale[:, None] * axes)
    totals = image.total_map().reshape(-1, 1).astype(np.float64)
    summed = sum_neighbours(np.hstack([projected, totals]), image, side)
    counts = np.where(summed[:, -1] < 0.5, 0, summed[:, -1])
    scores = summed[:, :-1] / np.maximum(counts, 1)[:, None]
    about = np.average(scores, axis=0, weights=counts)
    signal = np.average(counts[:, None] * (scores - about) ** 2, axis=0, weights=counts)
    telling = signal >= min(SIGNAL, signal.max())
    return scores[:, telling], counts


def _k_means(
    scores: np.ndarray, counts: np.ndarray, n_phases: int | None, seed: int
) -> tuple[np.ndarray, np.ndarray, float]:
    """Return the centres (n, J), the pixels of each (n,), and the noise of a typical window's score."""
    import warnings

    from sklearn.cluster import KMeans

    chosen = np.random.default_rng(seed).permutation(len(scores))[:MOST_PIXELS]
    wanted = MOST_CLUSTERS if n_phases is None else OVERSEGMENTED * n_phases
    n_clusters = min(wanted, len(np.unique(scores[chosen], axis=0)))
    with warnings.catch_warnings():  # fewer distinct pixels than clusters are no fault here
        warnings.simplefilter("ignore")
        fitted = KMeans(n_clusters, n_init=2, random_state=seed).fit(scores[chosen], None, counts[chosen])
    sizes = np.bincount(fitted.labels_, minlength=n_clusters).astype(np.float64)
    return fitted.cluster_centers_[sizes > 0], sizes[sizes > 0], float(1 / np.sqrt(np.median(counts)))


def _joined(centres: np.ndarray, sizes: np.ndarray, noise: float, n_phases: int | None) -> np.ndarray:
    """Join the two clusters whose union adds least to the scatter within clusters (Ward), until few enough are left."""
    centres, sizes = centres.copy(), sizes.copy()
    limit = max(
        APART * noise * np.sqrt(centres.shape[1]),
        ALIKE * np.sqrt(((centres[:, None] - centres) ** 2).sum(axis=2).max()),
    )
    while len(centres) > 1:
        apart = np.sqrt(((centres[:, None] - centres) ** 2).sum(axis=2))
        cost = apart**2 * sizes[:, None] * sizes / (sizes[:, None] + sizes)
        np.fill_diagonal(cost, np.inf)
        np.fill_diagonal(apart, np.inf)
        near = apart < limit
        if (len(centres) <= n_phases) if n_phases else not near.any():
            break
        # Without a wanted number, only clusters that cannot be distinguished are joined.
        if n_phases is None:
            cost = np.where(near, cost, np.inf)
        i, j = np.unravel_index(cost.argmin(), cost.shape)
        total = sizes[i] + sizes[j]
        centres[i] = (sizes[i] * centres[i] + sizes[j] * centres[j]) / total
        sizes[i] = total
        centres, sizes = np.delete(centres, j, axis=0), np.delete(sizes, j)
    return centres


def _without_rims(
    centres: np.ndarray, scores: np.ndarray, enough: np.ndarray, image: SpectrumImage, side: int
) -> np.ndarray:
    """Drop clusters that have no inside: windows across a boundary mix two phases and are no phase."""
    while len(centres) > 1:
        labels = np.where(enough, _squared_distances(scores, centres).argmin(axis=1), -1)
        member = (labels[:, None] == np.arange(len(centres))).astype(np.float64)
        alike = sum_neighbours(member, image, side + 2) * member
        most = (side + 2) ** min(len(image.navigation_shape), 2)
        inside = (alike > 0.9 * most).sum(axis=0) / np.maximum(member.sum(axis=0), 1)
        if inside.min() >= INSIDE or inside.max() == 0:
            break
        centres = np.delete(centres, inside.argmin(), axis=0)
    return centres


def _squared_distances(scores: np.ndarray, centres: np.ndarray) -> np.ndarray:
    return np.stack([((scores - centre) ** 2).sum(axis=1) for centre in centres], axis=1)


def _without_specks(labels: np.ndarray, image: SpectrumImage, smallest_region: int) -> np.ndarray:
    """Give regions of fewer than `smallest_region` pixels the label that most of their neighbours have."""
    shape = image.navigation_shape
    maps = labels.reshape(shape)
    # Touching along the last two axes only, as for windows.
    touching = ndimage.generate_binary_structure(len(shape), 1)
    for axis in range(len(shape) - 2):
        np.moveaxis(touching, axis, 0)[[0, 2]] = False
    specks = np.zeros(shape, bool)
    for k in range(labels.max(initial=-1) + 1):
        regions, n_regions = ndimage.label(maps == k, touching)
        small = np.bincount(regions.ravel(), minlength=n_regions + 1) < smallest_region
        small[0] = False
        specks |= small[regions]
    if not specks.any() or specks.all():
        return labels
    columns = np.arange(labels.max() + 1)
    votes = (labels[:, None] == columns) & ~specks.reshape(-1, 1)
    around = sum_neighbours(votes.astype(np.float64), image, 3)
    decided = specks.ravel() & (around.max(axis=1) > 0.5)
    return np.where(decided, around.argmax(axis=1), labels)
