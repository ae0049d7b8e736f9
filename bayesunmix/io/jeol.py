"""Read JEOL .pts files: the stream of events is decoded here, the rest of the file by RosettaSciIO.

RosettaSciIO leaves out a frame during which the recording was stopped, without a word, and needs a hundred bytes for
each photon. Here photons become sparse counts at once, whole frames are used, and it is said what share was left out.

The stream consists of 2-byte words, little-endian. The upper 4 bits say what the lower 12 are: 8 the column and 9 the
row of the pixel that follows, of 4096; 10 the brightness of an electron image; 11 the channel of a photon. Rows that
begin again from the top begin a new frame. The stream begins where byte 28 of the file says; byte 32 gives its length
in some files, and the length of the whole file in others.
"""

import itertools
import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from scipy import sparse

from bayesunmix.data.spectral_axis import Signal
from bayesunmix.io.dataset import frame_of, listed
from bayesunmix.io.reading_axes import Refused
from bayesunmix.io.stacking import added, cuts

_log = logging.getLogger("bayesunmix")

_COLUMN, _ROW, _BRIGHTNESS, _PHOTON = 8, 9, 10, 11
_STEPS = 4096  # of a column or row
_BLOCK_WORDS = 2**22


def read_pts(path: Path, dataset: int | None = None, signal: Signal | None = None) -> Iterator[Any]:
    """Yield the frame of the map, and then the counts of all pixels.

    Parameters
    ----------
    path : Path
    dataset : int, optional
        0, because such a file holds one map.
    signal : {"eds", "xrf", "any"}, optional
        What was counted; "eds" where not given.

    Raises
    ------
    Refused
        If the file is cut short or damaged.
    """
    from rsciio.jeol import file_reader

    listed(path.name, ["all frames"], dataset)
    stream = _stream(path)
    photons = _photons(stream)
    if not photons:
        raise Refused(f"{path.name!r} holds no photons; name the file of the map, or copy it again")
    # The axes are those of every frame; decoding the first is enough.
    first, *_ = file_reader(str(path), lazy=True, frame_list=[0], only_valid_data=False)
    frame = frame_of(repr(path.name), first["data"].shape, first["axes"], signal)
    yield frame
    height, width, _ = frame.shape
    end, is_whole = _last_frame(stream, height, width)
    if not is_whole and end == stream.size:
        _log.warning("%s: its only frame was not finished, so that the last rows are empty", path.name)
    counts = added(_counts(stream[:end], frame.shape))
    _say_left_out(path, photons, _photons(stream[end:]), int(counts.data.sum(dtype=np.int64)))
    for first, last in itertools.pairwise(cuts(counts.indptr)):
        yield counts[first:last]


def _stream(path: Path) -> np.ndarray:
    """Open the stream of events, (words,) uint16, without reading it."""
    size = path.stat().st_size
    with path.open("rb") as file:
        head = file.read(36)
    begin, length = (int.from_bytes(head[at : at + 4], "little") for at in (28, 32))
    end = begin + length if begin + length <= size else length
    if not 36 <= begin < end <= size:
        raise Refused(f"{path.name!r} is cut short or not a .pts file; copy it again from the microscope")
    return np.memmap(path, np.dtype("<u2"), "r", begin, ((end - begin) // 2,))


def _blocks(stream: np.ndarray) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Yield what the words of the stream are, and their values, some at a time."""
    for first in range(0, stream.size, _BLOCK_WORDS):
        words = np.asarray(stream[first : first + _BLOCK_WORDS])
        yield words >> 12, words & 0xFFF


def _last_frame(stream: np.ndarray, height: int, width: int) -> tuple[int, bool]:
    """Return where the last frame to be used ends, and whether it is whole; the only one is used in any case."""
    first, begin, row, column, images = 0, 0, 0, 0, False
    for kind, value in _blocks(stream):
        at = np.flatnonzero(kind == _ROW)
        rows = np.concatenate([[row], value[at].astype(np.int64)])
        back = at[np.diff(rows) < 0]
        if back.size:
            begin = first + int(back[-1])
        row = int(rows[-1])
        columns = value[kind == _COLUMN]
        column = int(columns[-1]) if columns.size else column
        images = images or bool((kind == _BRIGHTNESS).any())
        first += kind.size
    # Without an electron image, pixels without a photon have no column.
    is_whole = row >= _STEPS - _STEPS // height and (not images or column >= _STEPS - _STEPS // width)
    return stream.size if is_whole or begin == 0 else begin, is_whole


def _counts(stream: np.ndarray, shape: tuple[int, ...]) -> Iterator[sparse.csr_array]:
    """Yield the photons of a stream as counts, (P, C), some words at a time."""
    height, width, channels = shape
    row = column = 0
    for kind, value in _blocks(stream):
        rows, columns = _until_next(kind == _ROW, value, row), _until_next(kind == _COLUMN, value, column)
        row, column = int(rows[-1]), int(columns[-1])
        y, x = rows // (_STEPS // height), columns // (_STEPS // width)
        photon = (kind == _PHOTON) & (y < height) & (x < width) & (value < channels)
        place = (y * width + x)[photon], value[photon].astype(np.int32)
        ones = np.ones(place[0].size, np.uint32)
        yield sparse.csr_array((ones, place), shape=(height * width, channels))


def _until_next(given: np.ndarray, values: np.ndarray, before: int) -> np.ndarray:
    """Return for each word the last value given until there, (words,) int32."""
    last = np.maximum.accumulate(np.where(given, np.arange(given.size), -1))
    return np.where(last < 0, before, values[last]).astype(np.int32)


def _say_left_out(path: Path, photons: int, unfinished: int, read: int) -> None:
    """Log the photons that are not in the image, with their share of all."""
    outside = photons - unfinished - read
    reasons = {"belong to a frame that was not finished": unfinished, "lie outside the map": outside}
    for reason, missing in reasons.items():
        if missing:
            _log.warning(
                "%s: left out %s of %s photons (%.2g %%), which %s",
                *(path.name, f"{missing:,}", f"{photons:,}", 100 * missing / photons, reason),
            )


def _photons(stream: np.ndarray) -> int:
    return sum(int(np.count_nonzero(kind == _PHOTON)) for kind, _ in _blocks(stream))
