"""Join channels into groups of equal counts, so that what is clustered again and again takes a tenth of the time."""

import numpy as np
from scipy import sparse

from bayesunmix.data.blocks import summing_matrix
from bayesunmix.data.image import SpectrumImage, trusted_image
from bayesunmix.data.spectral_axis import SpectralAxis
from bayesunmix.dimension.pooling import groups_by_counts

MOST_GROUPS = 200  # in each of which a peak of any width is still seen


def join_channels(image: SpectrumImage) -> SpectrumImage:
    """Join neighbouring channels until each group has about as many counts as any other."""
    group = channel_groups(image.sum_spectrum())
    counts = sparse.csr_array(image.counts.astype(np.int64) @ summing_matrix(group).T.astype(np.int64))
    shape = (*image.navigation_shape, counts.shape[1])
    return trusted_image(counts, joined_axis(image, group), shape, image.axes, image.mask)


def channel_groups(spectrum: np.ndarray) -> np.ndarray:
    """Return the group of each channel of a spectrum, (C,) int."""
    return groups_by_counts(spectrum, MOST_GROUPS)


def joined_axis(image: SpectrumImage, group: np.ndarray) -> SpectralAxis:
    """Return an axis with the first channel of each group."""
    first = np.flatnonzero(np.diff(group, prepend=-1))
    return image.spectral_axis.taking(image.spectral_axis.values[first])
