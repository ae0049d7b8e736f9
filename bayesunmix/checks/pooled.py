"""Fit the model to sums over regions, which have enough counts to contradict it.

If every pixel of a region is a mixture of the endmembers, so is the region's sum: pooling pixels is no restriction. The
abundances are fitted again to that sum, because sums of pixel estimates are biased. So the test is whether *any*
mixture of these endmembers explains the counts.

Endmembers that were themselves fitted to the counts, channel by channel, reproduce the sum spectrum whatever is wrong
with it (`checks.fitted` recognises them). They are then fitted again too (EM on the pooled counts), and only what K
free spectra cannot explain is a misfit.
"""

import math
from typing import NamedTuple

import numpy as np
from scipy import sparse

from bayesunmix.checks.fitted import fitted_to
from bayesunmix.data.blocks import block_shape, summing_matrix
from bayesunmix.data.image import SpectrumImage, trusted_image
from bayesunmix.data.result import Unmixing
from bayesunmix.data.spectral_axis import SpectralAxis
from bayesunmix.dimension.pooling import groups_by_counts
from bayesunmix.engine.fits.poisson_fit import fit_abundances
from bayesunmix.engine.fits.superpixels import block_size

LEAST_REGION_COUNTS = 50  # regions with fewer are not checked
IMPOSSIBLE = 1e-6  # fraction of a channel's mean count: a photon where the model has none is only unlikely
_MOST_STEPS, _LOOK, _SETTLED = 2000, 50, 0.05


class Regions(NamedTuple):
    """Hold which pixels are summed, and the name of each sum.

    Attributes
    ----------
    of_pixel : (P,) int array
        Number of the region, -1 for pixels in none.
    names : tuple of str
    """

    of_pixel: np.ndarray
    names: tuple[str, ...]


class RegionSums(NamedTuple):
    """Hold the counts of R regions, and the spectra that should explain them.

    Attributes
    ----------
    counts : (R, C) float64 array
        Counts in the channels that the model describes, from the first to the last.
    abundances : (R, K) array
        Sums of the estimate; `fit` improves them.
    endmembers : (K, C) array
    axis : SpectralAxis
        Of these channels.
    groups : (C,) int array
        Group of each channel. Neighbouring channels of a group have one percent of the expected counts.
    regions : Regions
    is_free : bool
        True if the endmembers were fitted to these counts, channel by channel.
    """

    counts: np.ndarray
    abundances: np.ndarray
    endmembers: np.ndarray
    axis: SpectralAxis
    groups: np.ndarray
    regions: Regions
    is_free: bool

    def grouped(self, values: np.ndarray) -> np.ndarray:
        """Sum (..., C) values over groups of channels, (..., G)."""
        return np.add.reduceat(values, self._first(), axis=-1)

    def group_limits(self) -> tuple[np.ndarray, np.ndarray]:
        """Return the centres of the first and of the last channel of each group, (G,) each."""
        first = self._first()
        return self.axis.values[first], self.axis.values[np.append(first[1:], self.groups.size) - 1]

    def _first(self) -> np.ndarray:
        return np.flatnonzero(np.diff(self.groups, prepend=-1))


