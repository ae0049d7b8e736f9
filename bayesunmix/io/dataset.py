"""Make a spectrum image of an array of counts and a description of its axes, as RosettaSciIO and HyperSpy give them.

The energy axis may be called `z` or `depth`, be in eV, come first, or be marked as navigation. It is found, put last
and read in keV. Counts are made sparse block by block, so that a dense cube larger than memory can be read.
"""

import logging
import math
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np
from scipy import sparse

from bayesunmix.data.counts import native, whole_counts
from bayesunmix.data.grid import Axis, validated_energy
from bayesunmix.data.image import SpectrumImage, trusted_image
from bayesunmix.data.mask import mask_of_image
from bayesunmix.io.cropping import say_cropped
from bayesunmix.io.stacking import stacked

_log = logging.getLogger("bayesunmix")

BLOCK_BYTES = 32 * 2**20


class Refused(ValueError):
    """Refuse data with a sentence of our own, to be distinguished from whatever a reader raises."""


class Frame(NamedTuple):
    """Hold what is known of an image before its counts: its name in messages, where counts belong, and its mask."""

    name: str
    energy_kev: np.ndarray
    shape: tuple[int, ...]
    axes: tuple[Axis, ...]
    mask: np.ndarray | None = None


def to_image(
    name: str,
    data: Any,
    axes: Sequence[dict[str, Any]],
    mask: np.ndarray | None = None,
    crop_below_kev: float | None = None,
) -> SpectrumImage:
    """Make a spectrum image.

    Parameters
    ----------
    name : str
        What to call the data in messages.
    data : array
        NumPy or dask.
    axes : sequence of dict
        For each axis of `data`: `name`, `units`, and either `scale`, `offset` and `size`, or the values `axis`.
        `navigate` is False for the signal axis.
    mask : bool array, optional
        True for pixels to use, over all axes of `data` except the energy axis.
    crop_below_kev : float, optional
        Leave out channels below this energy, in keV.

    Raises
    ------
    Refused
        If there is no calibrated energy axis, another axis has no even steps, or the data are not photon counts.
    """
    return image_of(parts_of(name, data, axes), mask, crop_below_kev)


def parts_of(name: str, data: Any, axes: Sequence[dict[str, Any]]) -> Iterator[Any]:
    """Yield the frame of an image, and then its counts, some pixels at a time, sparse; see `to_image`."""
    frame, data = framed(name, data, axes)
    yield frame
    yield from map(sparse_pixels, _dense_pieces(data))


def framed(name: str, data: Any, axes: Sequence[dict[str, Any]]) -> tuple[Frame, Any]:
    """Find the energy axis; return what is known before the counts are, and the data with that axis last."""
    navigation = list(axes)
    position = energy_position(navigation)
    if position is None or len(navigation) < 2:
        shape = " x ".join(map(str, data.shape))
        raise Refused(
            f"{name} ({shape}) must have one energy axis, in eV or keV, and at least one other axis"
        )
    if position != data.ndim - 1:
        data = np.moveaxis(data, position, -1)
    energy_kev = _energy_kev(name, navigation.pop(position))
    try:
        energy_kev = validated_energy(energy_kev, data.shape[-1])
    except ValueError as error:
        raise Refused(f"the energy axis of {name} cannot be used: {error}") from error
    return Frame(name, energy_kev, tuple(data.shape), tuple(_axis(name, axis) for axis in navigation)), data


def image_of(
    parts: Iterator[Any], mask: np.ndarray | None = None, crop_below_kev: float | None = None
) -> SpectrumImage:
    """Make an image of what a reader yields: the frame, and then the counts, some pixels at a time, sparse.

    Counts are checked, and channels below `crop_below_kev` are left out, before the next ones come; it is said how many
    were left out. Masked pixels may contain anything.

    Raises
    ------
    Refused
        If the counts are not photon counts, none is left, or the mask does not fit.
    """
    frame: Frame = next(parts)
    first = 0 if crop_below_kev is None else int(np.searchsorted(frame.energy_kev, crop_below_kev))
    if first == frame.energy_kev.size:
        raise Refused(
            f"no channel of {frame.name} lies above {crop_below_kev:g} keV: its axis ends at "
            f"{frame.energy_kev[-1]:.3f} keV; crop less"
        )
    shape, left_out = (*frame.shape[:-1], frame.energy_kev.size - first), 0

    def kept() -> Iterator[sparse.csr_array]:
        nonlocal left_out
        pixel = 0
        for part in parts:
            pixels = slice(pixel, pixel + part.shape[0])
            pixel = pixels.stop
            counts = whole_counts(part, None if used is None else used.ravel()[pixels])
            if first:
                left_out += int(counts[:, :first].sum(dtype=np.int64))
                counts = counts[:, first:]
            yield counts

    try:
        used = _both(mask_of_image(mask, shape[:-1]), frame.mask)
    except ValueError as error:
        raise Refused(f"the mask does not fit {frame.name}: {error}") from error
    try:
        image = trusted_image(stacked(kept(), shape[-1]), frame.energy_kev[first:], shape, frame.axes, used)
    except Refused:
        raise
    except (TypeError, ValueError) as error:
        raise Refused(f"{frame.name} does not hold photon counts as they were measured: {error}") from error
    if crop_below_kev is not None and first:
        say_cropped(crop_below_kev, first, frame.energy_kev.size, left_out, left_out + image.n_photons)
    return image


