"""Read the phases of a TESCAN TIMA export (MinDIF): a folder with `phases.xml`, `fields.xml` and one tile a field.

`phases.xml` names the numbers of phases, `fields.xml` gives the places of the tiles on the stage in micrometres,
`measurement.xml` the width of a tile, and `fields/NAME/phases.tif` the numbers of the pixels. Where `mask.png` is black
there is no specimen.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple
from xml.etree import ElementTree

import numpy as np

from bayesunmix.claims._found import Found, is_no_phase
from bayesunmix.claims._xml import read_xml
from bayesunmix.claims.claim import UNASSIGNED, UNDECIDED
from bayesunmix.claims.legend import colour_of
from bayesunmix.claims.pictures import decode_picture
from bayesunmix.io import child
from bayesunmix.io.reading_axes import Refused

_MOST_PIXELS = 2**27
_FILES = ("phases.xml", "fields.xml", "measurement.xml")


class _Tile(NamedTuple):
    """Hold a tile: its place in columns and rows of pixels on the stage, and its phases, (h, w)."""

    x: int
    y: int
    codes: np.ndarray


def is_mindif(path: Path) -> bool:
    """Return True for the folder of a MinDIF export, or one of its .xml files."""
    folder = path if path.is_dir() else path.parent
    return (path.is_dir() or path.name.lower() in _FILES) and (folder / "phases.xml").is_file()


def read_mindif(path: Path) -> Found:
    """Read a MinDIF folder, and put its tiles together.

    Raises
    ------
    Refused
        If a file is missing or damaged, or tiles do not lie on one grid.
    """
    folder = path if path.is_dir() else path.parent
    names, colours = _phases(folder)
    places, n_said = _fields(folder)
    pixel = _pixel_um(folder)
    tiles = list(_tiles(folder, places, pixel))
    if not tiles:
        raise Refused(
            f"{folder.name!r} holds none of the {n_said} tiles that its fields.xml names (fields/NAME/phases.tif); "
            "copy the whole folder"
        )
    labels, turned = _together(folder, tiles)
    there = [int(code) for code in np.unique(labels) if code >= 0]
    unnamed = [code for code in there if code not in names]
    if unnamed:
        raise Refused(
            f"phases.xml of {folder.name!r} does not name the numbers {', '.join(map(str, unnamed[:8]))} of its tiles; "
            "export it again"
        )
    merged = {name: code for code, name in reversed(list(names.items()))}
    for code in there:
        if is_no_phase(names[code]):
            labels[labels == code] = UNASSIGNED
        elif merged[names[code]] != code:  # two numbers of one name
            labels[labels == code] = merged[names[code]]
    kept = {code: names[code] for code in sorted(int(c) for c in np.unique(labels) if c >= 0)}
    notes = [
        f"{folder.name!r}: {len(tiles)} tiles, pixels of {pixel:g} um, {len(kept)} phases of {len(names)} named"
    ]
    if turned:
        notes.append(f"{folder.name!r}: {turned}")
    if len(tiles) < n_said:
        notes.append(f"{folder.name!r}: {n_said - len(tiles)} of {n_said} tiles are not there")
    return Found(
        labels=labels,
        names=kept,
        colours={name: colours[name] for name in kept.values() if name in colours},
        made_from=None,
        notes=notes,
    )


def decode_tile(path: Path) -> Iterator[Any]:
    """Yield the phases, and the mask beside them or None, of a tile; runs in the child."""
    ((_, codes, _, _),) = decode_picture(path)
    mask = None
    if (path.parent / "mask.png").is_file():
        ((_, mask, _, _),) = decode_picture(path.parent / "mask.png")
    yield codes, mask


def _phases(folder: Path) -> tuple[dict[int, str], dict[str, tuple[int, int, int]]]:
    """Return the names of the numbers, and the colours of the names."""
    names: dict[int, str] = {}
    colours: dict[str, tuple[int, int, int]] = {}
    for node in read_xml(folder / "phases.xml").iter():
        if "id" not in node.attrib or "name" not in node.attrib:
            continue
        code = _number(folder / "phases.xml", node, "id")
        name = node.attrib["name"].strip()
        if code != int(code) or code < 0 or not name:
            raise Refused(f"'phases.xml' has a phase with the id {node.attrib['id']!r}; export it again")
        names[int(code)] = name
        colour = colour_of(node.attrib.get("color", ""))
        if colour is not None:
            colours[name] = colour
    if not names:
        raise Refused(f"'phases.xml' of {folder.name!r} names no phase; export it again")
    return names, colours


def _fields(folder: Path) -> tuple[list[tuple[str, float, float]], int]:
    """Return name and place in um of the tiles that are there, and how many are named."""
    file = folder / "fields.xml"
    if not file.is_file():
        raise Refused(
            f"{folder.name!r} has no fields.xml, which says where its tiles lie; copy the whole folder"
        )
    root = read_xml(file)
    where = next((node.text or "" for node in root.iter("FieldDir")), "fields").strip() or "fields"
    fields = [node for node in root.iter("Field") if "name" in node.attrib]
    places = []
    for node in fields:
        name = node.attrib["name"]
        tile = folder / where / name
        if not tile.resolve().is_relative_to(folder.resolve()):
            raise Refused(f"'fields.xml' of {folder.name!r} names a tile outside its folder; export it again")
        if (tile / "phases.tif").is_file():
            places.append((f"{where}/{name}", _number(file, node, "x"), _number(file, node, "y")))
    return places, len(fields)


def _pixel_um(folder: Path) -> float:
    """Return the size of a pixel in micrometres."""
    file = folder / "measurement.xml"
    if not file.is_file():
        raise Refused(
            f"{folder.name!r} has no measurement.xml, which gives the size of a pixel; copy the whole folder"
        )
    found = {node.tag: node.text for node in read_xml(file).iter()}
    try:
        pixel = float(found["ViewField"] or "") / float(found["ImageWidth"] or "")
    except (KeyError, ValueError, ZeroDivisionError):
        pixel = 0.0
    if not 0 < pixel < np.inf:
        raise Refused(
            f"measurement.xml of {folder.name!r} gives no ViewField and ImageWidth; export it again"
        )
    return pixel


def _number(file: Path, node: ElementTree.Element, key: str) -> float:
    try:
        value = float(node.attrib[key])
    except (KeyError, ValueError):
        value = np.nan
    if not np.isfinite(value):
        raise Refused(f"{file.name!r} must give a number as {key} of each {node.tag}; export it again")
    return value


def _tiles(folder: Path, places: list[tuple[str, float, float]], pixel: float) -> Iterator[_Tile]:
    for name, x, y in places:
        try:
            ((codes, mask),) = child.parts(decode_tile, folder / name / "phases.tif")
        except Refused as error:
            raise Refused(f"tile {name} of {folder.name!r}: {error}") from error
        if codes.ndim != 2 or codes.dtype.kind not in "iu":
            raise Refused(f"{name}/phases.tif must hold one whole number for each pixel; export it again")
        codes = codes.astype(np.int64)
        if mask is not None:
            if mask.shape[:2] != codes.shape:
                raise Refused(f"{name}: mask.png and phases.tif have different sizes; export it again")
            codes[(mask if mask.ndim == 2 else mask[..., 0]) == 0] = UNASSIGNED
        yield _Tile(round(x / pixel), round(y / pixel), codes)


def _together(folder: Path, tiles: list[_Tile]) -> tuple[np.ndarray, str]:
    """Lay the tiles on one grid; the phases along their seams tell in which directions the stage counts."""
    height, width = tiles[0].codes.shape
    if any(tile.codes.shape != (height, width) for tile in tiles):
        raise Refused(f"the tiles of {folder.name!r} have different sizes; export it again")
    left = -1 if _agreement(tiles, 1, -1) >= _agreement(tiles, 1, 1) else 1
    down = 1 if _agreement(tiles, 0, 1) >= _agreement(tiles, 0, -1) else -1
    x = np.array([left * tile.x for tile in tiles])
    y = np.array([down * tile.y for tile in tiles])
    x, y = x - x.min(), y - y.min()
    shape = (int(y.max()) + height, int(x.max()) + width)
    if shape[0] * shape[1] > _MOST_PIXELS:
        raise Refused(
            f"the tiles of {folder.name!r} lie {shape[0]} x {shape[1]} pixels apart, which is no map; export it again"
        )
    labels = np.full(shape, UNDECIDED, np.int64)
    for tile, i, j in zip(tiles, y, x, strict=True):
        labels[i : i + height, j : j + width] = tile.codes
    said = f"x of the stage {'falls' if left < 0 else 'rises'} to the right, and y {'rises' if down > 0 else 'falls'} "
    return (
        labels,
        f"{said}downwards, as the seams of its tiles {'agree' if len(tiles) > 1 else 'are assumed to'}",
    )


def _agreement(tiles: list[_Tile], axis: int, sign: int) -> float:
    """Return the share of pixels with the same phase on both sides of the seams, for one direction of the stage."""
    size = tiles[0].codes.shape[axis]
    at = {(tile.x, tile.y): tile for tile in tiles}
    same: list[np.ndarray] = []
    for tile in tiles:
        place = (tile.x + sign * size, tile.y) if axis == 1 else (tile.x, tile.y + sign * size)
        if place in at:
            last, first = (np.take(t.codes, i, axis) for t, i in ((tile, -1), (at[place], 0)))
            same.append(last == first)
    return float(np.mean(np.concatenate(same))) if same else 0.0
