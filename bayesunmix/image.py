"""The spectrum image: sparse photon counts, an energy axis and a navigation shape, validated once.

Everything downstream may trust what is checked here: counts are non-negative whole numbers, the energy axis
increases, and nothing is dense. A pixel is a row of `counts`; navigation axes are flattened in C order.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from scipy import sparse


class Axis(NamedTuple):
    """One navigation axis: its name, the step between pixels, its unit ("px" if not calibrated), its first pixel."""

    name: str
    scale: float = 1.0
    units: str = "px"
    offset: float = 0.0


class Grid(NamedTuple):
    """Where counts lie: what is left of a spectrum image without them."""

    energy_kev: np.ndarray
    shape: tuple[int, ...]
    axes: tuple[Axis, ...]


@dataclass(frozen=True, eq=False)
class SpectrumImage:
    """Photon counts on a grid of pixels.

    Parameters
    ----------
    counts : (..., C) array, or (P, C) scipy.sparse matrix or array
        Photons per pixel and channel: whole numbers, not negative. Whole-number floats are accepted.
        Held as (P, C) `scipy.sparse.csr_array` of the smallest unsigned integer that fits.
    energy_kev : (C,) array
        Centre of each channel in keV, strictly increasing.
    shape : tuple of int, optional
        Navigation axes, then channels; taken from a dense array. For sparse counts, (P, C) where not given.
    axes : tuple of Axis, optional
        Name, step, unit and offset of each navigation axis.

    Raises
    ------
    TypeError
        If the counts or the energies are not numbers.
    ValueError
        If counts are negative, fractional, not finite, empty or all zero, or if shapes do not agree.
    """

    counts: sparse.csr_array
    energy_kev: np.ndarray
    shape: tuple[int, ...] = ()
    axes: tuple[Axis, ...] = ()

    def __post_init__(self) -> None:
        counts, shape = _flatten(self.counts, self.shape)
        counts = _validated_counts(counts)
        energy = _validated_energy(self.energy_kev, counts.shape[1])
        axes = tuple(Axis(*axis) for axis in self.axes) or _default_axes(len(shape) - 1)
        if len(axes) != len(shape) - 1:
            raise ValueError(
                f"axes must name each of the {len(shape) - 1} navigation axes, got {len(axes)}; "
                "leave axes out for defaults"
            )
        for name, value in (("counts", counts), ("energy_kev", energy), ("shape", shape), ("axes", axes)):
            object.__setattr__(self, name, value)

    def __repr__(self) -> str:
        size = " x ".join(map(str, self.shape))
        low, high = self.energy_kev[0], self.energy_kev[-1]
        return f"<SpectrumImage {size}, {low:.2f} to {high:.2f} keV, {self.n_photons} counts>"

    @property
    def n_pixels(self) -> int:
        """Number of pixels, P."""
        return int(self.counts.shape[0])

    @property
    def n_channels(self) -> int:
        """Number of channels, C."""
        return int(self.counts.shape[1])

    @property
    def navigation_shape(self) -> tuple[int, ...]:
        """Shape of a map."""
        return self.shape[:-1]

    @property
    def grid(self) -> Grid:
        """Energies, shape and axes."""
        return Grid(self.energy_kev, self.shape, self.axes)

    @property
    def n_photons(self) -> int:
        """Total counts."""
        return int(self.counts.data.sum(dtype=np.int64))

    def dense(self) -> np.ndarray:
        """Return the counts as a dense array of `shape`: for small images."""
        return self.counts.toarray().reshape(self.shape)

    def pixels(self, block: int = 4096) -> Iterator[tuple[slice, np.ndarray]]:
        """Yield (rows, dense float32 counts of these rows), `block` pixels at a time."""
        for start in range(0, self.n_pixels, block):
            rows = slice(start, min(start + block, self.n_pixels))
            yield rows, self.counts[rows].toarray().astype(np.float32)

    def sum_spectrum(self) -> np.ndarray:
        """Sum over all pixels, (C,) int64."""
        return np.asarray(self.counts.sum(axis=0, dtype=np.int64)).ravel()

    def total_map(self) -> np.ndarray:
        """Add up the counts of each pixel over channels, of `navigation_shape`, int64."""
        return np.asarray(self.counts.sum(axis=1, dtype=np.int64)).reshape(self.navigation_shape)

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
                f"the range {kev_low:g} to {kev_high:g} keV holds no channel: "
                f"the axis runs from {self.energy_kev[0]:.3f} to {self.energy_kev[-1]:.3f} keV; "
                "choose a range inside it"
            )
        low, high = np.flatnonzero(keep)[[0, -1]]
        counts = self.counts[:, low : high + 1]
        return SpectrumImage(
            counts, self.energy_kev[keep], (*self.navigation_shape, counts.shape[1]), self.axes
        )

    def rebin(self, spatial: int | tuple[int, ...] = 1, energy: int = 1) -> "SpectrumImage":
        """Sum blocks of pixels and of channels; blocks at the far edge may be smaller, so no count is lost.

        Parameters
        ----------
        spatial : int or tuple of int
            Pixels per block along every navigation axis, or along each.
        energy : int
            Channels per block.

        Raises
        ------
        ValueError
            If a block is not a positive whole number of pixels or channels.
        """
        steps = self._steps(spatial)
        if not _is_positive_whole(energy):
            raise ValueError(f"energy must be a positive whole number of channels per block, got {energy}")
        pixel_sum = summing_matrix(self.blocks(steps))
        channel_sum = summing_matrix(np.arange(self.n_channels) // energy)
        counts = pixel_sum @ self.counts.astype(np.uint64) @ channel_sum.T
        centres = (channel_sum @ self.energy_kev) / np.asarray(channel_sum.sum(axis=1)).ravel()
        axes = tuple(
            a._replace(scale=a.scale * step, offset=a.offset + a.scale * (step - 1) / 2)
            for a, step in zip(self.axes, steps, strict=True)
        )
        blocks = (math.ceil(n / step) for n, step in zip(self.navigation_shape, steps, strict=True))
        return SpectrumImage(counts, centres, (*blocks, counts.shape[1]), axes)

    def blocks(self, spatial: int | tuple[int, ...]) -> np.ndarray:
        """Return the block of `rebin` that each pixel falls in, (P,) int."""
        steps = self._steps(spatial)
        shape = tuple(math.ceil(n / step) for n, step in zip(self.navigation_shape, steps, strict=True))
        where = np.indices(self.navigation_shape).reshape(len(steps), -1) // np.array(steps)[:, None]
        return np.ravel_multi_index(tuple(where), shape)

    def _steps(self, spatial: int | tuple[int, ...]) -> tuple[int, ...]:
        n_axes = len(self.navigation_shape)
        steps = tuple(spatial) if isinstance(spatial, tuple | list) else (spatial,) * n_axes
        if len(steps) != n_axes or not all(map(_is_positive_whole, steps)):
            raise ValueError(
                f"spatial must be one positive whole number, or one per navigation axis ({n_axes}), got {spatial}"
            )
        return steps

    def thin(self, keep: float, rng: np.random.Generator) -> tuple["SpectrumImage", "SpectrumImage"]:
        """Split the photons at random: each is kept with probability `keep`.

        Poisson counts split into two independent Poisson images, which is what held-out scores rest on.

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
        kept.data = rng.binomial(self.counts.data, keep).astype(self.counts.dtype)
        rest.data = self.counts.data - kept.data
        if not (kept.data.any() and rest.data.any()):
            raise ValueError(
                f"thinning must leave photons on both sides, and {self.n_photons} in all with keep {keep} did not; "
                "use an image with more counts or a keep nearer to 0.5"
            )
        first, second = (SpectrumImage(part, self.energy_kev, self.shape, self.axes) for part in (kept, rest))
        return first, second


