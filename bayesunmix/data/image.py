"""Hold a spectrum image: sparse photon counts, an energy axis and navigation axes.

Counts are validated once, when an image is made, and everything downstream relies on that. A pixel is a row of
`counts`; navigation axes are flattened in C order. Nothing is dense. Counts of masked pixels are discarded at once.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass, fields
from typing import Any

import numpy as np
from scipy import sparse

from bayesunmix.data import grid as grids
from bayesunmix.data.blocks import block_numbers, block_shape, block_steps, require_width, summed_counts
from bayesunmix.data.counts import compact_in_place, flattened, photon_counts, require_storable
from bayesunmix.data.display.text import brief
from bayesunmix.data.grid import Axis, Grid, default_axes
from bayesunmix.data.mask import mask_of_image


@dataclass(frozen=True, eq=False)
class SpectrumImage:
    """Hold photon counts on a grid of pixels.

    Parameters
    ----------
    counts : (..., C) array, or (P, C) scipy.sparse matrix or array
        Photons per pixel and channel: whole numbers, not negative. Whole-number floats are accepted. Stored as a
        (P, C) `scipy.sparse.csr_array` of the smallest unsigned integer that fits.
    energy_kev : (C,) array
        Centre of each channel in keV, strictly increasing.
    shape : tuple of int, optional
        Navigation axes, then channels. Taken from a dense array; (P, C) for sparse counts where not given.
    axes : tuple of Axis, optional
        Name, step, unit and offset of each navigation axis.
    mask : bool array of the navigation shape, optional
        True for pixels to use (the opposite of HyperSpy's `navigation_mask`: pass ``mask=~navigation_mask``). Counts
        elsewhere are discarded. Stored as None where all pixels are used.

    Raises
    ------
    TypeError
        If the counts or the energies are not numbers.
    ValueError
        If counts are negative, fractional, not finite, empty or all zero, or if shapes do not agree.

    Examples
    --------
    >>> import numpy as np
    >>> import bayesunmix as bu
    >>> counts = np.random.default_rng(0).poisson(0.1, size=(24, 32, 100))
    >>> image = bu.SpectrumImage(counts, energy_kev=np.linspace(1, 10, 100))
    >>> image.navigation_shape, image.n_channels
    ((24, 32), 100)
    >>> image.total_map().shape
    (24, 32)
    >>> image.rebin(spatial=2).navigation_shape
    (12, 16)
    >>> image.crop(kev_low=2).n_channels
    89
    >>> left = np.arange(32) < 16
    >>> image.within(np.tile(left, (24, 1))).takes_part.sum()
    np.int64(384)
    """

    counts: sparse.csr_array
    energy_kev: np.ndarray
    shape: tuple[int, ...] = ()
    axes: tuple[Axis, ...] = ()
    mask: np.ndarray | None = None

    def __post_init__(self) -> None:
        counts, shape = flattened(self.counts, self.shape)
        mask = mask_of_image(self.mask, shape[:-1])
        counts = photon_counts(counts, None if mask is None else mask.ravel())
        energy = grids.validated_energy(self.energy_kev, counts.shape[1])
        axes = grids.validated_axes(self.axes, len(shape) - 1)
        _set_fields(self, counts, energy, shape, axes, mask)

    def __repr__(self) -> str:
        size, facts = " x ".join(map(str, self.shape)), ", ".join(self._facts())
        axes = ", ".join(grids.say_axis(axis, n) for axis, n in zip(self.axes, self.shape, strict=False))
        per_pixel = self.n_photons / self.takes_part.sum()
        return brief(
            [f"<SpectrumImage {size}, {facts}>", f"axes: {axes}; mean {per_pixel:.3g} counts per pixel"]
        )

    def _repr_html_(self) -> str:
        from bayesunmix.data.display.components import image_map, spectrum_figure
        from bayesunmix.data.display.html import drawn_or_said, frame, side_by_side

        totals, spectrum = self.total_map().ravel(), self.sum_spectrum()
        caption = "counts in all, square-root scale"
        in_map = drawn_or_said(image_map, totals, self.grid, "counts")
        in_all = drawn_or_said(spectrum_figure, self.energy_kev, spectrum, caption)
        pictures = side_by_side([in_map, in_all])
        return frame(type(self).__name__, [" x ".join(map(str, self.shape)), *self._facts()], [pictures])

    def _facts(self) -> list[str]:
        low, high = self.energy_kev[0], self.energy_kev[-1]
        where = "" if self.mask is None else f" in {self.mask.sum()} of {self.n_pixels} pixels"
        return [f"{low:.2f} to {high:.2f} keV", f"{self.n_photons} counts{where}"]

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
        """Return the energies, shape, axes and mask."""
        return Grid(self.energy_kev, self.shape, self.axes, self.mask)

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
        """Return the counts of each pixel summed over channels, an int64 map of `navigation_shape`."""
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
        return trusted_image(self.counts.copy(), self.energy_kev, self.shape, self.axes, mask)

    def crop(self, kev_low: float = -math.inf, kev_high: float = math.inf) -> "SpectrumImage":
        """Keep the channels with ``kev_low <= energy < kev_high``.

        Raises
        ------
        ValueError
            If no channel, or no count, lies in that range.
        """
        keep = (self.energy_kev >= kev_low) & (self.energy_kev < kev_high)
        if not keep.any():
            raise ValueError(
                f"no channel lies between {kev_low:g} and {kev_high:g} keV: "
                f"the axis runs from {self.energy_kev[0]:.3f} to {self.energy_kev[-1]:.3f} keV; "
                "choose a range inside it"
            )
        low, high = np.flatnonzero(keep)[[0, -1]]
        counts = self.counts[:, low : high + 1]
        shape = (*self.navigation_shape, counts.shape[1])
        return trusted_image(counts, self.energy_kev[keep], shape, self.axes, self.mask)

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
        if not 0 < keep < 1:
            raise ValueError(f"keep must lie between 0 and 1, got {keep}")
        kept, rest = self.counts.copy(), self.counts.copy()
        kept.data = rng.binomial(self.counts.data.astype(np.int64), keep).astype(self.counts.dtype)
        rest.data = self.counts.data - kept.data
        if not (kept.data.any() and rest.data.any()):
            raise ValueError(
                f"thinning must leave photons on both sides, and {self.n_photons} in all with keep {keep} did not; "
                "use an image with more counts or a keep nearer to 0.5"
            )
        others = (self.energy_kev, self.shape, self.axes, self.mask)
        return trusted_image(kept, *others), trusted_image(rest, *others)


def sum_blocks(image: SpectrumImage, spatial: int | tuple[int, ...] = 1, energy: int = 1) -> SpectrumImage:
    """Do what `rebin` does for a fit, which needs no file: a sum may be of any size."""
    steps = block_steps(spatial, len(image.navigation_shape))
    if require_width(energy) == 1 and set(steps) == {1}:
        return image
    block = block_numbers(image.navigation_shape, steps)
    counts, centres = summed_counts(image.counts, image.energy_kev, block, energy)
    axes = grids.summed_axes(image.axes, steps)
    shape = block_shape(image.navigation_shape, steps)
    mask = None if image.mask is None else (np.bincount(block, image.takes_part) > 0).reshape(shape)
    return trusted_image(counts, centres, (*shape, counts.shape[1]), axes, mask)


def trusted_image(
    counts: sparse.csr_array,
    energy_kev: np.ndarray,
    shape: tuple[int, ...] = (),
    axes: tuple[Axis, ...] = (),
    mask: np.ndarray | None = None,
) -> SpectrumImage:
    """Make an image of counts that come from a valid image, without validating them again.

    The counts are whole and not negative, with sorted indices. They are taken over and changed, so pass a copy; those
    outside the mask are discarded. The energies are float64. The other arguments are those of `SpectrumImage`.

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
        image, compact_in_place(counts), energy_kev, shape, axes or default_axes(len(shape) - 1), mask
    )
    return image


def _set_fields(image: SpectrumImage, *values: Any) -> None:
    for field, value in zip(fields(image), values, strict=True):
        object.__setattr__(image, field.name, value)
