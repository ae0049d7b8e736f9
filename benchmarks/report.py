"""The report of a set of results: one HTML file that opens from disk, and its figures as PNG files.

Everything is read from the folder: `records.jsonl`, `run.json` and the snapshots in `cells/`.
"""

import base64
import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jinja2
import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from benchmarks import snapshot
from benchmarks.dose_figure import Style, dose_figure, styles
from benchmarks.metric import METRICS
from benchmarks.ranking import NOTHING, RANKED, middle_dose, plus_minus, ranking, scores_at
from benchmarks.record import RecordFile, write_text
from benchmarks.table import table
from benchmarks.trial_figure import trial_figure

_TEMPLATE = Path(__file__).with_name("report.html.jinja")


def write_report(out: Path, phantom: str | None = None, dose: float | None = None) -> list[Path]:
    """Write `report.html` and `figures/` into a folder of results.

    Parameters
    ----------
    out : Path
    phantom, dose : optional
        Of the maps shown; the first phantom and the middle dose where not given.

    Returns
    -------
    list of Path
        What a reader wants to open: the table, the report, the folder of figures.

    Raises
    ------
    ValueError
        If the folder holds no results, or none of that phantom and dose.
    """
    if not (out / "run.json").is_file():
        raise ValueError(
            f"{out} holds no results; make some with: python -m benchmarks run SUITE --out {out}"
        )
    records = table(RecordFile(out / "records.jsonl").read())
    if records.empty:
        raise ValueError(f"{out} holds no finished cell yet; run the same command again to continue")
    phantom = _chosen(phantom, "phantom", list(records["phantom"].unique()), records["phantom"].iloc[0])
    doses = sorted(records.loc[records["phantom"] == phantom, "dose"].unique())
    dose = _chosen(dose, "dose", doses, middle_dose(records[records["phantom"] == phantom]))
    (out / "figures").mkdir(exist_ok=True)
    about = json.loads((out / "run.json").read_text(encoding="utf-8"))
    environment = jinja2.Environment(
        autoescape=True, trim_blocks=True, lstrip_blocks=True, undefined=jinja2.StrictUndefined
    )
    template = environment.from_string(_TEMPLATE.read_text(encoding="utf-8"))
    html = template.render(**_context(records, about, out, phantom, dose))
    write_text(out / "report.html", html)
    return [out / "records.csv", out / "report.html", out / "figures"]


def _context(
    records: pd.DataFrame, about: dict[str, Any], out: Path, phantom: str, dose: float
) -> dict[str, Any]:
    """Gather everything that the template fills in."""
    ranks = ranking(records)
    bounds = sorted(records.loc[records["role"] == "bound", "method"].unique())
    drawn = styles(sorted(ranks.index), bounds)
    drawn = {name: drawn[name] for name in [*ranks.index, *bounds]}
    ordered = [*RANKED, *(name for name in METRICS if name not in RANKED)]
    metrics = [name for name in ordered if records[name].notna().any()]
    intervals = [name for name in metrics if METRICS[name].needs_posterior]
    n_seeds = records["seed"].nunique()
    trials = [
        (p, d)
        for p in records["phantom"].unique()
        for d in sorted(records.loc[records["phantom"] == p, "dose"].unique())
    ]
    return {
        "about": about,
        "n_seeds": n_seeds,
        "n_cells": len(records),
        "facts": _facts(records, about),
        "phantom": phantom,
        "dose": dose,
        "ranked": [METRICS[name] for name in RANKED],
        "ranking": [
            {"method": m, "rank": plus_minus(r["rank"], r["rank_error"]), "failed": int(r["failed"])}
            for m, r in ranks.iterrows()
        ],
        "scores": scores_at(records, phantom, dose, RANKED),
        "bounds": bounds,
        "nothing": NOTHING,
        "drawn": drawn,
        "curves": list(_dose_curves(records, metrics, drawn, out)),
        "metrics": [METRICS[name] for name in metrics],
        "all_scores": [(p, d, scores_at(records, p, d, metrics)) for p, d in trials],
        "trials": list(_trials(records, drawn, out, phantom, dose)),
        "interval_metrics": [METRICS[name] for name in intervals],
        "interval_scores": _intervals(records, intervals, trials),
        "failures": records[records["status"] != "ok"].to_dict("records"),
        "doubts": _doubts(records),
    }


