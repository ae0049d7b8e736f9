"""Take a slab out of the middle of an image with many photons, where a part tells as much."""

import math

import numpy as np

from bayesunmix.data.image import Grid, SpectrumImage, trusted_image

MOST_PHOTONS = 500_000


def slab(image: SpectrumImage) -> tuple[slice, Grid]:
    """Return the pixels of a slab around the middle photon with at most `MOST_PHOTONS` photons, and their grid."""
    n, *others = image.navigation_shape
    below = np.concatenate([[0], np.cumsum(image.total_map().reshape(n, -1).sum(axis=1))])
    first, last = np.searchsorted(below, (below[-1] - MOST_PHOTONS) / 2 + np.array([0, MOST_PHOTONS]))
    first = min(int(first), n - 1)
    last = max(int(last) - 1, first + 1)
    step = math.prod(others)
    mask = None if image.mask is None else image.mask[first:last]
    grid = image.grid._replace(shape=(last - first, *image.shape[1:]), mask=mask)
    return slice(first * step, last * step), grid


def image_of_slab(image: SpectrumImage) -> tuple[SpectrumImage, slice]:
    """Return the slab as an image, and its pixels in the whole."""
    rows, grid = slab(image)
    return trusted_image(image.counts[rows], *grid), rows
