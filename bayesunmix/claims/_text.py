"""Read text as programs write it: any encoding, line end, delimiter, quotes, decimal point or comma."""

import csv
import io
import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from bayesunmix.io.reading_axes import Refused

_LARGEST_BYTES = 2**28
_BYTE_ORDER_MARKS = {b"\xef\xbb\xbf": "utf-8-sig", b"\xff\xfe": "utf-16", b"\xfe\xff": "utf-16"}
_DELIMITERS = ("\t", ";", "|", ",")
_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?|[+-]?(nan|inf|infinity)", re.IGNORECASE)
_WITH_COMMA = re.compile(r"[+-]?\d*,\d+([eE][+-]?\d+)?")
_GROUPED = re.compile(r"[+-]?\d{1,3}(,\d{3})+(\.\d*)?")


@dataclass(frozen=True)
class Table:
    """Hold the rows of a text file, cell by cell.

    Parameters
    ----------
    name : str
        Name of the file, for messages.
    rows : list of lists of str
        Without empty rows, comments ("# ...") and empty cells at the end of every row.
    lines : list of int
        Line of the file that each row stands on, from 1.
    """

    name: str
    rows: list[list[str]]
    lines: list[int]

    @cached_property
    def numbers(self) -> list[list[float] | None]:
        """Return the numbers of each row, or None where a cell of it holds none."""
        return [numbers_of(row) for row in self.rows]

    def below(self, n: int) -> "Table":
        """Return the table without its first n rows."""
        return Table(self.name, self.rows[n:], self.lines[n:])


def read_text(path: Path) -> str:
    """Return the text of a file with plain line ends.

    Raises
    ------
    Refused
        If the file is empty, too large for text that a person wants read, or no text.
    """
    size = path.stat().st_size
    if size > _LARGEST_BYTES:
        raise Refused(
            f"{path.name!r} has {size / 1e6:.0f} MB, and a text file may have {_LARGEST_BYTES / 1e6:.0f}; "
            "export it as .npy or TIFF"
        )
    content = path.read_bytes()
    text = _decoded(path.name, content).replace("\r\n", "\n").replace("\r", "\n")
    if not text.strip():
        raise Refused(f"{path.name!r} is empty; export it again")
    strange = sum(not (letter.isprintable() or letter in "\n\t\f\xa0\x1a\xad") for letter in text[:100_000])
    if strange > 0.001 * min(len(text), 100_000):
        raise Refused(
            f"{path.name!r} is no text, as a {path.suffix or 'text'} file must be; check the name of the file"
        )
    return text


def read_table(path: Path) -> Table:
    """Read a table with any delimiter.

    Raises
    ------
    Refused
        If the file is no text, or a quote is never closed.
    """
    return table_of(path.name, read_text(path))


def table_of(name: str, text: str) -> Table:
    """Cut a text into rows and cells; see `read_table`."""
    numbered = [(number, line) for number, line in enumerate(text.split("\n"), 1) if line.strip()]
    kept = [(i, line) for i, line in numbered if not _is_comment(line) and not line.startswith("sep=")]
    if not kept:
        raise Refused(f"{name!r} holds no rows; export it again")
    delimiter = _delimiter([line for _, line in kept])
    rows = [_cells(name, number, line, delimiter) for number, line in kept]
    while min(map(len, rows)) > 1 and not any(row[-1] for row in rows):
        rows = [row[:-1] for row in rows]
    filled = [(row, number) for row, (number, _) in zip(rows, kept, strict=True) if any(row)]
    if not filled:
        raise Refused(f"{name!r} holds no rows; export it again")
    # A header may stand in a comment: "# energy_kev,Cr,Ni".
    above = [(number, line) for number, line in numbered if number < filled[0][1] and _is_comment(line)]
    if above:
        number, line = above[-1]
        try:
            header = _cells(name, number, line.lstrip()[1:].strip(), delimiter)
        except Refused:
            header = []
        if len(header) == len(filled[0][0]) > 1:
            filled.insert(0, (header, number))
    return Table(name, [row for row, _ in filled], [number for _, number in filled])


