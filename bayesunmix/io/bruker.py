"""Read Bruker .bcf files block by block: the pixels are walked here and decoded by RosettaSciIO.

RosettaSciIO decodes a map in one piece, as integers whose width it guesses from the mean pixel, and trusts every
number in the file. Here the headers of the pixels are read and checked first, and runs of whole rows are given to its
decoder as 32-bit counts. The detectors of a map are added up, and the total is compared with the sum spectrum of the
file.

The pixels of one detector, all numbers little-endian:

================  ===================================================================================================
bytes 0 and 4     rows and columns of the map, 4 bytes each; the first row begins at byte 416
a row             the number of its pixels that hold data, 4 bytes; then these pixels
a pixel           22 bytes: column (4), channels of the map (2), channels of the pixel (2), unknown (4), packing (2),
                  unknown (2), photons listed one by one (2), bytes of packed data (4); then the packed data
packed data       packing 0 lists a channel in 16 bits for each photon, 1 in 12 bits; others give runs of channels,
                  after which come the photons listed one by one, 2 bytes each
================  ===================================================================================================
"""

import itertools
import logging
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from scipy import sparse

from bayesunmix.data.spectral_axis import Signal
from bayesunmix.io.dataset import BLOCK_BYTES, Frame, frame_of, listed
from bayesunmix.io.reading_axes import Refused

_log = logging.getLogger("bayesunmix")

_FIRST_ROW = 0x1A0
_EMPTY_ROW = bytes(4)
_PIXEL = struct.Struct("<IHHIHHHI")
_FARTHEST = 4  # times the channels: axes of detectors that differ by more are damaged
_READ_TOO_FAR = bytes(2**16)  # more than a decoder misled by damaged runs goes beyond the end


def read_bcf(path: Path, dataset: int | None = None, signal: Signal | None = None) -> Iterator[Any]:
    """Yield the frame of a map, and then its counts, some rows at a time.

    Parameters
    ----------
    path : Path
    dataset : int, optional
        Which map, where a file holds several that are not detectors of one map.
    signal : {"eds", "xrf", "any"}, optional
        What was counted; "eds" where not given.

    Raises
    ------
    Refused
        If the file is damaged, or holds no such map.
    """
    from rsciio.bruker._api import BCF_reader

    _check_length(path)
    reader = BCF_reader(str(path))
    detectors = _chosen(path, reader, dataset)
    header = reader.header
    spectra = [header.spectra_data[detector] for detector in detectors]
    places = _places(path, spectra)
    lowest, highest = min(place.min() for place in places), max(place.max() for place in places)
    begin = spectra[0].offset + int(lowest) * spectra[0].scale
    frame = _frame(path, header, (begin, spectra[0].scale, int(highest - lowest) + 1), signal)
    yield frame
    maps = [
        _blocks(reader, detector, frame, place - lowest)
        for detector, place in zip(detectors, places, strict=True)
    ]
    totals = np.zeros(len(maps), np.int64)
    for parts in zip(*maps, strict=True):
        totals += [int(part.data.sum(dtype=np.int64)) for part in parts]
        yield sum(parts[1:], parts[0])
    _say_total(path, totals, [int(spectrum.data.sum()) for spectrum in spectra], places)


def _check_length(path: Path) -> None:
    """Refuse a file shorter than its header says: a number of chunks of one size after the header."""
    with path.open("rb") as file:
        head = file.read(0x14C)
    if len(head) == 0x14C:
        chunk_bytes, chunks = (int.from_bytes(head[at : at + 4], "little") for at in (0x128, 0x148))
        if path.stat().st_size >= 0x118 + chunk_bytes * chunks:
            return
    raise Refused(f"{path.name!r} is cut short or not a .bcf file; copy it again from the microscope")


def _chosen(path: Path, reader: Any, dataset: int | None) -> list[int]:
    """Return the numbers of the maps to add up: all detectors of one map, or one of several maps."""
    maps = sorted(reader.available_indexes)
    counts = [f"{int(reader.header.spectra_data[i].data.sum()):,} counts" for i in maps]
    if reader.header.mapping_count > 1:
        listed(path.name, ["all detectors"], dataset)
        return maps
    return [maps[listed(path.name, counts, dataset)]]


def _places(path: Path, spectra: list[Any]) -> list[np.ndarray]:
    """Return the place of each detector's channels among those of the first, to the nearest channel."""
    first, *others = spectra
    places = [np.arange(first.data.size, dtype=np.int32)]
    for other in others:
        axis = other.offset + other.scale * np.arange(other.data.size)
        place = np.rint((axis - first.offset) / first.scale) if first.scale else np.full(axis.size, np.nan)
        if not (np.abs(place) < _FARTHEST * place.size).all():
            raise Refused(
                f"the detectors of {path.name!r} have energy axes that do not fit together: {first.scale:g} and "
                f"{other.scale:g} keV a channel from {first.offset:g} and {other.offset:g} keV on; copy it again"
            )
        places.append(place.astype(np.int32))
    return places


