"""Cluster permuted photons as the program that made the labels may have clustered the counts."""

from collections.abc import Callable
from functools import partial

import numpy as np
from scipy import ndimage, sparse

from bayesunmix.data.blocks import summing_matrix
from bayesunmix.data.image import SpectrumImage, trusted_image
from bayesunmix.dimension.pooling import groups_by_counts
from bayesunmix.methods._phase_clusters import phase_clusters
from bayesunmix.validation.joined_channels import join_channels
from bayesunmix.validation.phases.photon_list import PhotonList, list_photons

# Each from the widest, which follows the noise least, to the narrowest.
WINDOW_COUNTS = (1600.0, 800.0, 400.0, 200.0, 100.0, 50.0)
BLURS = (4.0, 3.0, 2.0, 1.5, 1.0, 0.7, 0.5, 0.0)  # pixels, of the counts
MAJORITIES = (9, 7, 5, 3)  # pixels, the side of the square whose most frequent label is taken
SMALLEST_REGION = 5
ROUNDS, STARTS = 10, 2
COARSE_GROUPS = 40  # in which the difference is measured

Way = Callable[[sparse.csr_array], np.ndarray]


class Clusterer:
    """Find two phases in a region, in the ways in which the unknown program may have found them.

    The counts of windows are clustered and specks removed. Or blurred counts are clustered, or single pixels of which
    each takes the label that is frequent around it: then the phases get the shares of the counts that are claimed.
    """

    def __init__(self, image: SpectrumImage, region: np.ndarray, seed: int) -> None:
        """Prepare the region, (H, W) bool. Channels are joined: a spectrum of many is no better told from another."""
        self._image = join_channels(image.within(region))
        self._region = region
        self._seed = seed
        self._share = 0.5
        self._ways: list[Way] = []

    def match(self, labels: np.ndarray, phases: tuple[int, int], rng: np.random.Generator) -> None:
        """Choose of each way the width at which the labels of permuted photons are no smoother than the map.

        Rougher labels follow the noise more closely, and make clusters that differ more.
        """
        wanted = _together(labels == phases[0], labels == phases[1])
        photons = self.photons(rng)
        self._share = (
            float(photons.totals @ (labels.ravel() == phases[0])[photons.pixels]) / photons.groups.size
        )
        counts = self._counts(photons, rng.permutation(photons.groups))
        self._ways = []
        for ladder in (
            [partial(self._in_windows, window) for window in WINDOW_COUNTS],
            [partial(self._blurred, blur) for blur in BLURS],
            [partial(self._by_majority, side) for side in MAJORITIES],
        ):
            for way in ladder:
                found = way(counts).reshape(labels.shape)
                if _together(found == 0, found == 1) <= wanted:
                    break
            self._ways.append(way)

    def photons(self, rng: np.random.Generator) -> PhotonList:
        """Return the photons of the region, by group of channels."""
        return list_photons(self._image, self._region, np.arange(self._image.n_channels), np.inf, rng)

    def labels(self, photons: PhotonList, channels: np.ndarray) -> list[np.ndarray]:
        """Return the labels (P,) that photons of these channels get in each way: 0, 1, or -1."""
        counts = self._counts(photons, channels)
        return [way(counts) for way in self._ways]

    def _counts(self, photons: PhotonList, channels: np.ndarray) -> sparse.csr_array:
        shape = (self._image.n_pixels, self._image.n_channels)
        starts = np.zeros(shape[0] + 1, np.int64)
        starts[photons.pixels + 1] = photons.totals
        counts = sparse.csr_array(
            (np.ones(channels.size, np.int64), channels, np.cumsum(starts)), shape=shape
        )
        counts.sum_duplicates()
        return counts

    def _in_windows(self, window_counts: float, counts: sparse.csr_array) -> np.ndarray:
        image = self._image
        permuted = trusted_image(counts, image.spectral_axis, image.shape, image.axes, image.mask)
        return phase_clusters(permuted, 2, window_counts, SMALLEST_REGION, self._seed).labels

    def _blurred(self, blur: float, counts: sparse.csr_array) -> np.ndarray:
        group = groups_by_counts(np.asarray(counts.sum(axis=0)).ravel(), COARSE_GROUPS)
        own = (counts @ summing_matrix(group).T.astype(np.int64)).toarray().astype(float)
        cube = own.reshape(*self._region.shape, -1)
        smooth = ndimage.gaussian_filter(cube, (blur, blur, 0), mode="nearest") if blur else cube
        labels = np.full(own.shape[0], -1)
        inside = self._region.ravel()
        labels[inside] = _most_different(smooth.reshape(own.shape)[inside], self._share)
        return labels

    def _by_majority(self, side: int, counts: sparse.csr_array) -> np.ndarray:
        labels = self._blurred(0.0, counts).reshape(self._region.shape)
        votes = ndimage.uniform_filter((labels == 0).astype(float) - (labels == 1), side, mode="constant")
        inside = self._region.ravel()
        smooth = np.full(inside.size, -1)
        total = np.asarray(counts.sum(axis=1)).ravel()
        smooth[inside] = np.where(_first(votes.ravel()[inside], total[inside], self._share), 0, 1)
        return smooth


def _most_different(counts: np.ndarray, share: float) -> np.ndarray:
    """Label each row of counts (n, G) by itself, so that both spectra differ as much as any program can make them.

    The first gets this share of the counts. It is improved from both ends of each of the widest directions, and the
    best is taken.
    """
    total: np.ndarray = counts.sum(axis=1)
    spectrum = counts.sum(axis=0) / counts.sum()
    apart = (counts - np.outer(total, spectrum)) / np.sqrt(np.maximum(spectrum, 1e-12))
    each = apart / np.maximum(total, 1e-12)[:, None]
    widest = np.linalg.eigh(apart.T @ apart)[1].T[: -1 - STARTS : -1]
    best, most = total > 0, -1.0
    for start in (*widest, *-widest):
        first = _first(each @ start, total, share)
        for _ in range(ROUNDS):
            again = _first(each @ apart[first].sum(axis=0), total, share)
            if (again == first).all():
                break
            first = again
        seen = float((apart[first].sum(axis=0) ** 2).sum())
        if seen > most:
            best, most = first, seen
    return np.where(best, 0, 1)


def _first(score: np.ndarray, total: np.ndarray, share: float) -> np.ndarray:
    """Return where the scores are largest, until this share of the total is reached, (n,) bool."""
    order = np.argsort(-score, kind="stable")
    first = np.zeros(score.size, bool)
    first[order] = np.cumsum(total[order]) <= share * total.sum()
    return first


def _together(first: np.ndarray, second: np.ndarray) -> float:
    """Return how many more neighbours have the same label than if labels were dealt out by chance; 1 if all have."""
    same, pairs = 0, 0
    for axis in (0, 1):
        one, other = (
            [np.take(mask, range(k, mask.shape[axis] - 1 + k), axis) for mask in (first, second)]
            for k in (0, 1)
        )
        same += int(((one[0] & other[0]) | (one[1] & other[1])).sum())
        pairs += int(((one[0] | one[1]) & (other[0] | other[1])).sum())
    share = float(first.sum()) / max(int((first | second).sum()), 1)
    by_chance = share**2 + (1 - share) ** 2
    return (same / pairs - by_chance) / max(1 - by_chance, 1e-12) if pairs else 1.0
