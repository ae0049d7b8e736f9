"""Make the tidy table of a set of results, `records.csv`: one row a cell, one column a metric."""

import json
from collections.abc import Iterable
from dataclasses import asdict, fields

import pandas as pd

from bayesunmix.io.plain import plain
from benchmarks.metric import METRICS
from benchmarks.record import RunRecord


def table(records: Iterable[RunRecord]) -> pd.DataFrame:
    """Gather records: the newest of each row counts, so that no cell appears twice.

    Returns
    -------
    pandas.DataFrame
        The fields of `RunRecord` with acquisition, settings and versions as JSON, then one column a metric; sorted.
    """
    newest = {record.row: record for record in records}
    rows = [_flat(newest[key]) for key in sorted(newest)]
    columns = [f.name for f in fields(RunRecord) if f.name != "metrics"] + list(METRICS)
    return pd.DataFrame(rows, columns=columns)


def _flat(record: RunRecord) -> dict[str, object]:
    row = asdict(record)
    scores = row.pop("metrics")
    as_json = {
        key: json.dumps(row[key], default=plain, sort_keys=True)
        for key in ("acquisition", "settings", "versions")
    }
    scores = {name: scores.get(name, float("nan")) for name in METRICS}
    return row | as_json | {"warnings": " ".join(row["warnings"])} | scores
