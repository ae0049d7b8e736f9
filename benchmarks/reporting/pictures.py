"""Write the figures of a report to a folder, and return them as data URIs for the page."""

import os
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from bayesunmix.data.alignment import match
from bayesunmix.report.page import data_uri
from benchmarks import snapshot
from benchmarks.metric import METRICS
from benchmarks.reporting.dose_figure import Style, dose_figure
from benchmarks.reporting.front_figure import front_figure
from benchmarks.reporting.ranking import plus_minus, ranked
from benchmarks.reporting.trial_figure import trial_figure

# Pictures of trials in one file; where there are more, only those of one phantom and dose are in it.
_MOST_TRIALS = 40


def dose_curves(
    records: pd.DataFrame, metrics: Sequence[str], drawn: Mapping[str, Style], out: Path
) -> Iterator[dict[str, str]]:
    """Draw each metric against dose, for each phantom that has it."""
    for name in metrics:
        for phantom, rows in records.groupby("phantom"):
            scores = rows[["method", "dose", name]].rename(columns={name: "value"})
            if scores["value"].isna().all():
                continue
            figure = dose_figure(METRICS[name], str(phantom), scores, drawn)
            title = f"{METRICS[name].heading} against dose, {phantom}"
            yield {
                "title": title,
                "phantom": phantom,
                "image": save(figure, out / "figures" / f"dose-{phantom}-{name}.png"),
            }


def fronts(
    records: pd.DataFrame, dose: float, drawn: Mapping[str, Style], out: Path
) -> Iterator[dict[str, str]]:
    """Draw accuracy against time, for each phantom."""
    rows = records[(records["role"] != "bound") & (records["dose"] == dose)]
    for phantom, cells in rows.groupby("phantom"):
        for name in ranked(records)[:2]:
            means = cells.groupby("method")[["fit_seconds", name]].mean().dropna().reset_index()
            means.columns = pd.Index(["method", "seconds", "value"])
            if len(means):
                figure = front_figure(METRICS[name], str(phantom), means, drawn)
                path = out / "figures" / f"front-{phantom}-{name}.png"
                title = f"{METRICS[name].heading} against seconds, {phantom}"
                yield {"title": title, "phantom": str(phantom), "image": save(figure, path)}


def trials(
    records: pd.DataFrame, drawn: Mapping[str, Style], out: Path, phantom: str, dose: float, components: str
) -> Iterator[dict[str, Any]]:
    """Draw what each method made of the trials of one seed whose snapshot was kept."""
    snapshots = snapshot.Snapshots(out / "cells")
    kept = [
        (record, path)
        for record in records[records["status"] == "ok"].to_dict("records")
        if record["components"] == components or record["role"] == "bound"
        if (path := snapshots.estimate_path(**{k: record[k] for k in snapshot.KEY})).is_file()
    ]
    chosen = [(r, path) for r, path in kept if (r["phantom"], r["dose"]) == (phantom, dose)]
    order = list(drawn)
    first: dict[str, np.ndarray] = {}
    for record, path in sorted(
        kept if len(kept) <= _MOST_TRIALS else chosen,
        key=lambda pair: (
            pair[0]["phantom"] != phantom,
            pair[0]["dose"] != dose,
            order.index(pair[0]["method"]),
        ),
    ):
        truth = snapshot.load(snapshots.truth_path(record["phantom"]))
        found = snapshot.load(path)
        if "endmembers" not in truth:  # without a truth, components are numbered as the first method's
            found = _numbered(found, first.setdefault(record["phantom"], found["endmembers"]))
        figure = trial_figure(truth, found, record["dose"], drawn[record["method"]].colour)
        scores = [
            f"{METRICS[name].label} {plus_minus(record[name], np.nan)} {METRICS[name].unit}"
            for name in ranked(records)
        ]
        name = f"trial-{record['phantom']}-dose{record['dose']:g}-seed{record['seed']}-{record['method']}.png"
        image = save(figure, out / "figures" / name)
        yield record | {"scores": " · ".join(scores), "image": image}


def _numbered(found: dict[str, np.ndarray], endmembers: np.ndarray) -> dict[str, np.ndarray]:
    """Give the components of a snapshot the numbers of other endmembers, if there are as many."""
    if len(endmembers) != len(found["endmembers"]):
        return found
    order = match(endmembers, found["endmembers"])
    return {
        key: array[order] if key.startswith("endmembers") else array[:, order] for key, array in found.items()
    }


def save(figure: Figure, path: Path) -> str:
    """Write a figure as PNG and return it as a data URI."""
    partial = path.with_name(f".{path.name}.partial")
    figure.savefig(partial, format="png", dpi=160)
    os.replace(partial, path)
    return data_uri("image/png", path.read_bytes())
