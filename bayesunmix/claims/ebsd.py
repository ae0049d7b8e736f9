"""Read the phases of an EBSD map: .ctf (Oxford) and .ang (EDAX) text files with a square grid."""

import re
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from bayesunmix.claims._found import Found, is_no_phase
from bayesunmix.claims._text import number_of, read_text
from bayesunmix.claims.claim import UNASSIGNED
from bayesunmix.io.reading_axes import Refused

EBSD_SUFFIXES = (".ang", ".ctf")
_ANG_PHASE, _ANG_CONFIDENCE = 7, 6
_MOST_PIXELS = 2**27


def read_ebsd(path: Path) -> Found:
    """Read an .ang or .ctf file.

    Raises
    ------
    Refused
        If the grid is hexagonal, pixels are missing, or a phase has no name.
    """
    text = read_text(path)
    return read_ctf(path.name, text) if path.suffix.lower() == ".ctf" else read_ang(path.name, text)


def read_ctf(file: str, text: str) -> Found:
    """Read the text of a .ctf file; phase 0 is not indexed."""
    lines = text.split("\n")
    start = next(
        (i for i, line in enumerate(lines) if re.match(r"\s*phase\s+x\s+y\b", line, re.IGNORECASE)), None
    )
    if start is None:
        raise Refused(f"{file!r} is no .ctf file: it has no line 'Phase X Y ...'; export it again")
    keys = {line.split()[0].lower(): line.split()[1:] for line in lines[:start] if line.split()}
    if any("hex" in line.lower() for line in lines[:start] if "grid" in line.lower()):
        raise Refused(_hexagonal(file))
    width, height = (_whole(file, name, keys.get(name.lower(), [])) for name in ("XCells", "YCells"))
    n_phases = _whole(file, "Phases", keys.get("phases", []))
    begin = next(
        i for i, line in enumerate(lines) if line.split()[:1] and line.split()[0].lower() == "phases"
    )
    names = {}
    for code, line in enumerate(lines[begin + 1 : begin + 1 + min(n_phases, start)], 1):
        cells = line.split("\t")
        names[code] = cells[2].strip() if len(cells) > 2 and cells[2].strip() else f"phase {code}"
    column = next(i for i, cell in enumerate(lines[start].split()) if cell.lower() == "phase")
    codes = _column(file, lines, start + 1, column, width * height)
    return _found(file, codes.reshape(height, width), names)


def read_ang(file: str, text: str) -> Found:
    """Read the text of an .ang file; pixels with a confidence index below 0 are not indexed."""
    lines = text.split("\n")
    header = [line.lstrip("# \t") for line in lines if line.lstrip().startswith("#")]
    grid = next((line.lower() for line in header if line.upper().startswith("GRID")), "")
    if "hex" in grid:
        raise Refused(_hexagonal(file))
    keys = {
        line.split(":")[0].strip().upper(): line.split(":", 1)[1].split() for line in header if ":" in line
    }
    height = _whole(file, "NROWS", keys.get("NROWS", []))
    width = _whole(file, "NCOLS_ODD", keys.get("NCOLS_ODD", []))
    if keys.get("NCOLS_EVEN", [str(width)]) != [str(width)]:
        raise Refused(_hexagonal(file))
    titles = [cell.strip().lower() for cell in " ".join(keys.get("COLUMN_HEADERS", [])).split(",")]
    phase = next((i for i, title in enumerate(titles) if title.startswith("phase")), _ANG_PHASE)
    confidence = next((i for i, title in enumerate(titles) if title in ("ci", "confidence")), _ANG_CONFIDENCE)
    body = [line for line in lines if line.strip() and not line.lstrip().startswith("#")]
    codes = _column(file, body, 0, phase, width * height)
    unsure = _column(file, body, 0, confidence, width * height, whole=False) < 0
    names = _ang_names(header)
    if not names:
        raise Refused(f"{file!r} is no .ang file: it has no line '# Phase 1'; export it again")
    if len(names) == 1:  # EDAX then writes 0
        codes = np.where(codes == 0, next(iter(names)), codes)
    labels = codes.reshape(height, width)
    labels[unsure.reshape(height, width)] = UNASSIGNED
    return _found(file, labels, names)


def _ang_names(header: Sequence[str]) -> dict[int, str]:
    names: dict[int, str] = {}
    code = None
    for line in header:
        found = re.fullmatch(r"Phase\s*:?\s*(\d{1,6})\s*", line, re.IGNORECASE)
        if found:
            code = int(found[1])
            names[code] = f"phase {code}"
        named = re.match(r"MaterialName\s*:?\s*(.+)", line, re.IGNORECASE)
        if named and code is not None and named[1].strip():
            names[code] = named[1].strip()
    return names


def _column(
    file: str, lines: list[str], start: int, column: int, size: int, *, whole: bool = True
) -> np.ndarray:
    """Return one column of the rows below a header, one value for each pixel, (size,)."""
    rows = [line for line in lines[start:] if line.strip()]
    if len(rows) != size:
        raise Refused(
            f"{file!r} must have one row for each pixel of its grid, {size}, and has {len(rows)}; export the whole map"
        )
    values = np.empty(size)
    for i, row in enumerate(rows):
        cells = row.split()
        value = number_of(cells[column]) if column < len(cells) else None
        if value is None or not np.isfinite(value) or (whole and value != int(value)):
            raise Refused(f"{file!r} has no number in column {column + 1} of row {i + 1}; export it again")
        values[i] = value
    return values.astype(np.int64) if whole else values


def _whole(file: str, name: str, cells: Sequence[str]) -> int:
    value = number_of(cells[0]) if cells else None
    if value is None or not 1 <= value <= _MOST_PIXELS or value != int(value):
        raise Refused(f"{file!r} must give {name}, the size of its grid or number of phases; export it again")
    return int(value)


def _found(file: str, labels: np.ndarray, names: dict[int, str]) -> Found:
    there = [int(code) for code in np.unique(labels) if code > 0]
    missing = [code for code in there if code not in names]
    if missing:
        raise Refused(f"{file!r} uses the phases {missing[:8]}, and names {sorted(names)}; export it again")
    labels = np.where(labels > 0, labels, UNASSIGNED)
    kept = _different({code: names[code] for code in there})
    for code in [code for code, name in kept.items() if is_no_phase(name)]:
        labels[labels == code] = UNASSIGNED
        del kept[code]
    if not kept:
        raise Refused(f"{file!r} has no pixel with a phase; export the map after indexing")
    share = 100 * float((labels == UNASSIGNED).mean())
    notes = [f"{file!r}: {share:.3g} % of the pixels are not indexed"]
    return Found(labels=labels, names=kept, made_from="elsewhere", notes=notes)


def _different(names: dict[int, str]) -> dict[int, str]:
    """Add its number to the name of a phase that another one has, too."""
    all_names = list(names.values())
    return {code: name if all_names.count(name) == 1 else f"{name} ({code})" for code, name in names.items()}


def _hexagonal(file: str) -> str:
    return (
        f"{file!r} has a hexagonal grid, whose pixels are no pixels of the counts; convert it to a square grid in the "
        "EBSD program, and export it again"
    )