def _frame(path: Path, header: Any, energy: tuple[float, float, int], signal: Signal | None) -> Frame:
    offset, scale, channels = energy
    shape = (header.image.height, header.image.width, channels)
    axes = [
        {"name": "height", "scale": header.y_res, "offset": 0, "units": header.units, "navigate": True},
        {"name": "width", "scale": header.x_res, "offset": 0, "units": header.units, "navigate": True},
        {"name": "Energy", "scale": scale, "offset": offset, "units": "keV", "navigate": False},
    ]
    described = [axis | {"size": size} for axis, size in zip(axes, shape, strict=True)]
    return frame_of(repr(path.name), shape, described, signal)


def _blocks(reader: Any, detector: int, frame: Frame, place: np.ndarray) -> Iterator[sparse.csr_array]:
    """Yield the counts of one detector, (pixels, C), each channel moved to its place on the axis of the frame."""
    height, width, channels = frame.shape
    chunks, *_ = reader.get_file(f"EDSDatabase/SpectrumData{detector}").get_iter_and_properties()
    rows = _rows(frame, chunks, height, width)
    at_a_time = max(1, BLOCK_BYTES // (4 * width * channels))
    while block := list(itertools.islice(rows, at_a_time)):
        dense = _decoded(block, width, place.size)
        counts = sparse.csr_array(dense)
        # 64 bits have room for the sum of detectors.
        moved = (counts.data.astype(np.int64), place[counts.indices], counts.indptr)
        yield sparse.csr_array(moved, shape=(counts.shape[0], channels))


def _rows(frame: Frame, chunks: Iterator[bytes], height: int, width: int) -> Iterator[bytes]:
    """Cut the stream of a detector into rows, and check the headers of their pixels."""
    stream, at = bytearray(), 0

    def number(at: int) -> int:
        return int.from_bytes(stream[at : at + 4], "little")

    def require(until: int) -> None:
        while len(stream) < until:
            try:
                stream.extend(next(chunks))
            except StopIteration:
                raise Refused(
                    f"the pixels of {frame.name} end too early: it is cut short or damaged; "
                    "copy it again from the microscope"
                ) from None

    require(_FIRST_ROW)
    if number(0) > height or number(4) > width:
        raise Refused(
            _damaged(frame, f"a map of {number(0)} x {number(4)} where its header says {height} x {width}")
        )
    recorded, at = number(0), _FIRST_ROW
    for row in range(recorded):
        require(at + 4)
        pixels, begin = number(at), at
        at += 4
        if pixels > width:
            raise Refused(_damaged(frame, f"{pixels} pixels in row {row}, which has {width}"))
        for _ in range(pixels):
            require(at + _PIXEL.size)
            column, _, _, _, packing, _, photons, packed = _PIXEL.unpack_from(stream, at)
            least = (2 * photons, 3 * photons // 2, 4)[min(packing, 2)]
            if column >= width or packed < least:
                raise Refused(_damaged(frame, f"an impossible pixel in row {row}"))
            at += _PIXEL.size + packed + (2 * photons if packing > 1 else 0)
        require(at)
        yield bytes(stream[begin:at])
        del stream[:at]
        at = 0
    yield from itertools.repeat(_EMPTY_ROW, height - recorded)


def _decoded(rows: list[bytes], width: int, channels: int) -> np.ndarray:
    """Decode whole rows, (pixels, C)."""
    from rsciio.bruker import _api

    decode = _api.unbcf_fast.parse_to_numpy if _api.fast_unbcf else _api.py_parse_hypermap
    head = struct.pack("<II", len(rows), width).ljust(_FIRST_ROW, b"\0")
    stream = _OneChunk(b"".join([head, *rows, _READ_TOO_FAR]))
    return np.asarray(decode(stream, (len(rows), width, channels), np.uint32)).reshape(-1, channels)


class _OneChunk:
    """What RosettaSciIO's decoder takes for a file inside a .bcf, of one chunk."""

    def __init__(self, content: bytes) -> None:
        self._content = content

    def get_iter_and_properties(self) -> tuple[Iterator[bytes], int, int]:
        return iter([self._content]), len(self._content), 1


def _damaged(frame: Frame, found: str) -> str:
    return f"{frame.name} is damaged: it holds {found}; copy it again from the microscope"


def _say_total(path: Path, totals: np.ndarray, of_sum_spectra: list[int], places: list[np.ndarray]) -> None:
    """Log what was added up, and whether the pixels hold what the sum spectra of the file say."""
    if len(totals) > 1:
        moved = max(int(np.abs(place - np.arange(place.size)).max()) for place in places)
        aside = (
            f" (their energy axes differ by up to {moved} channels: channels were matched)" if moved else ""
        )
        counts = " + ".join(f"{total:,}" for total in totals)
        _log.warning(
            "%s was recorded with %d detectors: added up their counts, %s%s",
            path.name,
            len(totals),
            counts,
            aside,
        )
    missing, whole = sum(of_sum_spectra) - int(totals.sum()), sum(of_sum_spectra)
    if missing:
        _log.warning(
            "the pixels of %s hold %s counts, and its own sum spectrum %s: %s are %s (%.2g %%)",
            *(path.name, f"{int(totals.sum()):,}", f"{whole:,}", f"{abs(missing):,}"),
            *("missing" if missing > 0 else "too many", 100 * abs(missing) / max(whole, 1)),
        )
