"""Pool an image into superpixels and merged channels: a small, well-filled matrix that still shows the components.

Summing neighbours of the same composition loses nothing, and lifts weak signals above the noise of empty entries. A
channel is merged with those above it until the group has one percent of all counts. So peaks keep their channels, and a
continuum of a few photons becomes a few groups.
"""

import itertools
import math
from typing import NamedTuple

import numpy as np

from bayesunmix.data.blocks import block_shape, summing_matrix
from bayesunmix.data.image import SpectrumImage

_GROUPS = 100


class Pooled(NamedTuple):
    """Hold sums over blocks of pixels and over groups of channels.

    Attributes
    ----------
    counts : (S, G) float64 array
        Superpixels in the order of `grid`, with the empty ones; groups that have counts.
    grid : tuple of int
        Superpixels along each navigation axis.
    block : int
        Pixels per side of a superpixel.
    """

    counts: np.ndarray
    grid: tuple[int, ...]
    block: int

    def coarser(self) -> "Pooled":
        """Sum superpixels two by two along every axis."""
        cube = self.counts.reshape(*self.grid, -1)
        for axis, side in enumerate(self.grid):
            cube = np.add.reduceat(cube, np.arange(0, side, 2), axis=axis)
        return Pooled(cube.reshape(-1, cube.shape[-1]), cube.shape[:-1], 2 * self.block)


def sizes(image: SpectrumImage, least: int, most: int) -> list[Pooled]:
    """Pool with blocks of 1, 2, 4, ... pixels a side that leave about `least` to `most` occupied superpixels.

    There is at least one matrix, and the finest comes first.
    """
    occupied, n_axes = np.count_nonzero(np.diff(image.counts.indptr)), len(image.navigation_shape)
    first = max(math.ceil(math.log2(max(occupied / most, 1)) / n_axes), 0)
    last = max(math.floor(math.log2(max(occupied / least, 1)) / n_axes), first)
    finest = _pooled(image, 2**first)
    return list(itertools.accumulate(range(last - first), lambda fine, _: fine.coarser(), initial=finest))


def groups_by_counts(spectrum: np.ndarray, n_groups: int = _GROUPS) -> np.ndarray:
    """Return the group of each channel, (C,) int: neighbours are merged until they have one percent of the counts.

    With another `n_groups` they are merged until they have that part of the counts, and there are at most so many.
    """
    least, gathered = spectrum.sum() / n_groups, 0.0
    groups = np.zeros(spectrum.size, int)
    for channel, counts in enumerate(spectrum[:-1]):
        gathered += counts
        groups[channel + 1] = groups[channel] + (gathered >= least)
        gathered = 0.0 if gathered >= least else gathered
    if groups[-1] and gathered + spectrum[-1] < least:
        groups[groups == groups[-1]] -= 1
    return groups


def _pooled(image: SpectrumImage, block: int) -> Pooled:
    steps = tuple(min(block, side) for side in image.navigation_shape)
    by_block = summing_matrix(image.block_of_pixel(steps))
    by_group = summing_matrix(groups_by_counts(image.sum_spectrum()))
    counts = (by_block @ image.counts.astype(np.float64) @ by_group.T).toarray()
    return Pooled(counts, block_shape(image.navigation_shape, steps), block)
