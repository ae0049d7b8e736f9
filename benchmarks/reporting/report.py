"""Write the report of a set of results: one HTML file that opens from disk; figures as PNG, tables as CSV and LaTeX.

Everything is read from the folder: `records.jsonl`, `run.json` and the snapshots in `cells/`.
"""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from benchmarks.metric import METRICS
from benchmarks.record import RecordFile
from benchmarks.reporting.dose_figure import styles
from benchmarks.reporting.page import asset, downloads, write_page
from benchmarks.reporting.paired import Pair
from benchmarks.reporting.pictures import dose_curves, fronts, save, trials
from benchmarks.reporting.rank_figure import rank_figure
from benchmarks.reporting.ranking import (
    NOTHING,
    first_components,
    has_truth,
    middle_dose,
    rank_text,
    ranked,
    ranking,
    scores_at,
    trials_compared,
)
from benchmarks.reporting.resampling import STRATUM
from benchmarks.reporting.tables import tables, write_tables
from benchmarks.table import table


def write_report(
    out: Path,
    phantom: str | None = None,
    dose: float | None = None,
    seed: int | None = None,
    components: str | None = None,
) -> list[Path]:
    """Write `report.html`, `figures/` and `tables/` into a folder of results.

    Parameters
    ----------
    out : Path
    phantom, dose, seed, components : optional
        Trial whose maps are shown: by default the first phantom, the middle dose, the first seed and the true number
        of components.

    Returns
    -------
    list of Path
        The table of records, the report, and the folders of figures and tables.

    Raises
    ------
    ValueError
        If the folder holds no results, or none of that phantom, dose or seed.
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
    seeds = sorted(records["seed"].unique())
    seed = _chosen(seed, "seed", seeds, seeds[0])
    asked = sorted(records["components"].unique())
    components = _chosen(components, "components", asked, first_components(records))
    (out / "figures").mkdir(exist_ok=True)
    about = json.loads((out / "run.json").read_text(encoding="utf-8"))
    found = tables(records)
    write_tables(found, out / "tables")
    context = _context(records, found, about, out, phantom, dose, seed, components)
    write_page(out / "report.html", "report.html.jinja", **context)
    return [out / "records.csv", out / "report.html", out / "figures", out / "tables"]


def _context(
    records: pd.DataFrame,
    found: dict[str, pd.DataFrame],
    about: dict[str, Any],
    out: Path,
    phantom: str,
    dose: float,
    seed: int,
    components: str,
) -> dict[str, Any]:
    """Gather everything that the template fills in."""
    ranks = ranking(records)
    bounds = sorted(records.loc[records["role"] == "bound", "method"].unique())
    peers = set(records.loc[records["role"] == "peer", "method"])
    drawn = styles(sorted(ranks.index), peers, bounds)
    drawn = {name: drawn[name] for name in [*ranks.index, *bounds]}
    chosen = ranked(records)
    ordered = [*chosen, *(name for name in METRICS if name not in chosen)]
    metrics = [name for name in ordered if records[name].notna().any()]
    intervals = [name for name in metrics if METRICS[name].needs_posterior]
    foremost = [n for n in metrics if n in (*chosen, "fit_seconds", "peak_mib", "coverage_90")]
    usual = records[(records["components"] == components) | (records["role"] == "bound")]
    groups = list(
        records[["phantom", "dose", "components"]].drop_duplicates().itertuples(index=False, name=None)
    )
    return {
        "script": asset("report.js"),
        "about": about,
        "n_seeds": records["seed"].nunique(),
        "facts": _facts(records, about),
        "phantom": phantom,
        "dose": dose,
        "seed": seed,
        "components": components,
        "with_truth": has_truth(records),
        "trials_compared": trials_compared(records),
        "ranked": [METRICS[name] for name in chosen],
        "ranking": [
            {"method": m, "rank": rank_text(r), "first": r["first"], "failed": int(r["failed"])}
            for m, r in ranks.iterrows()
        ],
        "rank_image": save(rank_figure(ranks, drawn), out / "figures" / "ranks.png"),
        "peers": peers,
        "first": next(iter(ranks.index), NOTHING),
        "paired": _paired(found["paired"], list(ranks.index), chosen),
        "scores": _with_shares(records, found["scores"], (phantom, dose, components), chosen),
        "bounds": bounds,
        "nothing": NOTHING,
        "drawn": drawn,
        "curves": list(dose_curves(usual, foremost, drawn, out)),
        "further_curves": list(dose_curves(usual, [m for m in metrics if m not in foremost], drawn, out)),
        "fronts": list(fronts(usual, dose, drawn, out)),
        "scaling": _scaling(found["scaling"]),
        "labels": {name: metric.heading for name, metric in METRICS.items()},
        "metrics": [METRICS[name] for name in metrics],
        "all_scores": [(*at, _with_shares(records, found["scores"], at, metrics)) for at in groups],
        "downloads": downloads(found),
        "trials": list(trials(records[records["seed"] == seed], drawn, out, phantom, dose, components)),
        "interval_metrics": [METRICS[name] for name in intervals],
        "interval_scores": _intervals(records, intervals, groups),
        "failures": _failures(records),
        "doubts": _doubts(records),
    }


def _paired(
    found: pd.DataFrame, methods: Sequence[str], metrics: Sequence[str]
) -> dict[str, list[Pair | None]]:
    """Arrange the pairs, a row a method in the order of the ranking, a column a metric."""
    known = {(row.method, row.metric): Pair(*row) for row in found.itertuples(index=False)}
    return {method: [known.get((method, name)) for name in metrics] for method in methods[1:]}


def _with_shares(
    records: pd.DataFrame,
    scores: pd.DataFrame,
    trial: tuple[str, float, str],
    metrics: Sequence[str],
) -> dict[str, list[tuple[str, str]]]:
    """Join each score at a phantom, dose and number of components with its share of the possible."""
    here = scores[(scores[STRATUM] == list(trial)).all(axis=1)]
    shares = {} if "possible" not in here else here.set_index(["method", "metric"])["possible"].to_dict()
    return {
        method: [
            (
                text,
                f"{100 * shares[method, name]:.0f} %"
                if np.isfinite(shares.get((method, name), np.nan))
                else "",
            )
            for name, text in zip(metrics, texts, strict=True)
        ]
        for method, texts in scores_at(records, trial[0], trial[1], metrics, trial[2]).items()
    }


def _scaling(found: pd.DataFrame) -> pd.DataFrame:
    """Arrange the exponents, a row a cost of a method, a column a quantity."""
    texts = [f"{a:.2f} ± {e:.2f}" for a, e in zip(found["exponent"], found["error"], strict=True)]
    keyed = found.assign(text=texts, quantity=found["quantity"].str.removeprefix("n_"))
    return keyed.pivot_table("text", ["cost", "method"], "quantity", aggfunc="first").fillna(NOTHING)


def _facts(records: pd.DataFrame, about: dict[str, Any]) -> dict[str, str]:
    """Say what was run, where and how."""
    commits = ", ".join(sorted(records["commit"].unique()))
    mixed = (
        " (results of more than one state of the code)"
        if records.drop_duplicates(["method", "code"])["method"].duplicated().any()
        else ""
    )
    return {
        "Command": "\n".join(about["commands"]),
        "Phantoms": ", ".join(records["phantom"].unique()),
        "Doses": ", ".join(f"{d:g}" for d in sorted(records["dose"].unique())) + " counts per specimen pixel",
        "Seeds": ", ".join(str(s) for s in sorted(records["seed"].unique())),
        "Cells": ", ".join(f"{n} {status}" for status, n in records["status"].value_counts().items()),
        "Time": _time(records),
        "Machine": ", ".join(about["machines"]),
        "Versions": ", ".join(f"{name} {version}" for name, version in about["versions"].items()),
        "Commit": commits + mixed,
    }


def _time(records: pd.DataFrame) -> str:
    """Say what the seconds of the run went into."""
    ran = records[records["status"] == "ok"]
    fits = (ran["fit_seconds"] + ran["compile_seconds"]).sum()
    besides, harness = ran["seconds"].sum() - fits, ran["harness_seconds"].sum()
    share = f" ({100 * harness / fits:.0f} % of the fits)" if fits > 0 else ""
    return f"fits {fits:.0f} s, photons, scores and starting peers {besides:.0f} s, the harness {harness:.0f} s{share}"


def _intervals(
    records: pd.DataFrame, metrics: list[str], groups: list[tuple[str, float, str]]
) -> list[tuple[str, str, float, list[str]]]:
    return [
        (method, phantom, dose, texts)
        for phantom, dose, components in groups
        for method, texts in scores_at(records, phantom, dose, metrics, components).items()
        if any(text != NOTHING for text in texts)
    ]


def _failures(records: pd.DataFrame) -> list[dict[str, Any]]:
    """Gather the cells that failed or were skipped, by method and sentence."""
    lost = records[records["status"] != "ok"].groupby(["method", "status", "message"]).size()
    return lost.rename("cells").reset_index().to_dict("records")


def _doubts(records: pd.DataFrame) -> list[dict[str, Any]]:
    """Gather the cells that did not converge or gave a warning, by method and sentence."""
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
