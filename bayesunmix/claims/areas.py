"""Read a table of area fractions: in percent, as fractions, in pixels or in square micrometres."""

import math
import re
from dataclasses import dataclass

from bayesunmix.claims._found import Found, is_no_phase, plain_name
from bayesunmix.claims._text import Table, number_of
from bayesunmix.claims.claimed_parts import ClaimedArea
from bayesunmix.io.reading_axes import Refused

_TOTAL = {"total", "sum", "all", "totals", "overall", "wholemap", "map", "summe", "gesamt"}
_NAME = {"name", "phase", "phasename", "mineral", "label", "class", "component"}
_PERCENT = re.compile(r"%|percent|pct", re.IGNORECASE)
_FRACTION = re.compile(r"fraction|share|proportion", re.IGNORECASE)
_PIXELS = re.compile(r"\b(pixels?|px|pix|counts?)\b", re.IGNORECASE)
_SQUARE = re.compile(r"(µm|μm|um|mm|nm)\s*[²2^]", re.IGNORECASE)
_AREA = re.compile(r"area|fläche|surface", re.IGNORECASE)
_NOT_AREA = re.compile(r"\b(wt|weight|mass|at)\b|\b(wt|at)\.?\s*%|sigma|error|\bsd\b|±", re.IGNORECASE)
_SLACK = 0.005  # of the whole


@dataclass(frozen=True)
class _Row:
    """Hold a row: its name, its cell and number, and the line of the file."""

    name: str
    cell: str
    value: float
    line: int


def read_areas(table: Table) -> Found:
    """Read names and areas from the rows of a text file.

    Percent, fractions, and pixels or square micrometres are recognised by the header, the signs in the cells and the
    sum. A row "total" is the denominator; a row "unassigned" belongs to it, and is no phase.

    Raises
    ------
    Refused
        If a cell holds no number, an area is negative, or the areas sum to neither 1 nor 100.
    """
    header, body = _without_header(table)
    named, column = _columns(table.name, header, body)
    title = header[column] if column < len(header) else ""
    rows = [_row(body, i, named, column) for i in range(len(body.rows))]
    phases = [row for row in rows if plain_name(row.name) not in _TOTAL]
    totals = [row for row in rows if plain_name(row.name) in _TOTAL]
    names = [row.name for row in phases]
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice or not phases:
        raise Refused(
            f"{table.name!r} {f'names {twice!r} twice' if twice else 'names no phase'}; give each phase one row"
        )
    total = sum(row.value for row in phases)
    whole, is_given, notes = _whole(table.name, title, phases, totals, total)
    areas = {}
    for row in phases:
        if is_no_phase(row.name):
            notes.append(
                f"{table.name!r}: {100 * row.value / whole:.3g} % are unassigned, inside the denominator"
            )
            continue
        half = 0.5 * 10.0 ** -_decimals(row.cell) / whole if is_given else 0.0
        areas[row.name] = ClaimedArea(min(row.value / whole, 1.0), min(half, 1.0))
    if not areas:
        raise Refused(f"{table.name!r} names no phase; give each phase one row")
    return Found(areas=areas, notes=notes)


def is_header_of_areas(cells: list[str]) -> bool:
    """Return True if the first row of a table can only stand above areas."""
    return any(
        not _NOT_AREA.search(cell)
        and (_AREA.search(cell) or _PERCENT.search(cell) or _FRACTION.search(cell) or _PIXELS.search(cell))
        for cell in cells
    )


def look_like_areas(table: Table) -> bool:
    """Return True if a table without a header has names, and one number each with a %, or a sum of 1 or 100."""
    rows = table.rows
    if any(len(row) != 2 or number_of(row[0]) is not None for row in rows):
        return False
    values = [number_of(_bare(row[1])) for row in rows]
    if None in values:
        return False
    kept = [
        v for v, row in zip(values, rows, strict=True) if v is not None and plain_name(row[0]) not in _TOTAL
    ]
    total = sum(kept)
    return any("%" in row[1] for row in rows) or any(
        abs(total - whole) <= whole * 0.01 for whole in (1.0, 100.0)
    )


def _without_header(table: Table) -> tuple[list[str], Table]:
    """Return the cells of the header, if there is one, and the rows below it."""
    for i, row in enumerate(table.rows[:20]):
        is_numeric = any(number_of(_bare(cell)) is not None for cell in row)
        if not is_numeric and len(row) > 1 and is_header_of_areas(row) and len(table.rows) > i + 1:
            return row, table.below(i + 1)
        if is_numeric:
            return (table.rows[i - 1] if i else []), table.below(i)
    raise Refused(f"{table.name!r} holds no areas; write 'name,percent' in every row")


