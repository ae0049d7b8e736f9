"""Sum an image over blocks of pixels and groups of channels, and spread what a coarse fit found over all of them.

A superpixel has enough counts to tell materials apart. A fit of superpixels is a small problem, so several starts cost
little.
"""

import math
from typing import NamedTuple

import numpy as np

from bayesunmix.data.image import SpectrumImage, sum_blocks
from bayesunmix.engine.device.events import Occupied, occupied
from bayesunmix.engine.fits.extrapolation import LEAST_ENTRY

COUNTS_PER_START = 1000  # per superpixel, so that its spectrum shows what it is made of
MOST_START_SUPERPIXELS = 1024
MOST_GROUPS = 256  # of channels: a peak is wider than one of them


class Coarse(NamedTuple):
    """Hold a coarse image, and where the pixels and channels of the fine one went.

    Attributes
    ----------
    image : SpectrumImage
        The coarse image.
    superpixels : Occupied
        Its pixels that have counts.
    block : (P,) int array
        Superpixel of each pixel.
    group : (C,) int array
        Group of each channel.
    """

    image: SpectrumImage
    superpixels: Occupied
    block: np.ndarray
    group: np.ndarray


def coarsen(
    image: SpectrumImage,
    n_components: int,
    *,
    enough: float = COUNTS_PER_START,
    most: int = MOST_START_SUPERPIXELS,
) -> Coarse:
    """Sum an image over superpixels of `enough` counts, and over channels no finer than peaks need.

    Parameters
    ----------
    image : SpectrumImage
    n_components : int
    enough : float
        Mean counts of a superpixel.
    most : int
        Superpixels are made larger until there are at most this many.
    """
    size = block_size(image, n_components, enough, most)
    width, group = groups_by_width(image, n_components)
    coarse = sum_blocks(image, size, width)
    return Coarse(coarse, occupied(coarse), image.block_of_pixel(size), group)


def block_size(
    image: SpectrumImage,
    n_components: int,
    enough: float = COUNTS_PER_START,
    most: int = MOST_START_SUPERPIXELS,
) -> tuple[int, ...]:
    """Return the pixels per superpixel along each navigation axis: a power of two that gathers `enough` counts."""
    n_occupied = np.count_nonzero(np.diff(image.counts.indptr))
    mean = image.n_photons / n_occupied
    sides = np.array(image.navigation_shape)
    size = n_gathered = 1
    while (mean * n_gathered < enough or n_occupied / n_gathered > most) and (
        _n_superpixels(image, 2 * size) >= 8 * n_components
    ):
        size *= 2
        n_gathered = np.minimum(size, sides).prod()  # a line scan has one row
    return tuple(int(min(size, side)) for side in sides)


def _n_superpixels(image: SpectrumImage, size: int) -> int:
    """Count the superpixels that are not masked."""
    if image.mask is None:
        return math.prod(-(-side // size) for side in image.navigation_shape)
    steps = tuple(min(size, side) for side in image.navigation_shape)
    return np.unique(image.block_of_pixel(steps)[image.takes_part]).size


def groups_by_width(image: SpectrumImage, n_components: int) -> tuple[int, np.ndarray]:
    """Return the channels per group, no finer than peaks need and at least K groups, and the group of each, (C,)."""
    width = -(-image.n_channels // max(MOST_GROUPS, n_components))
    return width, np.arange(image.n_channels) // width


def resolve(grouped: np.ndarray, sum_spectrum: np.ndarray, group: np.ndarray) -> np.ndarray:
    """Share each group's part of a spectrum (K, groups) among its channels as the sum spectrum does: (K, C)."""
    within = sum_spectrum / np.maximum(np.bincount(group, sum_spectrum), 1)[group]
    spectra = np.maximum(grouped[:, group] * within, LEAST_ENTRY)
    return (spectra / spectra.sum(axis=1, keepdims=True)).astype(np.float32)


def spread(shares: np.ndarray, block: np.ndarray, pixels: Occupied, even: float = 0.05) -> np.ndarray:
    """Give every pixel the composition of its superpixel, (superpixels, K), and the pixel's own total.

    A fraction `even` of each composition is shared equally among the components.
    """
    shares = shares / np.maximum(shares.sum(axis=1, keepdims=True), LEAST_ENTRY)
    of_pixel = (1 - even) * shares[block[pixels.pixels]] + even / shares.shape[1]
    maps = np.full((shares.shape[1], pixels.padded), LEAST_ENTRY, np.float32)
    maps[:, : pixels.pixels.size] = of_pixel.T * pixels.counts.sum(axis=1)
    return maps
