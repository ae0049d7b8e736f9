"""List the photons of some pixels one by one, ready to be permuted."""

from typing import NamedTuple

import numpy as np
from scipy import sparse

from bayesunmix.data.image import SpectrumImage


class PhotonList(NamedTuple):
    """Hold the channel group of every photon, pixel by pixel.

    Attributes
    ----------
    pixels : (n,) int array
        Flat indices of the pixels, in order.
    starts : (n + 1,) int array
        Where the photons of each pixel begin.
    groups : (N,) int32 array
    kept : float
        Fraction of the photons that were listed; less than 1 where there were too many.
    """

    pixels: np.ndarray
    starts: np.ndarray
    groups: np.ndarray
    kept: float

    @property
    def totals(self) -> np.ndarray:
        """Return the photons of each pixel, (n,)."""
        return np.diff(self.starts)

    @property
    def pixel_of_photon(self) -> np.ndarray:
        """Return the position in `pixels` of each photon's pixel, (N,)."""
        return np.repeat(np.arange(self.pixels.size, dtype=np.int32), self.totals)

    def scores(self, groups: np.ndarray, values: np.ndarray) -> np.ndarray:
        """Sum values (G, M) over the photons of each pixel, whose groups may be permuted; (n, M)."""
        shape = (self.pixels.size, len(values))
        counts = sparse.csr_array((np.ones(groups.size), groups, self.starts), shape=shape)
        return np.asarray(counts @ values)


def list_photons(
    image: SpectrumImage,
    mask: np.ndarray,
    group_of_channel: np.ndarray,
    most: float,
    rng: np.random.Generator,
) -> PhotonList:
    """List the photons of the pixels where the mask is True, or about `most` of them."""
    pixels = np.flatnonzero(mask.ravel())
    counts = image.counts[pixels]
    data = counts.data.astype(np.int64)
    total = int(data.sum())
    kept = min(1.0, most / max(total, 1))
    if kept < 1:
        data = rng.binomial(data, kept)
    groups = np.repeat(group_of_channel[counts.indices].astype(np.int32), data)
    ends = np.concatenate([[0], np.cumsum(data)])[counts.indptr]
    return PhotonList(pixels, ends, groups, kept)
