"""Make a spectrum image of an array of counts and a description of its axes, as RosettaSciIO and HyperSpy give them.

The energy axis may be called `z` or `depth`, be in eV, come first, or be marked as navigation. It is found, put last
and read in keV. Counts are made sparse block by block, so that a dense cube larger than memory can be read.
"""

import logging
import math
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from scipy import sparse

from bayesunmix.data.image import Axis, SpectrumImage

_log = logging.getLogger("bayesunmix")

_BLOCK_BYTES = 32 * 2**20


class Refused(ValueError):
    """Refuse data with a sentence of our own, to be distinguished from whatever a reader raises."""


def to_image(
    name: str, data: Any, axes: Sequence[dict[str, Any]], mask: np.ndarray | None = None
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

    Raises
    ------
    Refused
        If there is no calibrated energy axis, another axis has no even steps, or the data are not photon counts.
    """
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
    pixels = tuple(_axis(name, axis) for axis in navigation)
    if mask is not None and mask.shape != data.shape[:-1]:
        raise Refused(f"the mask of {name} must have the shape {data.shape[:-1]}, got {mask.shape}")
    return _image(name, _counts(name, data, energy_kev, mask), energy_kev, data.shape, pixels, mask)


def energy_position(axes: list[dict[str, Any]]) -> int | None:
    """Find the energy axis: by unit or name first, then by the reader's mark, which can be wrong."""
    named = [i for i, a in enumerate(axes) if _kev_per_unit(a) or "energy" in str(a.get("name")).lower()]
    marked = [i for i, a in enumerate(axes) if a.get("navigate") is False]
    return next((found[0] for found in (named, marked) if len(found) == 1), None)


def _image(name: str, counts: Any, energy_kev: np.ndarray, *shape_and_axes: Any) -> SpectrumImage:
    try:
        return SpectrumImage(counts, energy_kev, *shape_and_axes)
    except (TypeError, ValueError) as error:
        raise Refused(f"{name} does not hold photon counts as they were measured: {error}") from error


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


def _counts(name: str, data: Any, energy_kev: np.ndarray, mask: np.ndarray | None) -> sparse.csr_array:
    """Make (..., C) data sparse, (P, C); masked pixels may hold anything, even no counts."""
    events = _recorded_events(data)
    if events is None:
        parts, first = [], 0
        for block in _blocks(data):
            if mask is not None:
                block = np.where(mask.reshape(-1, 1)[first : first + len(block)], block, 0)
            first += len(block)
            parts.append(_sparse(name, block, energy_kev))
        return sparse.vstack(parts, format="csr")
    pixels = np.ravel_multi_index(tuple(events.coords[:-1].astype(np.int64)), data.shape[:-1])
    shape = (math.prod(data.shape[:-1]), data.shape[-1])
    return sparse.csr_array((events.data, (pixels, events.coords[-1])), shape=shape)


def _recorded_events(data: Any) -> Any:
    """Return the sparse array that a dask array holds unchanged (JEOL, Velox): no need to make it dense."""
    layers = {name.split("-")[0] for name in data.dask.layers} if hasattr(data, "dask") else {"numpy"}
    if layers - {"original", "array", "astype"}:
        return None
    return next((held for held in data.dask.values() if getattr(held, "coords", None) is not None), None)


def _blocks(data: Any) -> Iterator[np.ndarray]:
    """Cut an array into dense pieces of (pixels, C), in C order, by halving until a piece is small."""
    if data.ndim == 1 or data.nbytes <= _BLOCK_BYTES:
        if hasattr(data, "compute"):  # dask: its threads only wait for each other here
            data = data.compute(scheduler="synchronous")
        yield np.asarray(data).reshape(-1, data.shape[-1])
    elif len(data) == 1:
        yield from _blocks(data[0])
    else:
        half = len(data) // 2
        yield from _blocks(data[:half])
        yield from _blocks(data[half:])


def _sparse(name: str, block: np.ndarray, energy_kev: np.ndarray) -> sparse.csr_array:
    """Make a (pixels, C) block sparse; refuse fractions here, before a cube of them fills the memory."""
    if np.issubdtype(block.dtype, np.floating) and not (block == np.rint(block)).all():
        _image(name, block, energy_kev)
    pixels, channels = block.shape
    where = np.flatnonzero(block != 0)  # some ten times faster than SciPy's own conversion
    begin = np.searchsorted(where, np.arange(pixels + 1) * channels).astype(np.int32)
    return sparse.csr_array(
        (block.ravel()[where], (where % channels).astype(np.int32), begin), shape=block.shape
    )
