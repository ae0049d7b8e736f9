"""Draw maps without a drawing library: 8-bit PNG files with a palette, as text that a page can hold.

A palette of 255 colours is interpolated between a few anchors: those of viridis [1]_ for maps that begin at zero, those
of PuOr [2]_ for signed ones. Number 0 of the palette is transparent.

References
----------
.. [1] N. Smith and S. van der Walt, "A better default colormap for Matplotlib", SciPy 2015.
.. [2] C. A. Brewer, colorbrewer2.org.
"""

import base64
import struct
import zlib

import numpy as np

VIRIDIS = ("440154", "472d7b", "3b528b", "2c728e", "21918c", "28ae80", "5ec962", "addc30", "fde725")
PURPLE_ORANGE = (
    *("7f3b08", "b35806", "e08214", "fdb863", "fee0b6", "f7f7f7"),
    *("d8daeb", "b2abd2", "8073ac", "542788", "2d004b"),
)
_COLOURS = 255


def map_png(values: np.ndarray, low: float, high: float, anchors: tuple[str, ...] = VIRIDIS) -> str:
    """Draw a map as a data URI, a pixel of the picture for each pixel of the map.

    Parameters
    ----------
    values : (H, W) array
        NaN where a pixel is masked, which is transparent.
    low, high : float
        Values of the first and the last colour; what lies beyond gets these colours.
    anchors : tuple of str
        Colours as hexadecimal numbers, from low to high.

    Returns
    -------
    str
    """
    known = np.isfinite(values)
    span = high - low if high > low else 1.0
    place = np.clip((np.where(known, values, low) - low) / span, 0, 1)
    index = np.where(known, 1 + np.rint(place * (_COLOURS - 1)), 0).astype(np.uint8)
    palette = np.vstack([np.zeros((1, 3), np.uint8), _interpolated(anchors)])
    return "data:image/png;base64," + base64.b64encode(_png(index, palette)).decode("ascii")


def _interpolated(anchors: tuple[str, ...]) -> np.ndarray:
    colours = np.array([list(bytes.fromhex(anchor)) for anchor in anchors], float)
    at = np.linspace(0, len(anchors) - 1, _COLOURS)
    channels = [np.interp(at, np.arange(len(anchors)), channel) for channel in colours.T]
    return np.rint(np.stack(channels, axis=1)).astype(np.uint8)


def _png(index: np.ndarray, palette: np.ndarray) -> bytes:
    """Encode numbers of colours, whose number 0 is transparent (W3C, Portable Network Graphics)."""
    height, width = index.shape
    rows = np.hstack([np.zeros((height, 1), np.uint8), index])  # each row begins with its filter: none
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        [
            _chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 3, 0, 0, 0)),
            _chunk(b"PLTE", palette.tobytes()),
            _chunk(b"tRNS", b"\0"),
            _chunk(b"IDAT", zlib.compress(rows.tobytes(), 9)),
            _chunk(b"IEND", b""),
        ]
    )


def _chunk(kind: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))
