"""Cut text for a prompt: at most twelve lines of at most a hundred characters, however long its names are."""

import textwrap
from collections.abc import Iterable, Sequence

LINES, WIDTH = 12, 100
MOST_LISTED = 6  # components


def brief(lines: Iterable[str]) -> str:
    """Cut text to `LINES` lines of `WIDTH` characters; a cut shows as "...".

    Parameters
    ----------
    lines : iterable of str
        Line breaks inside one become spaces.
    """
    cut = [_cut(line) for line in lines]
    if len(cut) > LINES:
        cut = [*cut[: LINES - 1], f"... {len(cut) - LINES + 1} more lines"]
    return "\n".join(cut)


def columns(rows: Sequence[Sequence[str]], longest: int = 30) -> list[str]:
    """Lay out cells in columns: the first to the left, the others to the right.

    Parameters
    ----------
    rows : sequence of sequences of str
        As many cells each.
    longest : int
        Longer cells are cut.
    """
    cells = [[_cut(cell, longest) for cell in row] for row in rows]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    laid = (
        "  ".join(
            c.ljust(w) if i == 0 else c.rjust(w) for i, (c, w) in enumerate(zip(row, widths, strict=True))
        )
        for row in cells
    )
    return [line.rstrip() for line in laid]


def say_warnings(warnings: Sequence[str]) -> list[str]:
    """Count warnings and quote the first, in at most two lines."""
    if not warnings:
        return []
    head = "1 warning: " if len(warnings) == 1 else f"{len(warnings)} warnings, the first: "
    return wrapped(head + warnings[0], 2)


def wrapped(text: str, most: int) -> list[str]:
    """Break text into at most so many lines of `WIDTH` characters; a cut shows as "..."."""
    return textwrap.wrap(text, WIDTH, max_lines=most, placeholder=" ...", subsequent_indent="  ")


def _cut(line: str, width: int = WIDTH) -> str:
    plain = "".join(c if c.isprintable() else " " for c in line)
    return plain if len(plain) <= width else plain[: width - 3].rstrip() + "..."
