"""Read Ripple maps, which Lispix, AZtec, INCA, Esprit and HyperSpy write: a text header, .rpl, beside raw counts, .raw.

The header has a key and a value in each line, apart by a tab, or as INCA writes them, ``(MLX::key : value)``. Its keys
are those of Lispix (https://www.nist.gov/services-resources/software/lispix) and those that HyperSpy added for the
steps, origins and units of the axes.
"""

import logging
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from bayesunmix.io.dataset import Refused, listed, parts_of

_log = logging.getLogger("bayesunmix")

_LINE = re.compile(r"[\s(]*(?:MLX::)?([A-Za-z][\w-]*)\s*[\t :=]\s*:?\s*(.*?)[\s)]*")
_KINDS = {"signed": "i", "unsigned": "u", "float": "f"}
_ORDERS = {"big-endian": ">", "little-endian": "<", "dont-care": "="}


def read_rpl(path: Path, dataset: int | None = None) -> Iterator[Any]:
    """Yield the frame of the map, and then its counts, some pixels at a time.

    Parameters
    ----------
    path : Path
        The header.
    dataset : int, optional
        0, because such a file holds one map.

    Raises
    ------
    Refused
        If the header lacks something, or the counts are missing or fewer than it says.
    """
    listed(path.name, ["the map"], dataset)
    header = _header(path)
    yield from parts_of(repr(path.name), _counts(path, header), _axes(header))


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


def _counts(path: Path, header: dict[str, str]) -> np.ndarray:
    """Open the counts without reading them: (height, width, depth), or (depth, height, width) where stored by image."""
    sizes = {name: _whole(path, header, name) for name in ("height", "width", "depth")}
    length, kind = _whole(path, header, "data-length"), header.get("data-type", "unsigned").lower()
    order = (
        header.get("byte-order", "dont-care").lower() if length > 1 else "dont-care"
    )  # one byte has no order
    by = header.get("record-by", "vector").lower()
    if by not in ("vector", "image") or sizes["depth"] < 2:
        raise Refused(
            f"{path.name!r} holds one image, and no spectrum image (record-by {by}, depth {sizes['depth']}): "
            "needed are counts over pixels and an energy axis; name the file of the map"
        )
    if (
        kind not in _KINDS
        or order not in _ORDERS
        or length not in (1, 2, 4, 8)
        or (kind == "float" and length < 2)
    ):
        raise Refused(
            f"{path.name!r} must say data-type signed, unsigned or float, data-length 1, 2, 4 or 8 and byte-order "
            f"big-endian, little-endian or dont-care, got {kind}, {length} and {order}; correct its header"
        )
    raw = raw_of(path)
    if raw is None:
        raise Refused(f"the counts of {path.name!r} are missing: put {path.stem}.raw beside it")
    shape = tuple(
        sizes[name]
        for name in (("height", "width", "depth") if by == "vector" else ("depth", "height", "width"))
    )
    begin = _whole(path, header, "offset", "0")
    needed, size = begin + length * int(np.prod(shape, dtype=object)), raw.stat().st_size
    if size < needed:
        raise Refused(
            f"{raw.name!r} is cut short, or not what {path.name!r} describes: it holds {size} bytes where "
            f"{' x '.join(map(str, shape))} counts of {length} bytes from byte {begin} need {needed}; copy both again"
        )
    if size > needed:
        _log.warning(
            "%s holds %d bytes more than %s describes: they are not read", raw.name, size - needed, path.name
        )
    return np.memmap(raw, np.dtype(f"{_ORDERS[order]}{_KINDS[kind]}{length}"), "r", begin, shape)


def _axes(header: dict[str, str]) -> list[dict[str, Any]]:
    """Return the axes in the order of the counts; Lispix gives the step of the energy axis as `ev-per-chan`."""

    def axis(name: str) -> dict[str, Any]:
        scale, units = header.get(f"{name}-scale"), header.get(f"{name}-units", "")
        if name == "depth" and scale is None and "ev-per-chan" in header:
            scale, units = header["ev-per-chan"], "eV"
        return {
            "name": header.get(f"{name}-name", name),
            "scale": _number(scale, 1.0),
            "offset": _number(header.get(f"{name}-origin"), 0.0),
            "size": int(float(header[name])),
            "units": units,
            "navigate": name != "depth",
        }

    by_image = header.get("record-by", "").lower() == "image"
    return [
        axis(name) for name in (("depth", "height", "width") if by_image else ("height", "width", "depth"))
    ]


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


def _number(text: str | None, default: float) -> float:
    try:
        return default if text is None else float(text)
    except ValueError:
        return default
