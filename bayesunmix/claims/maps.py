"""Read element maps: TIFF, text, NumPy arrays, and the maps inside Velox .emd and JEOL .map files."""

import re
from pathlib import Path

import numpy as np

from bayesunmix.claims._found import Found, element_title
from bayesunmix.claims._text import Table
from bayesunmix.claims.pictures import Picture, grid_of
from bayesunmix.io import child
from bayesunmix.io.element_maps import read_emd_maps, read_jeol_map
from bayesunmix.io.reading_axes import Refused

MAP_SUFFIXES = (".asw", ".emd", ".map")
_IN_INDEX = re.compile(rb"[^\x00-\x1f]{1,400}?\.map", re.IGNORECASE)
_LARGEST_INDEX = 2**24


def read_map(title: str, picture: Picture) -> Found:
    """Take the numbers of a picture or an array for an element map.

    Raises
    ------
    Refused
        If it is a picture in colours.
    """
    if picture.is_coloured or picture.palette is not None:
        if picture.is_coloured and not np.ptp(picture.values, axis=2).any():
            return Found(maps={title: picture.values[..., 0].astype(float)})
        raise Refused(
            f"{picture.name!r} is a picture in colours, and an element map must hold numbers; export it as TIFF or "
            "CSV, or in grey"
        )
    values = np.asarray(picture.values, np.float64)
    outside = ~np.isfinite(values)
    if outside.all():
        raise Refused(f"{picture.name!r} holds no number; export the map again")
    notes = []
    if outside.any():
        notes.append(
            f"{picture.name!r} has no number in {int(outside.sum())} pixels: read as 0, as outside the scan"
        )
    return Found(maps={title: np.where(outside, 0.0, values)}, notes=notes)


def read_map_table(title: str, table: Table) -> Found:
    """Take the numbers of a text file for an element map."""
    return read_map(title, grid_of(table))


def read_maps_inside(path: Path) -> Found:
    """Read the element maps of a Velox .emd, of a JEOL .map, or of all .map files that a JEOL .ASW names.

    Raises
    ------
    Refused
        If the file holds no element map, or is damaged.
    """
    suffix = path.suffix.lower()
    if suffix == ".emd":
        titled = list(child.parts(read_emd_maps, path))
    elif suffix == ".asw":
        titled = [part for file in _maps_of_project(path) for part in child.parts(read_jeol_map, file)]
    else:
        titled = list(child.parts(read_jeol_map, path))
    maps: dict[str, np.ndarray] = {}
    left_out = []
    for title, values in titled:
        known = element_title(title, whole=True)
        if known is None:
            left_out.append(title)
            continue
        if known in maps:
            left_out.append(f"a second {known}")
            continue
        maps[known] = np.asarray(values, np.float64)
    if not maps:
        there = ", ".join(map(repr, left_out[:6])) or "nothing"
        raise Refused(
            f"{path.name!r} holds no map that is named after an element ({there}); export the element maps as TIFF"
        )
    notes = [f"the maps {', '.join(maps)} were read from {path.name!r}"]
    if left_out:
        notes.append(f"{path.name!r}: left out {', '.join(left_out)}, which are no element maps")
    return Found(maps=maps, made_from="these counts", notes=notes)


def _maps_of_project(path: Path) -> list[Path]:
    """Return the .map files that a JEOL project names, relative to its folder."""
    if path.stat().st_size > _LARGEST_INDEX:
        raise Refused(f"{path.name!r} is larger than the index of a project can be; name its .map files")
    names = [name.split(b"\0")[-1] for name in _IN_INDEX.findall(path.read_bytes())]
    if not names:
        raise Refused(
            f"{path.name!r} names no .map file: it is no JEOL project with element maps, or damaged"
        )
    files: list[Path] = []
    missing: list[Path] = []
    for name in dict.fromkeys(names):
        text = _decoded(name).replace("\\", "/")
        parts = [part for part in text.split("/") if part not in ("", ".")]
        if not parts or ".." in parts or ":" in text:
            continue
        file = path.parent.joinpath(*parts)
        (files if file.is_file() else missing).append(file)
    if not files:
        raise Refused(
            f"none of the {len(missing)} .map files that {path.name!r} names is there (first: "
            f"{missing[0].name if missing else '?'}); copy the whole folder of the project"
        )
    return files


def _decoded(name: bytes) -> str:
    for encoding in ("utf-8", "shift_jis"):
        try:
            return name.decode(encoding)
        except UnicodeDecodeError:
            continue
    return name.decode("latin-1")
