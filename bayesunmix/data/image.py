"""Hold a spectrum image: sparse photon counts, an axis of channels and navigation axes.

Counts are validated once, when an image is made, and everything downstream relies on that. A pixel is a row of
`counts`; navigation axes are flattened in C order. Nothing is dense. Counts of masked pixels are discarded at once.
"""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields
from typing import Any

import numpy as np
from scipy import sparse

from bayesunmix.data.blocks import block_numbers, block_shape, block_steps, require_width, summed_counts
from bayesunmix.data.counts import (
    compact_in_place,
    flattened,
    photon_counts,
    require_storable,
    split,
    turned_round,
)
from bayesunmix.data.grid import Axis, Grid, default_axes, summed_axes, validated_axes
from bayesunmix.data.mask import mask_of_image
from bayesunmix.data.spectral_axis import Signal, SpectralAxis, oriented


@dataclass(frozen=True, eq=False, init=False)
class SpectrumImage:
    """Hold photon counts on a grid of pixels.

    Parameters
    ----------
    counts : (..., C) array, or (P, C) scipy.sparse matrix or array
        Photons per pixel and channel: whole numbers, not negative. Whole-number floats are accepted. Stored as a
        (P, C) `scipy.sparse.csr_array` of the smallest unsigned integer that fits.
    energy_kev : (C,) array, optional
        Centre of each channel in keV, strictly increasing, of X-rays. Other counts have a `spectral_axis`.
    shape : tuple of int, optional
        Navigation axes, then channels. Taken from a dense array; (P, C) for sparse counts where not given.
    axes : tuple of Axis, optional
        Name, step, unit and offset of each navigation axis.
    mask : bool array of the navigation shape, optional
        True for pixels to use (the opposite of HyperSpy's `navigation_mask`: pass ``mask=~navigation_mask``). Counts
        elsewhere are discarded. Stored as None where all pixels are used.
    spectral_axis : Axis, optional
        Name, step, unit and offset of the channels of counts that are no X-rays: electron energy loss,
        cathodoluminescence, FTIR, Raman, ... A negative step turns the channels round. Stored as a `SpectralAxis`, and
        for X-rays too.
    signal : {"eds", "xrf", "any"}, optional
        X-rays excited by electrons ("eds", the default with `energy_kev`) or by X-rays ("xrf", micro-XRF), or counts
        of any other kind ("any", the default with `spectral_axis`). Of "any" no peak is named, and nothing is asked
        that needs X-ray lines.

    Raises
    ------
    TypeError
        If the counts or the energies are not numbers, or there is no axis of channels.
    ValueError
        If counts are negative, fractional, not finite, empty or all zero, if shapes do not agree, or if the axis of
        channels is given twice or contradicts the signal.

    Examples
    --------
    >>> import numpy as np
    >>> import bayesunmix as bu
    >>> counts = np.random.default_rng(0).poisson(0.1, size=(24, 32, 100))
    >>> image = bu.SpectrumImage(counts, energy_kev=np.linspace(1, 10, 100))
    >>> image.navigation_shape, image.n_channels
    ((24, 32), 100)
    >>> image.rebin(spatial=2).navigation_shape
    (12, 16)
    >>> image.crop(low=2).n_channels
    89
    >>> image.within(np.indices((24, 32))[1] < 16).takes_part.sum()
    np.int64(384)
    >>> wavelength = bu.Axis("Wavelength", scale=0.5, units="nm", offset=350)
    >>> bu.SpectrumImage(counts, spectral_axis=wavelength).spectral_axis.label
    'Wavelength (nm)'
    """

    counts: sparse.csr_array
    spectral_axis: SpectralAxis
    shape: tuple[int, ...]
    axes: tuple[Axis, ...]
    mask: np.ndarray | None

    def __init__(
        self,
        counts: Any,
        energy_kev: Any = None,
        shape: tuple[int, ...] = (),
        axes: Sequence[Axis] = (),
        mask: Any = None,
        *,
        spectral_axis: Axis | SpectralAxis | None = None,
        signal: Signal | None = None,
    ) -> None:
        counts, shape = flattened(counts, shape)
        mask = mask_of_image(mask, shape[:-1])
        photons = photon_counts(counts, None if mask is None else mask.ravel())
        channels = oriented(energy_kev, spectral_axis, signal, photons.shape[1])
        photons = turned_round(photons) if channels.turned else photons
        _set_fields(self, photons, channels.axis, shape, validated_axes(axes, len(shape) - 1), mask)

    def __repr__(self) -> str:
        from bayesunmix.data.display.of_image import image_text

        return image_text(self.grid, self.n_photons)

    def _repr_html_(self) -> str:
        from bayesunmix.data.display.of_image import image_html

        return image_html(self.grid, self.total_map().ravel(), self.sum_spectrum())

    @property
    def energy_kev(self) -> np.ndarray:
        """Return the centre of each channel in keV, (C,).

        Where the counts are no X-rays it raises `ValueError`; `spectral_axis.values` are those of any image.
        """
        return self.spectral_axis.energy_kev

    @property
    def n_pixels(self) -> int:
        """Return the number of pixels, P, masked ones included."""
        return int(self.counts.shape[0])

    @property
    def n_channels(self) -> int:
        """Return the number of channels, C."""
        return int(self.counts.shape[1])

    @property
    def navigation_shape(self) -> tuple[int, ...]:
        """Return the shape of a map."""
        return self.shape[:-1]

    @property
    def takes_part(self) -> np.ndarray:
        """Return True for each pixel that is not masked, (P,) bool."""
        return np.ones(self.n_pixels, bool) if self.mask is None else self.mask.ravel()

    @property
    def grid(self) -> Grid:
        """Return the axis of the channels, shape, axes and mask."""
        return Grid(self.spectral_axis, self.shape, self.axes, self.mask)

    @property
    def n_photons(self) -> int:
        """Return the total counts."""
        return int(self.counts.data.sum(dtype=np.int64))

    def dense(self) -> np.ndarray:
        """Return the counts as a dense array of `shape`. Use it for small images only."""
        return self.counts.toarray().reshape(self.shape)

    def pixels(self, block: int = 4096) -> Iterator[tuple[slice, np.ndarray]]:
        """Yield (rows, dense float32 counts of these rows), `block` pixels at a time."""
        for start in range(0, self.n_pixels, block):
            rows = slice(start, min(start + block, self.n_pixels))
            yield rows, self.counts[rows].toarray().astype(np.float32)

    def sum_spectrum(self) -> np.ndarray:
        """Return the sum over all pixels, (C,) int64."""
        return np.asarray(self.counts.sum(axis=0, dtype=np.int64)).ravel()

    def total_map(self) -> np.ndarray:
        """Return the counts of each pixel, an int64 map of `navigation_shape`."""
        return np.asarray(self.counts.sum(axis=1, dtype=np.int64)).reshape(self.navigation_shape)

    def within(self, mask: Any) -> "SpectrumImage":
        """Mask the pixels where `mask` is False, besides those that are masked already.

        Parameters
        ----------
        mask : bool array of `navigation_shape`
            True for pixels to use.

        Raises
        ------
        ValueError
            If the mask has another shape or type, or no count is left.
        """
        mask = mask_of_image(mask, self.navigation_shape)
        if mask is None:
            return self
        if self.mask is not None:
            mask = mask_of_image(mask & self.mask, self.navigation_shape)
        return trusted_image(self.counts.copy(), self.spectral_axis, self.shape, self.axes, mask)

    def crop(self, low: float = -math.inf, high: float = math.inf) -> "SpectrumImage":
        """Keep the channels with ``low <= energy < high``.

        Parameters
        ----------
        low, high : float
            In keV for X-rays, and in the unit of `spectral_axis` for anything else.

        Raises
        ------
        ValueError
            If no channel, or no count, lies in that range.
        """
        axis = self.spectral_axis
        kept = axis.between(low, high)
        counts = self.counts[:, kept]
        shape = (*self.navigation_shape, counts.shape[1])
        return trusted_image(counts, axis.taking(axis.values[kept]), shape, self.axes, self.mask)

    def rebin(self, spatial: int | tuple[int, ...] = 1, energy: int = 1) -> "SpectrumImage":
        """Sum blocks of pixels and of channels. Blocks at the far edge may be smaller, so no count is lost.

        A block is masked where all of its pixels are.

        Parameters
        ----------
        spatial : int or tuple of int
            Pixels per block along every navigation axis, or along each.
        energy : int
            Channels per block.

        Raises
        ------
        ValueError
            If a block is not a positive whole number of pixels or channels, or a sum is too large for a file.
        """
        summed = sum_blocks(self, spatial, energy)
        require_storable(summed.counts)
        return summed

    def block_of_pixel(self, spatial: int | tuple[int, ...]) -> np.ndarray:
        """Return the number of the block of `rebin` that each pixel falls in, (P,) int."""
        return block_numbers(self.navigation_shape, block_steps(spatial, len(self.navigation_shape)))

    def thin(self, keep: float, rng: np.random.Generator) -> tuple["SpectrumImage", "SpectrumImage"]:
        """Split the photons at random into two images: each photon is kept with probability `keep`.

        Poisson counts split into two independent Poisson images. Held-out scores rely on this.

        Parameters
        ----------
        keep : float
            Between 0 and 1.
        rng : numpy Generator

        Returns
        -------
        kept, rest : SpectrumImage
            Two images whose counts add up to this one.

        Raises
        ------
        ValueError
            If `keep` is not between 0 and 1, or one of the two images gets no photon.
        """
        kept, rest = split(self.counts, keep, rng)
        others = (self.spectral_axis, self.shape, self.axes, self.mask)
        return trusted_image(kept, *others), trusted_image(rest, *others)