def _facts(records: pd.DataFrame, about: dict[str, Any]) -> dict[str, str]:
    """Say what was run, where and how."""
    commits = ", ".join(sorted(records["commit"].unique()))
    mixed = " (results of more than one state of the code)" if len(set(records["code"])) > 1 else ""
    return {
        "Command": about["command"],
        "Phantoms": ", ".join(records["phantom"].unique()),
        "Doses": ", ".join(f"{d:g}" for d in sorted(records["dose"].unique())) + " counts per specimen pixel",
        "Seeds": ", ".join(str(s) for s in sorted(records["seed"].unique())),
        "Cells": f"{len(records)}, of which {int((records['status'] != 'ok').sum())} failed",
        "Machine": about["machine"],
        "Versions": ", ".join(f"{name} {version}" for name, version in about["versions"].items()),
        "Commit": commits + mixed,
    }


def _dose_curves(
    records: pd.DataFrame, metrics: list[str], drawn: dict[str, Style], out: Path
) -> Iterator[dict[str, str]]:
    for name in metrics:
        for phantom, rows in records.groupby("phantom"):
            scores = rows[["method", "dose", name]].rename(columns={name: "value"})
            figure = dose_figure(METRICS[name], scores, drawn)
            title = f"{METRICS[name].heading} against dose, {phantom}"
            yield {
                "title": title,
                "image": _save(figure, out / "figures" / f"dose-{phantom}-{name}.png"),
            }


def _trials(
    records: pd.DataFrame, drawn: dict[str, Style], out: Path, phantom: str, dose: float
) -> Iterator[dict[str, Any]]:
    """Pictures of what each method made of one trial, as far as its snapshot was kept."""
    snapshots = snapshot.Snapshots(out / "cells")
    rows = records[(records["phantom"] == phantom) & (records["dose"] == dose) & (records["status"] == "ok")]
    for method, style in drawn.items():
        for record in rows[rows["method"] == method].to_dict("records"):
            path = snapshots.estimate_path(phantom, dose, record["seed"], method)
            if path.is_file():
                truth = snapshot.load(snapshots.truth_path(phantom))
                figure = trial_figure(truth, snapshot.load(path), dose, style.colour)
                scores = [
                    f"{METRICS[name].label} {plus_minus(record[name], np.nan)} {METRICS[name].unit}"
                    for name in RANKED
                ]
                yield {
                    "method": method,
                    "seed": record["seed"],
                    "scores": " · ".join(scores),
                    "image": _save(figure, out / "figures" / f"trial-{phantom}-dose{dose:g}-{method}.png"),
                }
                break


def _intervals(
    records: pd.DataFrame, metrics: list[str], trials: list[tuple[str, float]]
) -> list[tuple[str, str, float, list[str]]]:
    return [
        (method, phantom, dose, texts)
        for phantom, dose in trials
        for method, texts in scores_at(records, phantom, dose, metrics).items()
        if any(text != NOTHING for text in texts)
    ]


def _doubts(records: pd.DataFrame) -> list[dict[str, Any]]:
    """Cells that ran but doubt their own result, gathered by method and sentence."""
    ran = records[records["status"] == "ok"]
    unsure = ran[ran["converged"].eq(False) | (ran["warnings"] != "")]
    return [
        {
            "method": method,
            "cells": len(rows),
            "of": int((ran["method"] == method).sum()),
            "sentences": sorted(set(rows["warnings"])),
        }
        for method, rows in unsure.groupby("method")
    ]


def _chosen(wanted: Any, key: str, present: list[Any], default: Any) -> Any:
    if wanted is None:
        return default
    if wanted not in present:
        raise ValueError(f"there is no result of {key} {wanted}; there are: {', '.join(map(str, present))}")
    return wanted


def _save(figure: Figure, path: Path) -> str:
    """Write a figure as PNG and return it as a data URI."""
    partial = path.with_name(f".{path.name}.partial")
    figure.savefig(partial, format="png", dpi=160)
    os.replace(partial, path)
    return "data:image/png;base64," + base64.b64encode(path.read_bytes()).decode()
