"""Cluster permuted photons as the program that made the labels may have clustered the counts."""

import numpy as np
from scipy import ndimage, sparse

from bayesunmix.data.blocks import summing_matrix
from bayesunmix.data.image import SpectrumImage, trusted_image
from bayesunmix.dimension.pooling import groups_by_counts
from bayesunmix.methods._phase_clusters import phase_clusters
from bayesunmix.validation.joined_channels import join_channels
from bayesunmix.validation.phases.photon_list import PhotonList, list_photons

WINDOW_COUNTS = (1600.0, 800.0, 400.0, 200.0, 100.0, 50.0)
SMALLEST_REGION = 5
ALONE = 0.1  # excess of like neighbours over chance, below which each pixel was labelled by itself
ROUNDS, STARTS = 20, 5
COARSE_GROUPS = 40  # in which the difference is measured


class Clusterer:
    """Find two phases in a region."""

    def __init__(self, image: SpectrumImage, region: np.ndarray, seed: int) -> None:
        """Prepare the region, (H, W) bool. Channels are joined: a spectrum of many is no better told from another."""
        self._image = join_channels(image.within(region))
        self._region = region
        self._seed = seed
        self._window_counts = WINDOW_COUNTS[2]
        self._alone = False

    def match(self, labels: np.ndarray, phases: tuple[int, int], rng: np.random.Generator) -> None:
        """Choose windows by which permuted photons make patches that are hardly larger than those of the map.

        Smaller windows follow the noise more closely, and make clusters that differ more.
        """
        self._alone = _together(labels == phases[0], labels == phases[1]) < ALONE
        if self._alone:
            return
        wanted = _patch(labels == phases[0], labels == phases[1])
        photons = self.photons(rng)
        permuted = rng.permutation(photons.groups)
        for self._window_counts in WINDOW_COUNTS:
            found = self.labels(photons, permuted).reshape(labels.shape)
            if _patch(found == 0, found == 1) <= wanted:
                break

    def photons(self, rng: np.random.Generator) -> PhotonList:
        """Return the photons of the region, by group of channels."""
        return list_photons(self._image, self._region, np.arange(self._image.n_channels), np.inf, rng)

    def labels(self, photons: PhotonList, channels: np.ndarray) -> np.ndarray:
        """Return the labels (P,) that photons of these channels get: 0, 1, or -1."""
        image, shape = self._image, (self._image.n_pixels, self._image.n_channels)
        starts = np.zeros(shape[0] + 1, np.int64)
        starts[photons.pixels + 1] = photons.totals
        counts = sparse.csr_array(
            (np.ones(channels.size, np.int64), channels, np.cumsum(starts)), shape=shape
        )
        counts.sum_duplicates()
        if self._alone:
            return _each_alone(counts, photons.pixels)
        permuted = trusted_image(counts, image.spectral_axis, image.shape, image.axes, image.mask)
        return phase_clusters(permuted, 2, self._window_counts, SMALLEST_REGION, self._seed).labels


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


def _each_alone(counts: sparse.csr_array, pixels: np.ndarray) -> np.ndarray:
    """Label each pixel by itself, (P,), so that the spectra of both sides differ as much as any program can make them.

    Sides are improved from each of the widest directions, and the best are taken.
    """
    group = groups_by_counts(np.asarray(counts.sum(axis=0)).ravel(), COARSE_GROUPS)
    own = (counts[pixels] @ summing_matrix(group).T.astype(np.int64)).toarray().astype(float)
    total: np.ndarray = own.sum(axis=1)
    spectrum = own.sum(axis=0) / own.sum()
    apart = (own - np.outer(total, spectrum)) / np.sqrt(np.maximum(spectrum, 1e-12))
    best, most = total > 0, -1.0
    for start in np.linalg.eigh(apart.T @ apart)[1].T[: -1 - STARTS : -1]:
        first = apart @ start > 0
        for _ in range(ROUNDS):
            n_first = total[first].sum()
            sums = apart[first].sum(axis=0)
            # The middle between both sides, along the line that joins them.
            middle = sums / max(n_first, 1.0) - sums / max(total.sum() - n_first, 1.0)
            again = apart @ sums > total * float(middle @ sums) / 2
            if (again == first).all():
                break
            first = again
        n_first = total[first].sum()
        between = float((apart[first].sum(axis=0) ** 2).sum()) * total.sum()
        seen = between / max(n_first * (total.sum() - n_first), 1.0)
        if seen > most:
            best, most = first, seen
    labels = np.full(counts.shape[0], -1)
    labels[pixels] = np.where(best, 0, 1)
    return labels


def _patch(*masks: np.ndarray) -> float:
    """Return the mean size of connected patches, in pixels."""
    pixels = sum(np.count_nonzero(mask) for mask in masks)
    return pixels / max(sum(ndimage.label(mask)[1] for mask in masks), 1)
