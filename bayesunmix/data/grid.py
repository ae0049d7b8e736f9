"""Describe the grid of a spectrum image: its navigation axes and channels, and what a picture of it needs."""

import math
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from bayesunmix.data.spectral_axis import SpectralAxis


class Axis(NamedTuple):
    """One axis of even steps: its name, the step between pixels, its unit ("px" if not calibrated), its first pixel.

    Of channels that are no energies of X-rays it is the step between channels, and the first channel.

    Examples
    --------
    >>> import numpy as np
    >>> import bayesunmix as bu
    >>> x = bu.Axis("x", scale=4.0, units="nm")
    >>> counts = np.ones((16, 3), int)
    >>> bu.SpectrumImage(counts, [1.0, 2.0, 3.0], axes=(x,)).axes[0].units
    'nm'
    """

    name: str
    scale: float = 1.0
    units: str = "px"
    offset: float = 0.0


class Grid(NamedTuple):
    """Hold the axis of the channels, shape, axes and mask of a spectrum image: all of it but the counts."""

    spectral_axis: SpectralAxis
    shape: tuple[int, ...]
    axes: tuple[Axis, ...]
    mask: np.ndarray | None = None

    @property
    def energy_kev(self) -> np.ndarray:
        """Return the centre of each channel in keV; raises `ValueError` where these are no energies of X-rays."""
        return self.spectral_axis.energy_kev


def default_axes(n: int) -> tuple[Axis, ...]:
    """Return n navigation axes that are not calibrated, the last two of which are y and x."""
    names = ("y", "x") if n == 2 else tuple(f"axis_{i}" for i in range(n - 2)) + ("y", "x")[-min(n, 2) :]
    return tuple(Axis(name) for name in names)


def validated_axes(axes: Sequence[Any], n: int) -> tuple[Axis, ...]:
    """Return the axes as `Axis`, or default ones where none are given.

    Raises
    ------
    ValueError
        If there is not one for each of n navigation axes.
    """
    given = tuple(Axis(*axis) for axis in axes) or default_axes(n)
    if len(given) != n:
        raise ValueError(
            f"axes must name each of the {n} navigation axes, got {len(given)}; leave axes out for defaults"
        )
    return given


def rebinned_axes(axes: Sequence[Axis], steps: Sequence[int]) -> tuple[Axis, ...]:
    """Return the axes of blocks of pixels, `steps` pixels along each axis."""
    return tuple(
        axis._replace(scale=axis.scale * step, offset=axis.offset + axis.scale * (step - 1) / 2)
        for axis, step in zip(axes, steps, strict=True)
    )


def central_slice(shape: Sequence[int], axes: Sequence[Axis]) -> tuple[tuple[int, ...], str]:
    """Choose the 2-D slice in the middle of a map.

    Parameters
    ----------
    shape : sequence of int
        Navigation shape.
    axes : sequence of Axis
        One for each navigation axis.

    Returns
    -------
    index : tuple of int
        Index of the slice along all axes but the last two; empty for a map of at most two axes.
    said : str
        Name and number of the slice, such as "tilt 3 of 5"; empty likewise.
    """
    index = tuple(n // 2 for n in shape[:-2])
    steps = zip(index, shape, axes, strict=False)
    return index, ", ".join(f"{axis.name} {i + 1} of {n}" for i, n, axis in steps)


def pixel_aspect(axes: Sequence[Axis]) -> float:
    """Return the height of a pixel over its width, from the last two axes; 1 where they are not comparable."""
    if len(axes) < 2:
        return 1.0
    down, across = axes[-2:]
    known = down.units == across.units and down.scale > 0 and across.scale > 0
    return down.scale / across.scale if known else 1.0


def scale_bar(axis: Axis, width: int) -> tuple[float, str] | None:
    """Choose a scale bar of round length, about a fifth of a map's width.

    Parameters
    ----------
    axis : Axis
        The horizontal axis.
    width : int
        Pixels along it.

    Returns
    -------
    (float, str) or None
        Length in pixels, and the label; None where the axis is not calibrated.
    """
    if axis.units in ("px", "") or not 0 < axis.scale < math.inf:
        return None
    length = round_length(axis.scale * width / 5)
    units, factor = ("nm", 1000) if axis.units == "µm" and length < 1 else (axis.units, 1)
    return length / axis.scale, f"{length * factor:g} {units}"


def round_length(wanted: float) -> float:
    """Return the largest of 1, 2, 5 times a power of ten that does not exceed `wanted`."""
    power = 10.0 ** math.floor(math.log10(wanted))
    return max(digit * power for digit in (1, 2, 5) if digit * power <= wanted * (1 + 1e-9))


def last_channel(spectrum: np.ndarray) -> int:
    """Return where a picture of a sum spectrum may end: beyond it lie half a percent of the counts."""
    cumulated = np.cumsum(spectrum)
    last = int(np.searchsorted(cumulated, 0.995 * cumulated[-1]))
    return min(int(last * 1.03) + 2, len(spectrum))