# The widest type of each kind of number that counts may come as: bool, unsigned, signed, float.
_WIDEST = {"b": np.uint64, "u": np.uint64, "i": np.int64, "f": np.float64}


def _flatten(counts: Any, shape: tuple[int, ...]) -> tuple[Any, tuple[int, ...]]:
    """Return 2-D counts and the full shape."""
    is_sparse = sparse.issparse(counts)
    if is_sparse and counts.ndim != 2:
        raise ValueError(
            f"sparse counts must be 2-D (pixels, channels), got {counts.ndim}-D; "
            "give the navigation axes in shape"
        )
    if not is_sparse:
        counts = np.asarray(counts)
        if counts.ndim < 2:
            raise ValueError(
                f"counts must have navigation axes and then channels (2-D at least), got {counts.ndim}-D; "
                "for one spectrum, pass spectrum[None, :]"
            )
    shape = tuple(int(n) for n in shape) or tuple(counts.shape)
    if math.prod(shape) == 0:
        raise ValueError(
            f"counts must hold at least one pixel and one channel, got an empty image of shape {shape}"
        )
    if (
        len(shape) < 2
        or min(shape) < 0
        or math.prod(shape) != math.prod(counts.shape)
        or shape[-1] != counts.shape[-1]
    ):
        raise ValueError(
            f"shape must be the navigation axes and then the {counts.shape[-1]} channels of counts, "
            f"{math.prod(counts.shape[:-1])} pixels in all; got {shape}"
        )
    return counts if is_sparse else counts.reshape(-1, shape[-1]), shape


