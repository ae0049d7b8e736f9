"""Tell what a file is, by its ending and by what is in it."""

import os
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from bayesunmix.claims._found import element_title
from bayesunmix.claims._text import Table, number_of, read_text, table_of
from bayesunmix.claims.areas import is_header_of_areas, look_like_areas
from bayesunmix.claims.ebsd import EBSD_SUFFIXES
from bayesunmix.claims.grids import MOST_PHASES
from bayesunmix.claims.legend import is_legend
from bayesunmix.claims.maps import MAP_SUFFIXES
from bayesunmix.claims.mindif import is_mindif
from bayesunmix.claims.pictures import ARRAY_SUFFIXES, PICTURE_SUFFIXES, Picture, grid_of, read_picture
from bayesunmix.claims.spectra import SPECTRUM_SUFFIXES, is_spectra_table
from bayesunmix.io.reading_axes import Refused
from bayesunmix.running.home import at_home

TEXT_SUFFIXES = (".asc", ".csv", ".dat", ".prn", ".tsv", ".txt")
_KNOWN = (
    *(*PICTURE_SUFFIXES, *ARRAY_SUFFIXES, *TEXT_SUFFIXES, *SPECTRUM_SUFFIXES),
    *(*EBSD_SUFFIXES, ".h5oina", *MAP_SUFFIXES),
)
_COUNTS = {".bcf", ".hspy", ".zspy", ".pts", ".rpl", ".raw", ".spd", ".h5", ".hdf5"}
_MAGIC = {
    b"\x89PNG": "a PNG picture",
    b"\xff\xd8\xff": "a JPEG picture",
    b"BM": "a BMP picture",
    b"II*\0": "a TIFF picture",
    b"MM\0*": "a TIFF picture",
    b"\x89HDF": "an HDF5 file",
    b"\x93NUMPY": "a NumPy array",
    b"PK\x03\x04": "a zip archive (or .npz, .xlsx)",
    b"%PDF": "a PDF",
    b"\x1f\x8b": "a gzip archive",
    b"\xd0\xcf\x11\xe0": "an old Office file (.xls, .doc)",
}
_LEGEND_HEADER = {"id", "number", "index", "code", "value", "label", "no", "nr", "phaseid", "phaseindex"}


class Recognised(NamedTuple):
    """Hold what a file is, and its content where that was read to tell.

    `kind` is one of: areas, ebsd, grid, h5oina, labels, legend, map, maps, mask, mindif, msa, spectra, spectrum.
    """

    path: Path
    kind: str
    content: Any = None

    @property
    def stem(self) -> str:
        """Return the name of the file without its ending."""
        return self.path.stem


def require_file(path: str | os.PathLike[str]) -> Path:
    """Return the path of a file that is there, can be read and has something in it, or of a MinDIF folder.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    Refused
        If it is empty, no file, or may not be read.
    """
    path = at_home(path)
    if not path.exists():
        raise FileNotFoundError(f"there is no file {str(path)!r}; check the name and the folder")
    if path.is_dir():
        if not is_mindif(path):
            raise Refused(
                f"{str(path)!r} is a folder, and no MinDIF export (it has no phases.xml); name the files in it"
            )
        return path
    if not path.is_file():
        raise Refused(f"{str(path)!r} is no file; name a file")
    if not os.access(path, os.R_OK):
        raise Refused(f"{path.name!r} may not be read; change its permissions, or copy it")
    if path.stat().st_size == 0:
        raise Refused(f"{path.name!r} is empty (0 bytes); export it again")
    return path


def recognise(path: Path, dataset: str | None = None) -> Recognised:
    """Tell what a file is.

    Raises
    ------
    Refused
        If nobody here reads such files, the file is damaged, or it may be several things; the message says which
        keyword tells them apart.
    """
    if is_mindif(path):
        return Recognised(path, "mindif")
    suffix = path.suffix.lower()
    if suffix in _COUNTS:
        raise Refused(
            f"{path.name!r} holds counts, and no claim about them; read it with bayesunmix.read, and name the files of "
            "the claim here"
        )
    if suffix not in _KNOWN:
        raise Refused(
            f"cannot read {path.name!r} as a claim: the endings are {' '.join(_KNOWN)}, got {suffix or 'none'}; "
            "export it as PNG, CSV or TIFF"
        )
    if suffix in (*PICTURE_SUFFIXES, *ARRAY_SUFFIXES):
        picture = read_picture(path, dataset)
        return Recognised(path, _kind_of_picture(picture, path), picture)
    for suffixes, kind in ((SPECTRUM_SUFFIXES, "spectrum"), (EBSD_SUFFIXES, "ebsd"), (MAP_SUFFIXES, "maps")):
        if suffix in suffixes:
            return Recognised(path, kind)
    if suffix == ".h5oina":
        return Recognised(path, "h5oina")
    text = text_of(path)
    if "#SPECTRUM" in text[:20_000].upper() and "#FORMAT" in text[:20_000].upper():
        return Recognised(path, "msa", text)
    table = table_of(path.name, text)
    return Recognised(path, _kind_of_table(table, path), table)


