"""Read Velox .emd files: the streams of photons are decoded here, the rest of the file by RosettaSciIO.

RosettaSciIO needs a hundred bytes for each photon, and takes the whole frame of the scan for the map where a file holds
EELS too, so that counts end in wrong pixels. Here photons become sparse counts at once, and the size of the map is that
of the area that was scanned.

A stream consists of 2-byte words: the channel of a photon, or 65535 when the beam goes to the next pixel. Each detector
has its own; frames follow each other. The settings beside it give the size of the full frame and the area of the map.
"""

import itertools
import json
import logging
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy import sparse

from bayesunmix.data.spectral_axis import Signal
from bayesunmix.io.dataset import frame_of, parts_of
from bayesunmix.io.rosettasciio import chosen_image, datasets_of, is_eds, read_with_rosettasciio
from bayesunmix.io.stacking import added, cuts

if TYPE_CHECKING:
    import h5py

_log = logging.getLogger("bayesunmix")

_STREAMS = "Data/SpectrumStream"
_NEXT_PIXEL = 65535
_BLOCK_WORDS = 2**22
_NO_FRAME = 2**31 - 1


def read_emd(path: Path, dataset: int | None = None, signal: Signal | None = None) -> Iterator[Any]:
    """Yield the frame of a spectrum image, and then its counts, some pixels at a time; detectors are added up.

    Parameters
    ----------
    path : Path
    dataset : int, optional
        Which of the spectrum images of the file; where not given, the largest, EDS before others.
    signal : {"eds", "xrf", "any"}, optional
        What was counted; "eds" where not given.

    Raises
    ------
    Refused
        If the file holds no spectrum image, or is damaged.
    """
    import h5py

    with h5py.File(path, "r") as file:
        if not len(file.get(_STREAMS, ())):
            yield from read_with_rosettasciio(path, dataset, signal)
            return
        # Only the axes are taken from RosettaSciIO: it is asked for a frame that is not there.
        image = chosen_image(path, datasets_of(path, first_frame=_NO_FRAME), dataset, signal)
        if not is_eds(image):
            yield from parts_of(repr(path.name), image["data"], image["axes"], signal)
            return
        streams = list(file[_STREAMS].values())
        *full_frame, channels = image["data"].shape
        shape = (*_scanned(path, streams[0], *full_frame), channels)
        yield frame_of(repr(path.name), shape, image["axes"], signal)
        if len(streams) > 1:
            _log.warning("%s was recorded with %d detectors: added up their counts", path.name, len(streams))
        counts = added(block for stream in streams for block in _blocks(stream["Data"], *shape))
        for first, last in itertools.pairwise(cuts(counts.indptr)):
            yield counts[first:last]


def _scanned(path: Path, stream: "h5py.Group", height: int, width: int) -> tuple[int, int]:
    """Return rows and columns of the scanned area, from the settings where they give it and fit the stream."""
    try:
        settings = json.loads(stream["AcquisitionSettings"][0])["RasterScanDefinition"]
        area = json.loads(bytes(stream["Metadata"][:, 0]).split(b"\0")[0])["Scan"]["ScanArea"]
        rows = round(int(settings["Height"]) * (float(area["bottom"]) - float(area["top"])))
        columns = round(int(settings["Width"]) * (float(area["right"]) - float(area["left"])))
    except (KeyError, TypeError, ValueError, OverflowError):
        return height, width
    if (rows, columns) == (height, width) or min(rows, columns) < 1:
        return height, width
    _log.warning(
        "%s: the scanned area has %d x %d pixels, and its largest image %d x %d: read the counts as the scanned area",
        *(path.name, rows, columns, height, width),
    )
    return rows, columns


def _blocks(stream: "h5py.Dataset", height: int, width: int, channels: int) -> Iterator[sparse.csr_array]:
    """Yield the photons of a stream, (P, C), some words at a time; after the last pixel the first comes again."""
    pixel = 0
    for first in range(0, stream.shape[0], _BLOCK_WORDS):
        words = stream[first : first + _BLOCK_WORDS].ravel()
        later = words == _NEXT_PIXEL
        at = (pixel + np.cumsum(later)) % (height * width)
        pixel = int(at[-1])
        photon = words < channels
        place = at[photon].astype(np.int32), words[photon].astype(np.int32)
        yield sparse.csr_array((np.ones(place[0].size, np.uint32), place), shape=(height * width, channels))