def sum_blocks(image: SpectrumImage, spatial: int | tuple[int, ...] = 1, energy: int = 1) -> SpectrumImage:
    """Do what `rebin` does for a fit, which needs no file: a sum may be of any size."""
    steps = block_steps(spatial, len(image.navigation_shape))
    if require_width(energy) == 1 and set(steps) == {1}:
        return image
    block = block_numbers(image.navigation_shape, steps)
    counts, centres = summed_counts(image.counts, image.spectral_axis.values, block, energy)
    axes = summed_axes(image.axes, steps)
    shape = block_shape(image.navigation_shape, steps)
    mask = None if image.mask is None else (np.bincount(block, image.takes_part) > 0).reshape(shape)
    return trusted_image(counts, image.spectral_axis.taking(centres), (*shape, counts.shape[1]), axes, mask)


def trusted_image(
    counts: sparse.csr_array,
    spectral_axis: SpectralAxis,
    shape: tuple[int, ...] = (),
    axes: tuple[Axis, ...] = (),
    mask: np.ndarray | None = None,
) -> SpectrumImage:
    """Make an image of counts that come from a valid image, without validating them again.

    The counts are whole and not negative, with sorted indices. They are taken over and changed, so pass a copy; those
    outside the mask are discarded. The other arguments are those of `SpectrumImage`.

    Raises
    ------
    ValueError
        If no count is left.
    """
    if mask is not None:
        counts.data[np.repeat(~mask.ravel(), np.diff(counts.indptr))] = 0
    shape = shape or tuple(counts.shape)
    image = object.__new__(SpectrumImage)
    mask = None if mask is None or mask.all() else mask
    _set_fields(
        image, compact_in_place(counts), spectral_axis, shape, axes or default_axes(len(shape) - 1), mask
    )
    return image


def _set_fields(image: SpectrumImage, *values: Any) -> None:
    for field, value in zip(fields(image), values, strict=True):
        object.__setattr__(image, field.name, value)
