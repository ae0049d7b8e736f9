"""Run a suite: one worker process per method, every finished cell recorded at once, any interruption resumed.

A method gets its own process so that its peak memory is its own and a crash takes no other method down. The
parent alone writes records. Cells that are already recorded as ok under the same truth, seed, settings and code
are not run again; failed ones are.
"""

import hashlib
import json
from collections.abc import Mapping
from itertools import groupby
from pathlib import Path
from typing import Any

import pandas as pd
from tqdm import tqdm

from bayesunmix.unmixing import versions
from benchmarks import provenance
from benchmarks.process import Task, run_in_process
from benchmarks.record import RecordFile, RunRecord, write_text
from benchmarks.snapshot import Snapshots
from benchmarks.suite import Suite
from benchmarks.table import table
from simulations.phantom import PHANTOMS, Phantom


def run(suite: Suite, out: Path, show_progress: bool = True) -> pd.DataFrame:
    """Compute what is missing and return the table of all cells.

    Parameters
    ----------
    suite : Suite
    out : Path
        Folder of the results: `records.jsonl`, `records.csv`, `run.json`, `cells/`.
    show_progress : bool

    Returns
    -------
    pandas.DataFrame
        See `benchmarks.table`.

    Raises
    ------
    ValueError
        If the folder holds the results of another suite, or a phantom refuses its settings.
    """
    (out / "cells").mkdir(parents=True, exist_ok=True)
    _describe(suite, out)
    store = RecordFile(out / "records.jsonl")
    finished = {record.cell for record in store.read() if record.status == "ok"}
    tasks = _tasks(suite, out)
    missing = [task for task in tasks if task.blank.cell not in finished]
    try:
        with tqdm(
            total=len(tasks),
            initial=len(tasks) - len(missing),
            desc=suite.name,
            unit="cell",
            disable=not show_progress,
        ) as bar:
            for method, group in groupby(missing, key=lambda task: task.cell.method):
                bar.set_postfix_str(method)
                for record in run_in_process(list(group), suite.modules):
                    store.append(record)
                    bar.update()
    finally:
        result = table(store.read())
        write_text(out / "records.csv", result.to_csv(index=False))
    return result


def _describe(suite: Suite, out: Path) -> None:
    """Write what is run, where and by which command; refuse a folder that belongs to another suite."""
    path = out / "run.json"
    before = json.loads(path.read_text(encoding="utf-8"))["suite"] if path.is_file() else suite.name
    if before != suite.name:
        raise ValueError(f"{out} holds results of the suite {before}, not {suite.name}; choose another --out")
    about = {
        "suite": suite.name,
        "title": suite.title,
        "command": provenance.command(),
        "machine": provenance.machine(),
        "versions": versions(),
        "commit": provenance.commit(),
    }
    write_text(path, json.dumps(about, indent=2) + "\n")


def _tasks(suite: Suite, out: Path) -> list[Task]:
    """Give every cell its identity, and keep the truth of every phantom for the report."""
    snapshots = Snapshots(out / "cells")
    commit, code = provenance.commit(), provenance.code_digest(suite.modules)
    phantoms = {name: _build(name, suite.phantom_settings.get(name, {})) for name in suite.phantoms}
    for name, phantom in phantoms.items():
        snapshots.keep_truth(name, phantom)
    digests = {name: phantom.digest()[:12] for name, phantom in phantoms.items()}
    tasks = []
    for cell in suite.cells():
        n_components = phantoms[cell.phantom].truth.n_components
        known = (
            digests[cell.phantom],
            cell.dose,
            cell.seed,
            cell.method,
            dict(cell.settings),
            n_components,
            code,
        )
        blank = RunRecord(
            cell=hashlib.sha256(json.dumps(known, sort_keys=True).encode()).hexdigest()[:12],
            phantom=cell.phantom,
            phantom_digest=digests[cell.phantom],
            dose=cell.dose,
            seed=cell.seed,
            method=cell.method,
            role="bound" if cell.is_bound else "method",
            settings=cell.settings,
            n_components=n_components,
            commit=commit,
            code=code,
        )
        shown = cell.seed == suite.seeds[0]
        path = snapshots.estimate_path(cell.phantom, cell.dose, cell.seed, cell.method)
        tasks.append(Task(cell, blank, path if shown else None))
    return tasks


def _build(name: str, settings: Mapping[str, Any]) -> Phantom:
    try:
        return PHANTOMS[name](**settings)
    except (TypeError, ValueError) as error:
        raise ValueError(f"phantom {name} cannot be made with {dict(settings)}: {error}") from error
