"""Let published results stand after code has moved: a move is no new result, and a run of both codes shows it.

The digest of the code (`benchmarks.provenance.code_digest`) changes whenever a file moves or a name changes. So the
same cells are run with the code before and after, on one machine. Where no score of a method differs in its last
digit, the file beside the published rows says under which digest they were made, and under which they stand now. The
published rows are compared too: they may have been made by older code or on another machine, and the file says how far
they are off (scores are published with seven digits).
"""

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from benchmarks import provenance
from benchmarks.metric import METRICS
from benchmarks.published import ROW, read_about, read_results, read_rows, write_about

_ZERO = 1e-9  # a score that is smaller is zero but for rounding: its differences are relative to this


def differing(before: pd.DataFrame, after: pd.DataFrame) -> pd.DataFrame:
    """Compare the scores of the cells that both tables hold.

    Parameters
    ----------
    before, after : DataFrame
        Tables of records.

    Returns
    -------
    DataFrame
        A row a method, as its index: `cells` in common, `before` and `after` (digests of the code), `off` (the largest
        relative difference of a score, 0 where all digits are the same) and `score` (where that is). A score that
        only one of them has is infinitely far off.
    """
    pair = before.merge(after, on=ROW, suffixes=("_before", "_after"))
    scores = [name for name in METRICS if not METRICS[name].is_cost and f"{name}_after" in pair]
    rows = []
    for method, cells in pair.groupby("method"):
        off = {name: _off(cells[f"{name}_before"], cells[f"{name}_after"]) for name in scores}
        worst = max(off, key=lambda name: off[name])
        digests = {moment: ", ".join(cells[f"code_{moment}"].unique()) for moment in ("before", "after")}
        rows.append(
            {"method": method, "cells": len(cells), **digests, "off": off[worst]}
            | {"score": worst if off[worst] else ""}
        )
    columns = ["method", "cells", "before", "after", "off", "score"]
    return pd.DataFrame(rows, columns=columns).set_index("method")


def let_stand(files: Iterable[Path], before: Sequence[Path], after: Sequence[Path]) -> pd.DataFrame:
    """Write beside published files under which code their rows stand now.

    Parameters
    ----------
    files : iterable of Path
        Published CSV files.
    before, after : sequence of Path
        Folders of results of the same cells, made by the code before and after, on one machine.

    Returns
    -------
    DataFrame
        As of `differing`, for all methods that were run with both.

    Raises
    ------
    ValueError
        If the two have no cell in common, or a method's scores differ: then the results are to be made anew.
    """
    old, new = (_finished(folders) for folders in (before, after))
    found = differing(old, new)
    if found.empty:
        raise ValueError("the results before and after have no finished cell in common; run the same suites")
    changed = found[found["off"] > 0]
    if len(changed):
        raise ValueError(
            f"scores of {', '.join(changed.index)} are not the same after the change; publish them anew"
        )
    for path in files:
        rows = read_rows(path)
        published = differing(rows, old)
        known = rows[rows["method"].isin(found.index)].groupby("method", sort=True)["code"].unique()
        stands = {
            "check": "the same cells were run with the code before and after on one machine: no score differs",
            "command": provenance.command(),
            "machine": provenance.machine(),
            "commit_before": ", ".join(old["commit"].unique()),
            "commit_after": ", ".join(new["commit"].unique()),
            "methods": {
                method: {
                    "made_under": codes.tolist(),
                    **found.loc[method, ["before", "after", "cells"]].to_dict(),
                    "published_rows": _agreement(published, method),
                }
                for method, codes in known.items()
            },
            "not_run_again": sorted(set(rows["method"]) - set(found.index)),
        }
        write_about(path, read_about(path) | {"stands": stands})
    return found


def _finished(folders: Sequence[Path]) -> pd.DataFrame:
    table = pd.concat([read_results(folder) for folder in folders], ignore_index=True)
    return table[table["status"] == "ok"].drop_duplicates(ROW)


def _off(before: pd.Series, after: pd.Series) -> float:
    """Return the largest relative difference of two columns; two missing scores do not differ."""
    a, b = before.to_numpy(float), after.to_numpy(float)
    if (np.isnan(a) != np.isnan(b)).any():
        return float("inf")
    size = np.maximum(np.maximum(np.abs(a), np.abs(b)), _ZERO)
    return float(np.nan_to_num(np.abs(a - b) / size).max(initial=0.0))


def _agreement(published: pd.DataFrame, method: str) -> dict[str, Any]:
    """Say how far the published rows are from what the code before the move gives on this machine."""
    if method not in published.index:
        return {"compared": 0}
    row = published.loc[method]
    return {
        "compared": int(row["cells"]),
        "largest_relative_difference": float(f"{row['off']:.2g}"),
        "of": row["score"],
    }
