"""Read a legend: names of phases with their colours, or with their numbers."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from bayesunmix.claims._found import plain_name
from bayesunmix.claims._text import Table, number_of
from bayesunmix.io.reading_axes import Refused

_HEX = re.compile(r"(?:#|0x)?([0-9a-fA-F]{6})")
_TRIPLE = re.compile(r"(?:rgb)?\(?\s*(\d{1,3})\s*[,; ]\s*(\d{1,3})\s*[,; ]\s*(\d{1,3})\s*\)?", re.IGNORECASE)
_NAME = {"name", "phase", "phasename", "mineral", "mineralname", "label", "class", "material", "component"}
_COLOUR = {"colour", "color", "rgb", "hex", "hexcolor", "hexcolour", "colourhex", "colorhex"}
_NUMBER = {
    "number",
    "id",
    "index",
    "value",
    "code",
    "no",
    "nr",
    "phaseid",
    "phaseindex",
    "labelid",
    "grey",
    "gray",
}
_CHANNELS = ({"r", "red"}, {"g", "green"}, {"b", "blue"})


@dataclass(frozen=True)
class Legend:
    """Hold what the colours, or the numbers, of a label map mean.

    Parameters
    ----------
    name : str
        Name of the file, for messages.
    names : tuple of str
        In the order of the file. Names like "unassigned" stay in it.
    colours : mapping from name to (red, green, blue)
        Empty for a legend of numbers.
    numbers : mapping from name to int
        Empty for a legend of colours alone.
    """

    name: str
    names: tuple[str, ...]
    colours: Mapping[str, tuple[int, int, int]] = field(default_factory=dict)
    numbers: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True)
class _Columns:
    """Hold which columns of a legend are what; None where it has none."""

    name: int
    colour: tuple[int, ...] | None
    number: int | None


def legend_of(table: Table) -> Legend:
    """Read a legend from the rows of a text file.

    Each row has a name and a colour ("#rrggbb", "r,g,b", or red, green and blue in columns of their own), or the number
    of the phase in the map, or all of these, in any order, below a header or without one.

    Raises
    ------
    Refused
        If a row has no name or no colour that can be read, or a name or a colour comes twice.
    """
    columns, first = _columns(table)
    names: list[str] = []
    colours: dict[str, tuple[int, int, int]] = {}
    numbers: dict[str, int] = {}
    for row, line in zip(table.rows[first:], table.lines[first:], strict=True):
        name = row[columns.name].strip().strip('"') if columns.name < len(row) else ""
        if not name:
            raise Refused(f"{table.name!r} has no name in line {line}; write 'name,#rrggbb' in every row")
        if name in names:
            raise Refused(f"{table.name!r} names {name!r} twice; give each phase one row")
        names.append(name)
        if columns.colour is not None:
            colours[name] = _colour(table.name, line, row, columns.colour)
        if columns.number is not None:
            numbers[name] = _number(table.name, line, row, columns.number)
    if not names:
        raise Refused(f"{table.name!r} names no phase; write 'name,#rrggbb' in every row")
    for what, values in (("colour", colours), ("number", numbers)):
        seen: dict = {}
        for name, value in values.items():
            if value in seen:
                raise Refused(
                    f"{table.name!r} gives {seen[value]!r} and {name!r} the same {what} {value}; "
                    f"give each phase a {what} of its own"
                )
            seen[value] = name
    return Legend(table.name, tuple(names), colours, numbers)


def is_legend(table: Table) -> bool:
    """Return True if the rows can only be a legend of colours."""
    try:
        columns, first = _columns(table)
    except Refused:
        return False
    return columns.colour is not None and first < len(table.rows)


def colour_of(text: str) -> tuple[int, int, int] | None:
    """Return the colour that is written as #rrggbb or as r,g,b; None where it is none."""
    return _hex(text) or _triple(text)


def too_near(legend: Legend, least: float) -> tuple[str, str, float] | None:
    """Return the two names whose colours are nearest, and their distance, where it is below `least`."""
    names = list(legend.colours)
    values = np.array([legend.colours[name] for name in names], float).reshape(-1, 3)
    apart = np.sqrt(((values[:, None] - values) ** 2).sum(-1)) + np.where(np.eye(len(names)), np.inf, 0)
    if len(names) < 2 or apart.min() >= least:
        return None
    one, other = np.unravel_index(apart.argmin(), apart.shape)
    return names[one], names[other], float(apart.min())


