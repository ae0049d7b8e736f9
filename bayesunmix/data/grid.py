"""Describe the grid of a spectrum image: its navigation axes and channels, and what a picture of it needs."""

import math
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from bayesunmix.data.spectral_axis import SpectralAxis

MOST_ASPECT = 100.0  # steps along the two axes of a map that differ more are a mistake of the file
MOST_SLENDER = 12.0  # length over breadth of a map as it is drawn
SMALLEST_STEP = 1e-30


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
    """Return the axes as `Axis`, or default ones where none are given; one without a step counts in pixels.

    Raises
    ------
    ValueError
        If there is not one for each of n navigation axes.
    """
    given = tuple(Axis(*axis) for axis in axes) or default_axes(n)
    # A step of 0 or NaN, or none, is what a file says that does not know it.
    given = tuple(
        axis if _is_step(axis.scale) or _is_negative(axis.scale) else Axis(axis.name) for axis in given
    )
    if len(given) != n:
        raise ValueError(
            f"axes must name each of the {n} navigation axes, got {len(given)}; leave axes out for defaults"
        )
    return given


def summed_axes(axes: Sequence[Axis], steps: Sequence[int]) -> tuple[Axis, ...]:
    """Return the axes of blocks of pixels, `steps` along each: the first lies in the middle of its pixels."""
    return tuple(
        a._replace(scale=a.scale * step, offset=a.offset + a.scale * (step - 1) / 2)
        for a, step in zip(axes, steps, strict=True)
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


def drawn_axes(axes: Sequence[Axis]) -> tuple[Axis, ...]:
    """Return the axes as a picture uses them: in pixels where a step is no length, or two steps cannot both be right.

    The two axes of a map are in pixels together, because a scale bar is read along both.
    """
    drawn = [axis if _is_calibrated(axis) else Axis(axis.name) for axis in axes]
    if len(drawn) > 1:
        down, across = axes[-2:]
        fit = _is_calibrated(down) and _is_calibrated(across)
        if fit and down.units == across.units:
            fit = 1 / MOST_ASPECT <= down.scale / across.scale <= MOST_ASPECT
        if not fit:
            drawn[-2:] = Axis(down.name), Axis(across.name)
    return tuple(drawn)


def pixel_aspect(axes: Sequence[Axis]) -> float:
    """Return the height of a pixel over its width, from the last two axes; 1 where they are not comparable."""
    if len(axes) < 2:
        return 1.0
    down, across = drawn_axes(axes)[-2:]
    return down.scale / across.scale if down.units == across.units else 1.0


def drawn_aspect(axes: Sequence[Axis], height: int, width: int) -> float:
    """Return the height of a pixel over its width in a picture: a map of one row or column is no hairline."""
    aspect = pixel_aspect(axes)
    slender = min(max(aspect * height / width, 1 / MOST_SLENDER), MOST_SLENDER)
    return aspect if slender == aspect * height / width else slender * width / height


def say_axis(axis: Axis, size: int) -> str:
    """Write the name, the number of pixels and the step of an axis, such as "y 24 x 8 nm"."""
    step = f"{size} x {axis.scale:.4g} {axis.units}" if _is_step(axis.scale) else f"{size} x 1 px"
    return f"{axis.name} {step}"


def _is_calibrated(axis: Axis) -> bool:
    return axis.units not in ("px", "", None) and _is_step(axis.scale)


def _is_step(scale: Any) -> bool:
    """Return True for the length of a pixel; 0, NaN and what is missing or negative is none."""
    return isinstance(scale, int | float | np.number) and bool(SMALLEST_STEP < scale < 1 / SMALLEST_STEP)


def _is_negative(scale: Any) -> bool:
    """Return True for the step of an axis that runs backwards."""
    return isinstance(scale, int | float | np.number) and _is_step(-scale)


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
    if not _is_calibrated(axis):
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
