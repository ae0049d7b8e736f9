"""Read Ripple maps, which Lispix, AZtec, INCA, Esprit and HyperSpy write: a text header, .rpl, beside raw counts, .raw.

The header has a key and a value in each line, apart by a tab, or as INCA writes them, ``(MLX::key : value)``. Its keys
are those of Lispix (https://www.nist.gov/services-resources/software/lispix) and those that HyperSpy added for the
steps, origins and units of the axes.
"""

import logging
import math
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from bayesunmix.data.spectral_axis import Signal
from bayesunmix.io.dataset import BLOCK_BYTES, frame_of, listed, sparse_pixels
from bayesunmix.io.reading_axes import Refused

_log = logging.getLogger("bayesunmix")

_LINE = re.compile(r"[\s(]*(?:MLX::)?([A-Za-z][\w-]*)\s*[\t :=]\s*:?\s*(.*?)[\s)]*")
_KINDS = {"signed": "i", "unsigned": "u", "float": "f"}
_ORDERS = {"big-endian": ">", "little-endian": "<", "dont-care": "="}


def read_rpl(path: Path, dataset: int | None = None, signal: Signal | None = None) -> Iterator[Any]:
    """Yield the frame of the map, and then its counts, some pixels at a time.

    Parameters
    ----------
    path : Path
        The header.
    dataset : int, optional
        0, because such a file holds one map.
    signal : {"eds", "xrf", "any"}, optional
        What was counted; "eds" where not given.

    Raises
    ------
    Refused
        If the header lacks something, or the counts are missing or fewer than it says.
    """
    listed(path.name, ["the map"], dataset)
    header = _header(path)
    raw = _raw(path, header)
    frame = frame_of(repr(path.name), raw.shape, [_axis(path, header, name) for name in raw.order], signal)
    yield frame
    height, *line = frame.shape
    rows = max(1, BLOCK_BYTES // (math.prod(line) * raw.kind.itemsize))
    for first in range(0, height, rows):
        yield sparse_pixels(_rows(raw, first, min(first + rows, height)))


def raw_of(path: Path) -> Path | None:
    """Return the file with the counts of a header: of its name, and .raw in any case of letters."""
    names = [path.with_suffix(suffix) for suffix in (".raw", ".RAW")]
    others = sorted(file for file in path.parent.iterdir() if file.suffix.lower() == ".raw")
    return next((file for file in [*names, *others] if file.stem == path.stem and file.is_file()), None)


def _header(path: Path) -> dict[str, str]:
    """Return the keys, in small letters, and their values."""
    lines = path.read_text(encoding="latin-1").splitlines()
    found = [_LINE.fullmatch(line.split(";")[0]) for line in lines]
    return {match[1].lower(): match[2] for match in found if match}


class _Raw(NamedTuple):
    """Say where counts lie: file, type, first byte, and the axes from the slowest to the fastest."""

    path: Path
    kind: np.dtype
    begin: int
    order: tuple[str, ...]
    shape: tuple[int, ...]


def _raw(path: Path, header: dict[str, str]) -> _Raw:
    """Find the counts that a header describes."""
    kind, order = _kind(path, header), _order(path, header)
    raw = raw_of(path)
    if raw is None:
        raise Refused(f"the counts of {path.name!r} are missing: put {path.stem}.raw beside it")
    shape = tuple(_whole(path, header, name) for name in order)
    begin = _whole(path, header, "offset", "0")
    needed, size = begin + kind.itemsize * math.prod(shape), raw.stat().st_size
    if size < needed:
        raise Refused(
            f"{raw.name!r} is cut short, or not what {path.name!r} describes: it holds {size} bytes, and "
            f"{' x '.join(map(str, shape))} counts of {kind.itemsize} bytes from byte {begin} on need {needed}; "
            "copy both again"
        )
    if size > needed:
        beyond = size - needed
        _log.warning("%s holds %d bytes beyond what %s describes: left out", raw.name, beyond, path.name)
    return _Raw(raw, kind, begin, order, shape)


def _rows(raw: _Raw, first: int, last: int) -> np.ndarray:
    """Read some rows of the map, (rows, width, depth); what is mapped and not read would stay in memory."""
    by_image = raw.order[0] == "depth"
    n_planes, (height, *line) = (raw.shape[0], raw.shape[1:]) if by_image else (1, raw.shape)
    size = math.prod(line)
    planes = np.empty((n_planes, last - first, *line), raw.kind)
    with raw.path.open("rb") as file:
        for k in range(n_planes):
            file.seek(raw.begin + (k * height + first) * size * raw.kind.itemsize)
            planes[k] = np.fromfile(file, raw.kind, (last - first) * size).reshape(planes.shape[1:])
    return np.moveaxis(planes, 0, -1) if by_image else planes[0]


def _order(path: Path, header: dict[str, str]) -> tuple[str, ...]:
    by, depth = header.get("record-by", "vector").lower(), _whole(path, header, "depth")
    if by not in ("vector", "image") or depth < 2:
        raise Refused(
            f"{path.name!r} holds one image, and no spectrum image (record-by {by}, depth {depth}): "
            "needed are counts over pixels and an energy axis; name the file of the map"
        )
    return ("height", "width", "depth") if by == "vector" else ("depth", "height", "width")


def _kind(path: Path, header: dict[str, str]) -> np.dtype:
    length, kind = _whole(path, header, "data-length"), header.get("data-type", "unsigned").lower()
    # One byte has no order, whatever the header says.
    endian = header.get("byte-order", "dont-care").lower() if length > 1 else "dont-care"
    lengths = (2, 4, 8) if kind == "float" else (1, 2, 4, 8)
    if kind not in _KINDS or endian not in _ORDERS or length not in lengths:
        raise Refused(
            f"{path.name!r} must say data-type signed, unsigned or float, data-length 1, 2, 4 or 8 and byte-order "
            f"big-endian, little-endian or dont-care, got {kind}, {length} and {endian}; correct its header"
        )
    return np.dtype(f"{_ORDERS[endian]}{_KINDS[kind]}{length}")


def _axis(path: Path, header: dict[str, str], name: str) -> dict[str, Any]:
    """Describe an axis; Lispix gives the step of the energy axis as `ev-per-chan`."""
    scale, units = _number(path, header, f"{name}-scale"), header.get(f"{name}-units", "")
    ev_per_channel = _number(path, header, "ev-per-chan")
    if name == "depth" and ev_per_channel is not None and scale in (None, 1.0):
        in_kev = units.strip().lower() == "kev"
        scale, units = (ev_per_channel / 1000, units) if in_kev else (ev_per_channel, units or "eV")
    return {
        "name": header.get(f"{name}-name", name),
        "scale": 1.0 if scale is None else scale,
        "offset": _number(path, header, f"{name}-origin") or 0.0,
        "size": int(float(header[name])),
        "units": units,
        "navigate": name != "depth",
    }


def _whole(path: Path, header: dict[str, str], key: str, default: str = "") -> int:
    text = header.get(key, default)
    try:
        value = int(float(text))
    except (ValueError, OverflowError):
        value = -1
    if value < (key != "offset"):
        raise Refused(
            f"{path.name!r} must give {key} as a whole number, got {text or 'nothing'}; correct its header"
        )
    return value


def _number(path: Path, header: dict[str, str], key: str) -> float | None:
    """Return a number, which may have a decimal comma; None where the header has none."""
    text = header.get(key)
    if text is None or not text.strip():
        return None
    try:
        return float(text.replace(",", ".") if text.count(",") == 1 else text)
    except ValueError:
        raise Refused(
            f"{path.name!r} must give {key} as a number, got {text!r}; correct its header"
        ) from None