def _columns(table: Table) -> tuple[_Columns, int]:
    """Return which columns are what, and the number of the first row below the header."""
    head = [plain_name(cell) for cell in table.rows[0]]
    by_name = {
        kind: next((i for i, cell in enumerate(head) if cell in words), None)
        for kind, words in (("name", _NAME), ("colour", _COLOUR), ("number", _NUMBER))
    }
    channels = [next((i for i, cell in enumerate(head) if cell in words), None) for words in _CHANNELS]
    has_header = (
        by_name["colour"] is not None or None not in channels or by_name["number"] is not None
    ) and (by_name["name"] is not None or len(head) > 1)
    has_header = has_header and not any(_hex(cell) for cell in table.rows[0])
    if not has_header and len(table.rows) > 1:  # a header in words of another language
        first, second = (any(cell.strip().startswith("#") for cell in row) for row in table.rows[:2])
        has_header = not first and (second or _colour_columns(table.rows, None, []) == (None, None))
    rows = table.rows[1:] if has_header else table.rows
    if not rows:
        raise Refused(f"{table.name!r} has a header and no rows; write 'name,#rrggbb' in every row")
    colour, number = _colour_columns(
        rows, by_name["colour"] if has_header else None, channels if has_header else []
    )
    if has_header and by_name["number"] is not None and by_name["number"] not in (colour or ()):
        number = by_name["number"]
    elif has_header and colour is not None:
        number = None
    if colour is None and number is None:
        raise Refused(
            f"{table.name!r} is no legend: no column holds colours (#rrggbb, or red, green, blue from 0 to 255) or "
            "numbers of phases; write 'name,#rrggbb' in every row"
        )
    taken = {*(colour or ()), *([] if number is None else [number])}
    name = by_name["name"] if has_header and by_name["name"] not in taken else None
    if name is None:
        width = min(map(len, rows))
        free = [i for i in range(width) if i not in taken]
        worded = [i for i in free if any(number_of(row[i]) is None for row in rows)]
        if not free:
            raise Refused(f"{table.name!r} has no column of names; write 'name,#rrggbb' in every row")
        name = (worded or free)[0]
    return _Columns(name, colour, number), int(has_header)


def _colour_columns(
    rows: list[list[str]], named: int | None, channels: list[int | None]
) -> tuple[tuple[int, ...] | None, int | None]:
    """Return the column, or three columns, of the colours, and the column of the numbers, by what they hold."""
    width = min(map(len, rows))
    if named is not None and named < width and all(colour_of(row[named]) for row in rows):
        return (named,), None
    if channels and None not in channels:
        return tuple(i for i in channels if i is not None), None
    for i in range(width):
        if any(row[i].strip().startswith("#") for row in rows):
            return (i,), None
        marked = any(row[i].strip().startswith("0x") or not _decimal(row[i]) for row in rows)
        if marked and all(colour_of(row[i]) for row in rows):
            return (i,), None
    bytes_ = [i for i in range(width) if all(_is_byte(row[i]) for row in rows)]
    for last in reversed(bytes_):
        if {last - 1, last - 2} <= set(bytes_):
            before = [i for i in bytes_ if i < last - 2]
            return (last - 2, last - 1, last), before[0] if len(before) == 1 else None
    whole = [i for i in range(width) if all(re.fullmatch(r"\d+", row[i].strip()) for row in rows)]
    return None, whole[0] if len(whole) == 1 else None


def _decimal(cell: str) -> bool:
    return bool(re.fullmatch(r"\d+", cell.strip()))


def _is_byte(cell: str) -> bool:
    return bool(re.fullmatch(r"\d{1,3}", cell.strip())) and int(cell) <= 255


def _hex(cell: str) -> tuple[int, int, int] | None:
    found = _HEX.fullmatch(cell.strip().strip('"'))
    return (int(found[1][:2], 16), int(found[1][2:4], 16), int(found[1][4:], 16)) if found else None


def _triple(cell: str) -> tuple[int, int, int] | None:
    found = _TRIPLE.fullmatch(cell.strip())
    if not found or max(map(int, found.groups())) > 255:
        return None
    return int(found[1]), int(found[2]), int(found[3])


def _colour(file: str, line: int, row: list[str], columns: tuple[int, ...]) -> tuple[int, int, int]:
    cells = [row[i] if i < len(row) else "" for i in columns]
    if len(cells) == 1:
        colour = colour_of(cells[0])
    else:
        values = [number_of(cell) for cell in cells]
        whole = [int(v) for v in values if v is not None and 0 <= v <= 255 and v == int(v)]
        colour = (whole[0], whole[1], whole[2]) if len(whole) == 3 else None
    if colour is None:
        raise Refused(
            f"{file!r} has no colour in line {line} ({', '.join(cells)}): write #rrggbb, or red, green and blue from "
            "0 to 255"
        )
    return colour


def _number(file: str, line: int, row: list[str], column: int) -> int:
    value = number_of(row[column]) if column < len(row) else None
    if value is None or value != value or abs(value) > 2**31 or value != int(value):
        raise Refused(
            f"{file!r} has no whole number in line {line}; give the number that the phase has in the map"
        )
    return int(value)
