"""Make a spectrum image of an array of counts and a description of its axes, as RosettaSciIO and HyperSpy give them.

The axis of the channels may be called `z` or `depth`, come first, descend, or be marked as navigation. It is found, put
last, turned to increase and read (`bayesunmix.io.reading_axes`). Counts are made sparse block by block, so that a dense
cube larger than memory can be read.
"""

import logging
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np
from scipy import sparse

from bayesunmix.data.counts import native, turned_round, whole_counts
from bayesunmix.data.grid import Axis
from bayesunmix.data.image import SpectrumImage, trusted_image
from bayesunmix.data.mask import mask_of_image
from bayesunmix.data.spectral_axis import Signal
from bayesunmix.io.cropping import first_kept, say_cropped
from bayesunmix.io.reading_axes import Channels, Refused, channel_position, channels_of, pixel_axis
from bayesunmix.io.stacking import stacked

_log = logging.getLogger("bayesunmix")

BLOCK_BYTES = 32 * 2**20


class Frame(NamedTuple):
    """Hold what is known of an image before its counts: its name in messages, where counts belong, and its mask."""

    name: str
    channels: Channels
    shape: tuple[int, ...]
    axes: tuple[Axis, ...]
    mask: np.ndarray | None = None


def to_image(
    name: str,
    data: Any,
    axes: Sequence[dict[str, Any]],
    mask: np.ndarray | None = None,
    crop_below_kev: float | None = None,
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
    crop_below_kev : float, optional
        Leave out channels of X-rays below this energy, in keV.
    signal : {"eds", "xrf", "any"}
        X-rays excited by electrons or by X-rays, or counts on any other axis.

    Raises
    ------
    Refused
        If there is no calibrated axis of channels, another axis has no even steps, or the data are not photon counts.
    """
    return image_of(parts_of(name, data, axes, signal), mask, crop_below_kev)


def parts_of(
    name: str, data: Any, axes: Sequence[dict[str, Any]], signal: Signal | None = None
) -> Iterator[Any]:
    """Yield the frame of an image, and then its counts, some pixels at a time, sparse; see `to_image`."""
    yield frame_of(name, data.shape, axes, signal)
    position = channel_position(axes, signal)
    if position is not None and position != data.ndim - 1:
        data = np.moveaxis(data, position, -1)
    yield from map(sparse_pixels, _dense_pieces(data))


def frame_of(
    name: str, shape: Sequence[int], axes: Sequence[dict[str, Any]], signal: Signal | None = None
) -> Frame:
    """Find the axis of the channels, and return what is known before the counts are; the channels come last in it.

    Parameters
    ----------
    name : str
        What to call the data in messages.
    shape : sequence of int
        Of the data, in the order of the axes.
    axes : sequence of dict
        As `to_image` takes them.
    signal : {"eds", "xrf", "any"}, optional
        What was counted; "eds" where not given.

    Raises
    ------
    Refused
        If there is no calibrated axis of channels, or another axis has no even steps.
    """
    navigation, sizes = list(axes), list(shape)
    position = channel_position(navigation, signal)
    if position is None or len(navigation) < 2:
        size = " x ".join(map(str, shape))
        wanted = "axis of channels" if signal == "any" else "energy axis, in eV or keV,"
        raise Refused(f"{name} ({size}) must have one {wanted} and at least one other axis")
    channels = channels_of(name, navigation.pop(position), signal or "eds")
    n_channels = sizes.pop(position)
    return Frame(name, channels, (*sizes, n_channels), tuple(pixel_axis(name, axis) for axis in navigation))


def image_of(
    parts: Iterator[Any], mask: np.ndarray | None = None, crop_below_kev: float | None = None
) -> SpectrumImage:
    """Make an image of what a reader yields: the frame, and then the counts, some pixels at a time, sparse.

    Counts are checked, and channels of X-rays below `crop_below_kev` are left out, before the next ones come; how many
    were left out is said. Masked pixels may contain anything.

    Raises
    ------
    Refused
        If the counts are not photon counts, none is left, or the mask does not fit.
    """
    frame: Frame = next(parts)
    axis, below = frame.channels.axis, crop_below_kev if frame.channels.axis.is_xray else None
    try:
        first = 0 if below is None else first_kept(axis, below)
    except ValueError as error:
        raise Refused(f"{frame.name} cannot be cropped: {error}") from error
    shape, left_out = (*frame.shape[:-1], axis.values.size - first), 0

    def kept() -> Iterator[sparse.csr_array]:
        nonlocal left_out
        pixel = 0
        for part in parts:
            pixels = slice(pixel, pixel + part.shape[0])
            pixel = pixels.stop
            counts = whole_counts(part, None if used is None else used.ravel()[pixels])
            counts = turned_round(counts) if frame.channels.descends else counts
            if first:
                left_out += int(counts[:, :first].sum(dtype=np.int64))
                counts = counts[:, first:]
            yield counts

    try:
        used = _both(mask_of_image(mask, shape[:-1]), frame.mask)
    except ValueError as error:
        raise Refused(f"the mask does not fit {frame.name}: {error}") from error
    try:
        image = trusted_image(
            stacked(kept(), shape[-1]), axis.taking(axis.values[first:]), shape, frame.axes, used
        )
    except Refused:
        raise
    except (TypeError, ValueError) as error:
        raise Refused(f"{frame.name} does not hold photon counts as they were measured: {error}") from error
    if below is not None and first:
        say_cropped(below, first, axis.values.size, left_out, left_out + image.n_photons)
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
    if chosen is not None and (isinstance(chosen, bool) or not isinstance(chosen, int | np.integer)):
        raise Refused(f"dataset must be a whole number, got {chosen!r}; {file!r} holds {there}")
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


def _dense_pieces(data: Any) -> Iterator[np.ndarray]:
    """Cut an array into dense pieces, in C order, by halving until a piece is small."""
    in_chunks = hasattr(data, "chunks")
    # A chunk of a file is decompressed as a whole: cut between chunks, and a single one only where it is large.
    edges = np.cumsum(data.chunks[0])[:-1] if in_chunks else np.empty(0, int)
    small = 4 * BLOCK_BYTES if in_chunks and not edges.size else BLOCK_BYTES
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
