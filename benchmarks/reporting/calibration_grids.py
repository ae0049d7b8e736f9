"""Arrange coverages and scores for the page: a row a phantom, dose and model, a column a quantity or a score."""

from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from benchmarks.reporting.coverage_table import share_text
from benchmarks.reporting.ranking import NOTHING, plus_minus
from benchmarks.reporting.score_table import score_label

_ROW = ["phantom", "dose", "model", "seeds"]
_FIRST = ("interval_score", "limit")


class Entry(NamedTuple):
    """Hold a number, and a class of the style sheet."""

    text: str = NOTHING
    kind: str = ""


class Heading(NamedTuple):
    """Name a column, and in small letters its unit."""

    label: str
    unit: str = ""


class Grid(NamedTuple):
    """Hold the headings of the columns after those of `_ROW`, and for each row these four and its cells."""

    headings: list[Heading]
    rows: list[tuple[tuple[Any, ...], list[Entry]]]


def coverage_grid(rows: pd.DataFrame) -> Grid:
    """Arrange rows of `coverage_table` of one source."""
    columns = list(dict.fromkeys(zip(rows["quantity"], rows["level"], strict=True)))
    lines = []
    for key, some in rows.groupby(_ROW, sort=False):
        cells = {
            (row.quantity, row.level): Entry(
                share_text(row), kind="worse" if row.verdict not in ("met", "") else ""
            )
            for row in some.itertuples()
        }
        lines.append((key, [cells.get(column, Entry()) for column in columns]))
    return Grid([Heading(quantity.capitalize(), f"{level} %") for quantity, level in columns], lines)


def score_grid(rows: pd.DataFrame) -> Grid:
    """Arrange rows of `score_table` of one source."""
    names = list(dict.fromkeys(rows["score"]))
    names.sort(key=lambda name: _FIRST.index(name) if name in _FIRST else len(_FIRST))
    known = rows.set_index([*_ROW, "score"])[["mean", "pm"]].T.to_dict("list")
    keys = dict.fromkeys(rows[_ROW].sort_values(_ROW[:3]).itertuples(index=False, name=None))
    lines = [
        (key, [Entry(plus_minus(*known[*key, name])) if (*key, name) in known else Entry() for name in names])
        for key in keys
    ]
    return Grid([Heading(*score_label(name)) for name in names], lines)


def text(value: object) -> str:
    """Write a value of a summary."""
    if isinstance(value, bool | np.bool):
        return "yes" if value else "no"
    if not isinstance(value, float):
        return str(value)
    if not np.isfinite(value):
        return NOTHING
    is_plain = abs(value) >= 1e-3 and not value.is_integer()
    return f"{value:.3f}" if is_plain else f"{value:.2g}" if abs(value) < 1 else f"{value:.0f}"