def _both(mask: np.ndarray | None, other: np.ndarray | None) -> np.ndarray | None:
    return other if mask is None else mask if other is None else mask_of_image(mask & other, mask.shape)


def sparse_pixels(block: np.ndarray) -> sparse.csr_array:
    """Make a (..., C) block sparse, (pixels, C), some ten times faster than SciPy's own conversion."""
    block = native(np.asarray(block)).reshape(-1, block.shape[-1])
    pixels, channels = block.shape
    where = np.flatnonzero(block != 0)
    begin = np.searchsorted(where, np.arange(pixels + 1) * channels).astype(np.int32)
    return sparse.csr_array(
        (block.ravel()[where], (where % channels).astype(np.int32), begin), shape=block.shape
    )


def listed(file: str, images: Sequence[str], chosen: int | None, default: int = 0) -> int:
    """Return the number of the image to read among several; where none is chosen, say which there are.

    Parameters
    ----------
    file : str
        Its name, for messages.
    images : sequence of str
        A description of each.
    chosen : int, optional
    default : int
        Number of the image that is read where none is chosen.

    Raises
    ------
    Refused
        If there is no such image.
    """
    there = ", ".join(f"{i}: {image}" for i, image in enumerate(images))
    if chosen is None:
        if len(images) > 1:
            _log.warning(
                "%s holds %d spectrum images (%s): read number %d; choose another with dataset=N, or --dataset N",
                *(file, len(images), there, default),
            )
        return default
    if not 0 <= chosen < len(images):
        raise Refused(f"dataset must be the number of a spectrum image of {file!r} ({there}), got {chosen}")
    return chosen


def energy_position(axes: list[dict[str, Any]]) -> int | None:
    """Find the energy axis: by unit or name first, then by the reader's mark, which can be wrong."""
    named = [i for i, a in enumerate(axes) if _kev_per_unit(a) or "energy" in str(a.get("name")).lower()]
    marked = [i for i, a in enumerate(axes) if a.get("navigate") is False]
    return next((found[0] for found in (named, marked) if len(found) == 1), None)


def _kev_per_unit(axis: dict[str, Any]) -> float | None:
    return {"kev": 1.0, "ev": 1e-3}.get(str(axis.get("units")).strip().lower())


def _energy_kev(name: str, axis: dict[str, Any]) -> np.ndarray:
    """Compute the channel centres in keV.

    The width of an EDS channel (0.5 to 200 eV) tells eV from keV without a label, so a wrong label shows.
    """
    values = axis.get("axis")
    if values is None:
        values = axis["offset"] + axis["scale"] * np.arange(axis["size"])
    values = np.asarray(values, dtype=np.float64)
    width = float(np.median(np.diff(values))) if values.size > 1 else math.nan
    by_width = 1.0 if 5e-4 <= width <= 0.2 else 1e-3 if 0.5 <= width <= 200 else None
    by_label = _kev_per_unit(axis)
    if by_label is None and (by_width is None or (width == 1 and values[0] == 0)):
        raise Refused(
            f"the energy axis of {name} is not calibrated (step {width:g}, no unit): "
            "set its scale, offset and units (keV), or pass an array to "
            "bayesunmix.SpectrumImage(counts, energy_kev)"
        )
    if by_width is not None and by_label != by_width:
        unit = "keV" if by_width == 1 else "eV"
        label = f"is labelled {axis['units']}" if by_label else "has no unit"
        _log.warning("the energy axis of %s %s: read its step of %g as %s", name, label, width, unit)
        by_label = by_width
    return values * by_label


def _axis(name: str, axis: dict[str, Any]) -> Axis:
    """Return a navigation axis; without a unit it counts in pixels."""
    called, units = ("" if axis.get(key) is None else str(axis[key]) for key in ("name", "units"))
    if axis.get("scale") is None and axis.get("axis") is not None:
        raise Refused(
            f"axis {called!r} of {name} must have even steps, which a map has; interpolate it to even steps"
        )
    called = "axis" if called in ("", "<undefined>") else called
    if units in ("", "<undefined>", "px"):
        return Axis(called)
    step = abs(float(axis.get("scale") or 0))
    if not 0 < step < math.inf:
        _log.warning("the pixels of %s have no size along %s: maps are drawn in pixels", name, called)
        return Axis(called)
    micro = units.replace("\u03bc", "\u00b5").replace("um", "\u00b5m")
    return Axis(called, step, micro, float(axis.get("offset") or 0))


def _dense_pieces(data: Any) -> Iterator[np.ndarray]:
    """Cut an array into dense pieces, in C order, by halving until a piece is small."""
    edges = np.cumsum(data.chunks[0])[:-1] if hasattr(data, "chunks") else np.empty(0, int)
    # A chunk of a file is decompressed as a whole: cut between chunks where that is possible.
    small = BLOCK_BYTES if edges.size else 4 * BLOCK_BYTES if hasattr(data, "chunks") else BLOCK_BYTES
    if data.ndim == 1 or data.nbytes <= small:
        if hasattr(data, "compute"):  # dask: its threads only wait for each other here
            data = data.compute(scheduler="synchronous")
        yield data
    elif len(data) == 1:
        yield from _dense_pieces(data[0])
    else:
        half = edges[np.abs(edges - len(data) / 2).argmin()] if edges.size else len(data) // 2
        yield from _dense_pieces(data[:half])
        yield from _dense_pieces(data[half:])
