"""Arrange coverages and scores for the page: a row a phantom, dose and model, a column a quantity or a score."""

from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from benchmarks.reporting.coverage_table import recalibrates, share_text
from benchmarks.reporting.ranking import NOTHING, plus_minus
from benchmarks.reporting.score_table import score_label

_ROW = ["phantom", "dose", "model", "seeds"]
_RAW = "raw_"
_FIRST = ("interval_score", "factors", "limit")


class Entry(NamedTuple):
    """Hold a number, a small remark below it, and a class of the style sheet."""

    text: str = NOTHING
    remark: str = ""
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
    """Arrange rows of `coverage_table` of one source; what was not handed out is the remark."""
    columns = list(dict.fromkeys(zip(rows["quantity"], rows["level"], strict=True)))
    lines = []
    for key, some in rows.groupby(_ROW, sort=False):
        cells = {}
        for column, pair in some.groupby(["quantity", "level"]):
            given, other = (pair[pair["handed_out"] == which] for which in (True, False))
            remarks = [f"{row.recalibration} {row.coverage:.3f}" for row in other.itertuples()]
            for row in given.itertuples():
                kind = "worse" if row.verdict not in ("met", "") else ""
                cells[column] = Entry(share_text(row), "".join(remarks), kind)
        lines.append((key, [cells.get(column, Entry()) for column in columns]))
    return Grid([Heading(quantity.capitalize(), f"{level} %") for quantity, level in columns], lines)


def score_grid(rows: pd.DataFrame) -> Grid:
    """Arrange rows of `score_table` of one source."""
    names = [name for name in dict.fromkeys(rows["score"]) if not name.startswith(_RAW)]
    names.sort(key=lambda name: _FIRST.index(name) if name in _FIRST else len(_FIRST))
    known = rows.set_index([*_ROW, "score"])[["mean", "pm"]].T.to_dict("list")
    keys = dict.fromkeys(rows[_ROW].sort_values(_ROW[:3]).itertuples(index=False, name=None))
    source = "".join(rows["source"].unique())
    lines = [
        (key, [_score(known, key, name, recalibrates(source, key[2])) for name in names]) for key in keys
    ]
    return Grid([Heading(*score_label(name)) for name in names], lines)


def _score(known: dict[tuple, tuple[float, float]], key: tuple, name: str, after_is_given: bool) -> Entry:
    after, before = known.get((*key, name)), known.get((*key, _RAW + name))
    if after is None or before is None:
        return Entry(plus_minus(*after)) if after else Entry()
    if after_is_given:
        return Entry(plus_minus(*after), f"before {plus_minus(before[0], np.nan)}")
    return Entry(plus_minus(*before), f"after {plus_minus(after[0], np.nan)}")


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
