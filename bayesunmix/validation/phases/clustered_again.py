"""Cluster permuted photons as the program that made the labels may have clustered the counts."""

import numpy as np
from scipy import ndimage, sparse

from bayesunmix.data.image import SpectrumImage, trusted_image
from bayesunmix.methods._phase_clusters import phase_clusters
from bayesunmix.validation.joined_channels import join_channels
from bayesunmix.validation.phases.photon_list import PhotonList, list_photons

WINDOW_COUNTS = (1600.0, 800.0, 400.0, 200.0, 100.0, 50.0)
SMALLEST_REGION = 5


class Clusterer:
    """Find two phases in a region."""

    def __init__(self, image: SpectrumImage, region: np.ndarray, seed: int) -> None:
        """Prepare the region, (H, W) bool. Channels are joined: a spectrum of many is no better told from another."""
        self._image = join_channels(image.within(region))
        self._region = region
        self._seed = seed
        self._window_counts = WINDOW_COUNTS[2]

    def match(self, labels: np.ndarray, phases: tuple[int, int], rng: np.random.Generator) -> None:
        """Choose windows by which permuted photons make patches that are hardly larger than those of the map.

        Smaller windows follow the noise more closely, and make clusters that differ more.
        """
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
        permuted = trusted_image(counts, image.spectral_axis, image.shape, image.axes, image.mask)
        return phase_clusters(permuted, 2, self._window_counts, SMALLEST_REGION, self._seed).labels


def _patch(*masks: np.ndarray) -> float:
    """Return the mean size of connected patches, in pixels."""
    pixels = sum(np.count_nonzero(mask) for mask in masks)
    return pixels / max(sum(ndimage.label(mask)[1] for mask in masks), 1)