def pool(image: SpectrumImage, result: Unmixing, labels: np.ndarray | None) -> RegionSums:
    """Sum the counts of superpixels, or of pixels with the same label; labels below 0 are left out."""
    estimate, drawn = result.estimate, result.posterior
    endmembers = estimate.endmembers if drawn is None else drawn.endmembers.mean((0, 1), dtype=np.float64)
    heard = np.flatnonzero((endmembers > 1e-9 * endmembers.max(axis=1, keepdims=True)).any(axis=0))
    used = slice(int(heard[0]), int(heard[-1]) + 1)
    endmembers = endmembers[:, used]
    draws = None if drawn is None else drawn.endmembers[..., used]
    regions = _superpixels(image, len(endmembers)) if labels is None else _labelled(labels)
    of_pixel = regions.of_pixel
    inside = of_pixel >= 0
    sums = summing_matrix(of_pixel[inside])
    counts = (sums @ image.counts[inside].astype(np.float64)).toarray()[:, used]
    filled = counts.sum(axis=1) >= LEAST_REGION_COUNTS
    renumbered = np.append(np.where(filled, np.cumsum(filled) - 1, -1), -1)
    kept = Regions(
        np.where(image.takes_part, renumbered[of_pixel], -1), tuple(np.array(regions.names)[filled])
    )
    if not kept.names:
        raise ValueError(
            f"a region must hold at least {LEAST_REGION_COUNTS} counts to be checked, and none does; "
            "give larger regions in labels, or an image with more counts"
        )
    expected = estimate.abundances.sum(axis=0) @ endmembers
    return RegionSums(
        counts[filled],
        (sums @ estimate.abundances[inside])[filled],
        endmembers,
        image.spectral_axis.taking(image.spectral_axis.values[used]),
        groups_by_counts(expected),
        kept,
        not any(result.known)
        and fitted_to(image.sum_spectrum()[used], expected, estimate.abundances.sum(axis=0), draws),
    )


def fit(pooled: RegionSums, counts: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Fit counts by region, and return their abundances (R, K) and the endmembers they belong to.

    Counts are (R, C) where endmembers are known, (R, G) where they are fitted too.
    """
    if pooled.is_free:
        return _factorise(counts, pooled.abundances, pooled.grouped(pooled.endmembers))
    summed = trusted_image(sparse.csr_array(counts.astype(np.uint64)), pooled.axis)
    return fit_abundances(summed, pooled.endmembers), pooled.endmembers


def expected_counts(abundances: np.ndarray, endmembers: np.ndarray) -> np.ndarray:
    """Return the product A E, nowhere quite zero."""
    rate = abundances @ endmembers
    return np.maximum(rate, IMPOSSIBLE * np.maximum(rate.mean(axis=1, keepdims=True), IMPOSSIBLE))


def _factorise(
    counts: np.ndarray, abundances: np.ndarray, endmembers: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Do EM steps from the estimate until the log-likelihood hardly rises."""
    share = counts.sum(axis=1, keepdims=True) / len(endmembers)
    abundances = 0.99 * abundances * (counts.sum() / max(abundances.sum(), 1e-300)) + 0.01 * share
    endmembers = 0.99 * endmembers + 0.01 * counts.sum(axis=0) / counts.sum()
    reached = -math.inf
    for step in range(_MOST_STEPS):
        ratio = counts / expected_counts(abundances, endmembers)
        abundances = abundances * (ratio @ endmembers.T)
        ratio = counts / expected_counts(abundances, endmembers)
        endmembers = endmembers * (abundances.T @ ratio)
        endmembers /= np.maximum(endmembers.sum(axis=1, keepdims=True), 1e-300)
        if step % _LOOK == _LOOK - 1:
            score = float((counts * np.log(expected_counts(abundances, endmembers))).sum())
            if score - reached < _SETTLED:
                break
            reached = score
    return abundances, endmembers


def _superpixels(image: SpectrumImage, n_components: int) -> Regions:
    steps = block_size(image, n_components)
    of_pixel = image.block_of_pixel(steps)
    names = []
    for place in np.ndindex(*block_shape(image.navigation_shape, steps)):
        along = zip(place, steps, image.navigation_shape, image.axes, strict=True)
        sides = [
            f"{axis.name} {i * step}-{min((i + 1) * step, side) - 1}" if step > 1 else f"{axis.name} {i}"
            for i, step, side, axis in along
        ]
        names.append(f"superpixel ({', '.join(sides)})")
    return Regions(of_pixel, tuple(names))


def _labelled(labels: np.ndarray) -> Regions:
    present, of_pixel = np.unique(labels, return_inverse=True)
    outside = int(np.count_nonzero(present < 0))
    return Regions(
        np.maximum(of_pixel.ravel() - outside, -1), tuple(f"region {n}" for n in present[outside:])
    )
