"""Tables as plain text."""

from collections.abc import Sequence


def laid_out(rows: Sequence[Sequence[str]]) -> str:
    """Align columns: the first to the left, the others to the right; the first row is the heading."""
    width = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = (
        "  ".join([row[0].ljust(width[0]), *(c.rjust(w) for c, w in zip(row[1:], width[1:], strict=True))])
        for row in rows
    )
    return "\n".join(line.rstrip() for line in lines)


def digits(value: float) -> str:
    """Write a count with three digits, or with all in front of the point."""
    return f"{value:.0f}" if abs(value) >= 100 else f"{value:.3g}"