def _validated_counts(counts: Any) -> sparse.csr_array:
    dtype = counts.dtype
    if dtype.kind not in _WIDEST:
        raise TypeError(
            f"counts must be whole numbers of photons, got values of type {dtype}; convert them to integers"
        )
    if sparse.issparse(counts) and not getattr(counts, "has_canonical_format", False):
        # Entries given twice are added up: leave room for the sum.
        counts = counts.astype(_WIDEST[dtype.kind])
    csr = sparse.csr_array(counts, copy=sparse.issparse(counts))
    csr.sum_duplicates()
    values = csr.data
    if np.issubdtype(dtype, np.floating):
        if not np.isfinite(values).all():
            raise ValueError("counts must be finite, got NaN or infinity; set bad pixels to 0 counts")
        # HyperSpy scales and unscales data in place: its counts may come back with errors in the last digit.
        whole = np.round(values)
        if (np.abs(values - whole) > min(4 * np.finfo(dtype).eps, 1e-6) * np.abs(whole)).any():
            raise ValueError(
                "counts must be whole numbers of photons, got fractions; pass the raw counts, not scaled, averaged "
                "or denoised data (in HyperSpy: decomposition(normalize_poissonian_noise=False, ...))"
            )
        csr.data = values = whole
    if values.size and values.min() < 0:
        raise ValueError(
            f"counts must not be negative, got {values.min()}; pass the raw counts without background removal"
        )
    csr.eliminate_zeros()
    if csr.nnz == 0:
        raise ValueError(
            "the image holds no counts (all pixels are vacuum); check the file, the channel range or the crop"
        )
    if csr.data.max() > np.iinfo(np.uint32).max:
        raise ValueError(
            f"a single entry holds {csr.data.max():g} counts; at most {np.iinfo(np.uint32).max} are supported"
        )
    csr.data = csr.data.astype(np.min_scalar_type(int(csr.data.max())))
    return csr


def _validated_energy(energy_kev: Any, n_channels: int) -> np.ndarray:
    given = np.asarray(energy_kev)
    if given.dtype.kind not in "uif":
        raise TypeError(f"energy_kev must be channel centres in keV, got values of type {given.dtype}")
    energy = given.astype(np.float64)
    if energy.shape != (n_channels,):
        raise ValueError(
            f"energy_kev must hold one value per channel ({n_channels}), got shape {energy.shape}; "
            "make it as long as the last axis of counts"
        )
    if not np.isfinite(energy).all() or (np.diff(energy) <= 0).any():
        raise ValueError("energy_kev must be finite and strictly increasing; give channel centres in keV")
    return energy


def _is_positive_whole(n: Any) -> bool:
    return isinstance(n, int | np.integer) and not isinstance(n, bool) and bool(n >= 1)


def _default_axes(n: int) -> tuple[Axis, ...]:
    names = ("y", "x") if n == 2 else tuple(f"axis_{i}" for i in range(n - 2)) + ("y", "x")[-min(n, 2) :]
    return tuple(Axis(name) for name in names)


def summing_matrix(group: np.ndarray) -> sparse.csr_array:
    """Return the (groups, n) 0/1 matrix that adds up the members of each group."""
    n = group.size
    return sparse.csr_array((np.ones(n, np.uint64), (group, np.arange(n))), shape=(int(group.max()) + 1, n))