def _columns(name: str, header: list[str], body: Table) -> tuple[int, int]:
    """Return the columns of the names and of the areas."""
    width = min(map(len, body.rows))
    if width < 2 or any(len(row) != len(body.rows[0]) for row in body.rows):
        wrong = next(
            (i for i, row in enumerate(body.rows) if len(row) != len(body.rows[0]) or len(row) < 2), 0
        )
        raise Refused(
            f"{name!r} must have a name and an area in every row, and line {body.lines[wrong]} has "
            f"{len(body.rows[wrong])} cells; where a comma is the decimal point, cut columns by semicolons"
        )
    numeric = [i for i in range(width) if any(number_of(_bare(row[i])) is not None for row in body.rows)]
    titled = [i for i, cell in enumerate(header[:width]) if plain_name(cell) in _NAME]
    worded = [i for i in range(width) if all(number_of(_bare(row[i])) is None for row in body.rows)]
    named = (titled or worded or [0])[0]
    candidates = [
        i
        for i in numeric
        if i != named and not (i < len(header) and (_NOT_AREA.search(header[i]) or _is_index(header[i])))
    ]
    for kind in (_PERCENT, _FRACTION, _PIXELS, _SQUARE, _AREA):
        found = [i for i in candidates if i < len(header) and kind.search(header[i])]
        if found:
            by_area = [i for i in found if _AREA.search(header[i])]
            return named, (by_area or found)[0]
    with_sign = [i for i in candidates if any("%" in row[i] for row in body.rows)]
    if len(with_sign) == 1 or len(candidates) == 1:
        return named, (with_sign or candidates)[0]
    raise Refused(
        f"{name!r} has {len(candidates)} columns of numbers, and none is called an area; name one 'area %', or leave "
        "the others out (where a comma is the decimal point, cut columns by semicolons)"
    )


def _row(body: Table, i: int, named: int, column: int) -> _Row:
    cells, line = body.rows[i], body.lines[i]
    name, cell = cells[named].strip(), cells[column]
    value = number_of(_bare(cell))
    if not name:
        raise Refused(f"{body.name!r} has no name in line {line}; write 'name,percent' in every row")
    if value is None or not math.isfinite(value):
        raise Refused(f"{body.name!r} has no area in line {line} ({cell!r}); write a number for {name!r}")
    if value < 0:
        raise Refused(
            f"{body.name!r} gives {name!r} a negative area, {value:g}, in line {line}; correct the table"
        )
    return _Row(name, cell, value, line)


def _whole(
    file: str, title: str, phases: list[_Row], totals: list[_Row], total: float
) -> tuple[float, bool, list[str]]:
    """Return what the whole map is in the unit of the areas, whether it is given by that unit, and notes."""
    if total <= 0:
        raise Refused(f"the areas of {file!r} are all 0; export the table again")
    rounded = sum(0.5 * 10.0 ** -_decimals(row.cell) for row in phases)
    is_percent = bool(_PERCENT.search(title)) or any("%" in row.cell for row in phases)
    is_count = not is_percent and bool(_PIXELS.search(title) or _SQUARE.search(title))
    if is_count:
        return _of_total(file, totals, total)
    for whole in (100.0,) if is_percent else (1.0, 100.0):
        if abs(total - whole) <= rounded + whole * _SLACK:
            return whole, True, []
    is_fraction = bool(_FRACTION.search(title)) and total < 1
    if (is_percent and total < 100) or is_fraction:
        whole = 100.0 if is_percent else 1.0
        left = 100 * (1 - total / whole)
        return whole, True, [f"the areas of {file!r} leave {left:.3g} % of the map: read as unassigned"]
    are_whole = all(row.value == round(row.value) and _decimals(row.cell) == 0 for row in phases)
    if not is_percent and are_whole and total > 200:
        return _of_total(file, totals, total)
    raise Refused(
        f"the areas of {file!r} sum to {total:.6g}, and must sum to 1, or to 100 %, or be numbers of pixels under the "
        "header 'pixels'; add a row 'unassigned' for the rest"
    )


def _of_total(file: str, totals: list[_Row], total: float) -> tuple[float, bool, list[str]]:
    """Return the whole of areas that are no shares: the row of the total, or their sum."""
    if not totals:
        return total, False, [f"{file!r} has no row 'total': its areas are read as shares of their sum"]
    whole = totals[0].value
    if whole < total * (1 - _SLACK):
        raise Refused(
            f"the areas of {file!r} sum to {total:.6g}, more than the row {totals[0].name!r} says ({whole:.6g}); "
            "correct the table"
        )
    return max(whole, total), False, []


def _is_index(title: str) -> bool:
    return plain_name(title) in {"id", "index", "no", "nr", "number", "phaseid"} or title.strip() == "#"


def _bare(cell: str) -> str:
    return re.sub(r"\s*(%|px|pixels?|[µμu]m\s*[²2])\s*$", "", cell.strip(), flags=re.IGNORECASE).lstrip(
        "<~≈ "
    )


def _decimals(cell: str) -> int:
    """Return how many digits stand behind the decimal point or comma."""
    found = re.search(r"[.,](\d+)(?:[eE]([+-]?\d+))?$", _bare(cell))
    if not found:
        return 0
    return max(len(found[1]) - int(found[2] or 0), 0)
