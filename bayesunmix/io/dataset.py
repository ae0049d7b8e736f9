"""Make a spectrum image of an array of counts and a description of its axes, as RosettaSciIO and HyperSpy give them.

The axis of the channels may be called `z` or `depth`, come first, descend, or be marked as navigation. It is found, put
last, turned to increase and read (`bayesunmix.io.reading_axes`). Counts are made sparse block by block, so that a dense
cube larger than memory can be read.
"""

import math
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from scipy import sparse

from bayesunmix.data.counts import turned_round
from bayesunmix.data.image import SpectrumImage
from bayesunmix.data.spectral_axis import Signal, SpectralAxis
from bayesunmix.io.reading_axes import Refused, channel_position, channels_of, pixel_axis

__all__ = ["Refused", "to_image"]

_BLOCK_BYTES = 32 * 2**20


def to_image(
    name: str,
    data: Any,
    axes: Sequence[dict[str, Any]],
    mask: np.ndarray | None = None,
    signal: Signal = "eds",
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
        True for pixels to use, over all axes of `data` except that of the channels.
    signal : {"eds", "xrf", "any"}
        X-rays excited by electrons or by X-rays, or counts on any other axis.

    Raises
    ------
    Refused
        If there is no calibrated axis of channels, another axis has no even steps, or the data are not photon counts.
    """
    navigation = list(axes)
    position = channel_position(navigation, signal)
    if position is None or len(navigation) < 2:
        shape = " x ".join(map(str, data.shape))
        wanted = "axis of channels" if signal == "any" else "energy axis, in eV or keV,"
        raise Refused(f"{name} ({shape}) must have one {wanted} and at least one other axis")
    if position != data.ndim - 1:
        data = np.moveaxis(data, position, -1)
    channels, descends = channels_of(name, navigation.pop(position), signal)
    pixels = tuple(pixel_axis(name, axis) for axis in navigation)
    if mask is not None and mask.shape != data.shape[:-1]:
        raise Refused(f"the mask of {name} must have the shape {data.shape[:-1]}, got {mask.shape}")
    counts = _counts(name, data, channels, mask)
    counts = turned_round(counts) if descends else counts
    return _image(name, counts, channels, data.shape, pixels, mask)


def _image(name: str, counts: Any, channels: SpectralAxis, *shape_and_axes: Any) -> SpectrumImage:
    try:
        return SpectrumImage(counts, None, *shape_and_axes, spectral_axis=channels)
    except (TypeError, ValueError) as error:
        raise Refused(f"{name} does not hold photon counts as they were measured: {error}") from error


def _counts(name: str, data: Any, channels: SpectralAxis, mask: np.ndarray | None) -> sparse.csr_array:
    """Make (..., C) data sparse, (P, C); masked pixels may hold anything, even no counts."""
    events = _recorded_events(data)
    if events is None:
        parts, first = [], 0
        for block in _blocks(data):
            if mask is not None:
                block = np.where(mask.reshape(-1, 1)[first : first + len(block)], block, 0)
            first += len(block)
            parts.append(_sparse(name, block, channels))
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


def _sparse(name: str, block: np.ndarray, channels: SpectralAxis) -> sparse.csr_array:
    """Make a (pixels, C) block sparse; refuse fractions here, before a cube of them fills the memory."""
    if np.issubdtype(block.dtype, np.floating) and not (block == np.rint(block)).all():
        _image(name, block, channels)
    n_pixels, n_channels = block.shape
    where = np.flatnonzero(block != 0)  # some ten times faster than SciPy's own conversion
    begin = np.searchsorted(where, np.arange(n_pixels + 1) * n_channels).astype(np.int32)
    return sparse.csr_array(
        (block.ravel()[where], (where % n_channels).astype(np.int32), begin), shape=block.shape
    )
