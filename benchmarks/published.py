"""Keep results in the repository: rows as CSV, and beside them a JSON file that says how they were made.

``results/main.csv`` opens with a plain ``pandas.read_csv``; ``results/main.json`` holds the commands, the machine, the
date, the commit and, where the code has moved since, what was checked (`benchmarks.standing`). `read_rows` reads the
names as they are meant: one phantom is called "null", which pandas would take for a missing value.
"""

import json
from pathlib import Path
from typing import Any

import pandas as pd

from benchmarks.metric import METRICS
from benchmarks.record import RecordFile, write_text
from benchmarks.table import table

RESULTS = Path(__file__).parent / "results"
ROW = ["phantom", "dose", "seed", "method", "components"]
_KEPT = (*ROW, "role", "status", "message", "n_components", "converged", "phantom_digest", "code", "commit")


def read_rows(path: Path) -> pd.DataFrame:
    """Read the rows of a CSV file of results."""
    # Asked for "true" components, a method was not told a truth value.
    return pd.read_csv(path, keep_default_na=False, na_values=[""], dtype={"components": str})


def append_row(path: Path, row: pd.DataFrame) -> None:
    """Add rows to the end of a CSV file; a new file begins with the names of the columns."""
    row.to_csv(path, mode="a", index=False, header=not path.exists())


def write_rows(path: Path, rows: pd.DataFrame, about: dict[str, Any]) -> None:
    """Write rows to a CSV file, and beside it how they were made."""
    write_about(path, about)
    write_text(path, rows.to_csv(index=False, float_format="%.7g"))


def about_path(path: Path) -> Path:
    """Return the path of the file that says how the rows of a CSV file were made."""
    return path.with_suffix(".json")


def read_about(path: Path) -> dict[str, Any]:
    """Read how the rows of a CSV file were made; empty where nobody wrote it down."""
    beside = about_path(path)
    return json.loads(beside.read_text(encoding="utf-8")) if beside.is_file() else {}


def write_about(path: Path, about: dict[str, Any]) -> None:
    """Write how the rows of a CSV file are made."""
    path.parent.mkdir(parents=True, exist_ok=True)
    write_text(about_path(path), json.dumps(about, indent=2, ensure_ascii=False) + "\n")


def read_results(place: Path) -> pd.DataFrame:
    """Read the table of records of a folder of results, or of a published CSV file.

    Raises
    ------
    ValueError
        If there are none.
    """
    if place.is_file():
        return read_rows(place)
    found = table(RecordFile(place / "records.jsonl").read())
    if found.empty:
        raise ValueError(
            f"{place} holds no results; make some with: python -m benchmarks run SUITE --out {place}"
        )
    return found


def publish(folder: Path, path: Path) -> None:
    """Keep the scores of a folder of results as a small CSV file, with how they were made beside it.

    Raises
    ------
    ValueError
        If the folder holds no results.
    """
    records = read_results(folder)
    about = json.loads((folder / "run.json").read_text(encoding="utf-8"))
    write_rows(path, records[[*_KEPT, *METRICS]].sort_values(ROW), about)