def text_of(path: Path) -> str:
    """Return the text of a file, and refuse one that is something else by its first bytes."""
    with path.open("rb") as file:
        head = file.read(8)
    for magic, what in _MAGIC.items():
        if head.startswith(magic) and not (magic == b"BM" and head.isascii() and b"\0" not in head):
            raise Refused(
                f"{path.name!r} is {what}, and no text as its ending says; give it the right ending"
            )
    return read_text(path)


def _kind_of_picture(picture: Picture, path: Path) -> str:
    """Tell a mask, a label map and an element map apart."""
    if picture.is_coloured or picture.palette is not None:
        return "mask" if picture.is_black_and_white else "labels"
    if element_title(path.stem, whole=True):
        return "map"
    if picture.is_black_and_white:
        return "mask"
    return _kind_of_numbers(picture, path)


def _kind_of_numbers(picture: Picture, path: Path) -> str:
    """Tell a label map from an element map: labels are whole numbers, and not many different ones."""
    values = picture.values
    finite = values[np.isfinite(values)] if values.dtype.kind == "f" else values
    are_labels = (
        finite.size > 0 and bool((finite == np.round(finite)).all()) and np.unique(finite).size <= MOST_PHASES
    )
    if element_title(path.stem, whole=are_labels):
        return "map"
    if are_labels:
        return "labels"
    raise Refused(
        f"{path.name!r} holds numbers that are no labels, and is not named after an element; give it as "
        f"maps={{'Fe': {path.name!r}}} if it is an element map"
    )


def _kind_of_table(table: Table, path: Path) -> str:
    """Tell a legend, areas, spectra, and grids of numbers apart."""
    rows = table.rows
    first = next((i for i, row in enumerate(rows) if any(number_of(cell) is not None for cell in row)), 1)
    header = rows[max(first - 1, 0)]
    names = [cell for row in rows for cell in row[:1] if number_of(cell) is None]
    numeric = sum(row is not None for row in table.numbers)
    has_header = len(rows) > 1 and all(number_of(cell) is None for cell in header)
    if has_header and is_header_of_areas(header) and not numeric:
        return "areas"
    if is_spectra_table(table):
        return "spectra"
    if numeric >= 0.5 * len(rows):
        if any(cell.strip().startswith("#") for row in rows[:20] for cell in row) and is_legend(table):
            return "legend"
        return "map" if _kind_of_numbers(grid_of(table), path) == "map" else "grid"
    if is_legend(table):
        return "legend"
    if look_like_areas(table) or (has_header and is_header_of_areas(header)):
        return "areas"
    plain = {"".join(c for c in cell.casefold() if c.isalnum()) for cell in header}
    if (has_header and plain & _LEGEND_HEADER) or _is_numbered(rows):
        return "legend"
    cells = len(rows[0])
    if names and len(names) < len(rows) and any(len(row) != cells for row in rows):
        wrong = next(line for row, line in zip(rows, table.lines, strict=True) if len(row) != cells)
        raise Refused(
            f"{table.name!r} must have as many cells in every row, and line {wrong} has not the {cells} of the first; "
            "export it again, or mend that line"
        )
    raise Refused(
        f"{table.name!r} may be a legend, a table of areas, or something else; say which with legend=, areas=, "
        "labels=, spectra= or maps="
    )


def _is_numbered(rows: list[list[str]]) -> bool:
    """Return True for names with the numbers 0, 1, 2, ... or 1, 2, 3, ..."""
    if any(len(row) != 2 for row in rows):
        return False
    for column in (0, 1):
        values = [number_of(row[column]) for row in rows]
        others = [number_of(row[1 - column]) for row in rows]
        if None in values or any(other is not None for other in others):
            continue
        found = sorted(v for v in values if v is not None)
        return found in ([float(i) for i in range(len(found))], [float(i + 1) for i in range(len(found))])
    return False