def number_of(cell: str) -> float | None:
    """Return the number in a cell, with a decimal point or comma; None where it holds none."""
    cell = cell.strip().strip('"').replace("\u2212", "-")
    if _NUMBER.fullmatch(cell):
        return float(cell)
    if _GROUPED.fullmatch(cell) and (cell.count(",") > 1 or "." in cell):
        return float(cell.replace(",", ""))
    return float(cell.replace(",", ".")) if _WITH_COMMA.fullmatch(cell) else None


def numbers_of(cells: Sequence[str]) -> list[float] | None:
    """Return the numbers of a row; None where a cell holds none."""
    try:  # most rows are plain, and this is ten times faster
        if "_" not in "".join(cells):
            return list(map(float, cells))
    except ValueError:
        pass
    found = [number_of(cell) for cell in cells]
    return None if None in found else [value for value in found if value is not None]


def require_even(table: Table) -> None:
    """Refuse a table whose rows have different numbers of cells, and name the first one."""
    width = len(table.rows[0])
    for row, line in zip(table.rows, table.lines, strict=True):
        if len(row) != width:
            raise Refused(
                f"{table.name!r} must have as many cells in every row: line {line} has {len(row)}, and line "
                f"{table.lines[0]} {width}; export it again, or mend that line"
            )


def _decoded(name: str, content: bytes) -> str:
    for mark, encoding in _BYTE_ORDER_MARKS.items():
        if content.startswith(mark):
            try:
                return content.decode(encoding)
            except UnicodeDecodeError:
                raise Refused(
                    f"{name!r} is cut short or damaged (its text does not decode); copy it again"
                ) from None
    try:
        return content.decode("utf-8")
    except UnicodeDecodeError:
        return content.decode("latin-1")


def _is_comment(line: str) -> bool:
    """Return True for "# ...", but not for a colour that stands first in its row: "#ff0000, Cr"."""
    return line.lstrip().startswith("#") and not re.match(r"\s*#[0-9a-fA-F]{6}\b", line)


def _delimiter(lines: list[str]) -> str | None:
    """Return what most lines are cut by; None for spaces."""
    sample = lines[:200]
    for delimiter in _DELIMITERS:
        cut = [line for line in sample if delimiter in line]
        if len(cut) < 0.6 * len(sample):
            continue
        if delimiter == "," and _is_decimal(sample):
            continue
        return delimiter
    return None


def _is_decimal(lines: list[str]) -> bool:
    """Return True if commas stand in numbers, and spaces between these: "0,5 1,25"."""
    cells = [cell for line in lines for cell in line.split()]
    numeric = [line for line in lines if all(number_of(cell) is not None for cell in line.split())]
    with_comma = sum(bool(_WITH_COMMA.fullmatch(cell)) for cell in cells)
    return (
        bool(with_comma) and 2 * len(numeric) > len(lines) and any(len(line.split()) > 1 for line in numeric)
    ) or (
        (with_comma >= 0.6 * len(lines) and all(line.count(",") == 1 for line in lines if "," in line))
        and all(len(line.split()) > 1 for line in lines)
    )


def _named(cells: list[str]) -> list[str]:
    """Join the words of a name that stands before numbers or a colour: "iron oxide 12.5 %"."""
    first = next((i for i, cell in enumerate(cells) if _is_value(cell)), 0)
    return [" ".join(cells[:first]), *cells[first:]] if first > 1 else cells


def _is_value(cell: str) -> bool:
    return number_of(cell.rstrip("%")) is not None or bool(re.match(r"#[0-9a-fA-F]", cell))


def _cells(name: str, number: int, line: str, delimiter: str | None) -> list[str]:
    if delimiter is None:
        return _named(line.split())
    if '"' not in line:
        return [cell.strip() for cell in line.split(delimiter)]
    try:
        rows = list(csv.reader(io.StringIO(line), delimiter=delimiter, skipinitialspace=True, strict=True))
    except csv.Error:
        raise Refused(
            f"{name!r} has a quote that is not closed, or a cell without end, in line {number}; export it again"
        ) from None
    return [cell.strip() for cell in rows[0]] if rows else []
