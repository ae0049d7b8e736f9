"""Run a suite: cells run on a cluster, every finished one is recorded at once, and any interruption can be resumed.

Cells run in processes that belong to one method, or to one cell (see `benchmarks.process`), on the workers of
`benchmarks.cluster`. This process alone writes records. Cells that are already recorded as ok under the same truth,
seed, settings and code are not run again; failed and skipped ones are.
"""

import hashlib
import json
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pandas as pd
from tqdm import tqdm

from benchmarks import provenance
from benchmarks.cluster import compute_all
from benchmarks.peer import PEERS
from benchmarks.record import RecordFile, RunRecord, write_text
from benchmarks.snapshot import Snapshots
from benchmarks.suite import Cell, Suite
from benchmarks.table import table
from benchmarks.task import Task


def run(
    suite: Suite, out: Path, workers: int = 1, scheduler: str | None = None, show_progress: bool = True
) -> pd.DataFrame:
    """Compute what is missing and return the table of all cells.

    Parameters
    ----------
    suite : Suite
    out : Path
        Folder of the results: `records.jsonl`, `records.csv`, `run.json`, `cells/`.
    workers : int
        Number of cells that run at the same time. They share the cores, so that only times of runs with as many workers
        can be compared.
    scheduler : str, optional
        Address of a dask scheduler whose workers compute instead.
    show_progress : bool

    Returns
    -------
    pandas.DataFrame
        See `benchmarks.table`.

    Raises
    ------
    ValueError
        If the folder holds the results of another suite, or a phantom refuses its settings.
    ConnectionError
        If the scheduler does not answer or goes away.
    """
    (out / "cells").mkdir(parents=True, exist_ok=True)
    _describe(suite, out)
    store, snapshots = RecordFile(out / "records.jsonl"), Snapshots(out / "cells")
    finished = {record.cell for record in store.read() if record.status == "ok"}
    for scene in suite.phantoms:
        snapshots.keep_truth(scene)
    tasks = list(_tasks(suite))
    missing = [task for task in tasks if task.blank.cell not in finished]
    try:
        with (
            tqdm(
                total=len(tasks),
                initial=len(tasks) - len(missing),
                desc=suite.name,
                unit="cell",
                disable=not show_progress,
            ) as bar,
            closing(compute_all(missing, workers, scheduler)) as results,
        ):
            for record, estimate in results:
                if estimate is not None:
                    snapshots.keep_estimate(record, estimate)
                store.append(record)
                bar.set_postfix_str(record.method, refresh=False)
                bar.update()
    finally:
        result = table(store.read())
        write_text(out / "records.csv", result.to_csv(index=False))
    return result


def _describe(suite: Suite, out: Path) -> None:
    """Write what is run, where and by which commands; refuse a folder that belongs to another suite."""
    path = out / "run.json"
    before = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}
    if (name := before.get("suite", suite.name)) != suite.name:
        raise ValueError(f"{out} holds results of the suite {name}, not {suite.name}; choose another --out")
    about = {**provenance.about(before), "suite": suite.name, "title": suite.title}
    write_text(path, json.dumps(about, indent=2) + "\n")


def _tasks(suite: Suite) -> Iterator[Task]:
    """Give every cell its identity."""
    commit = provenance.commit()
    identities = {scene.name: scene.identity() for scene in suite.phantoms}
    for cell in suite.cells():
        n_components = cell.n_components(cell.scene.n_components)
        if n_components is not None and n_components < 1:
            continue
        digest, acquisition = identities[cell.scene.name]
        environment = PEERS[cell.method].environment if cell.role == "peer" else ""
        code = provenance.code_digest(cell.role, cell.method, environment, suite.modules)
        known = (digest, acquisition, *_asked(cell), n_components, code)
        blank = RunRecord(
            cell=hashlib.sha256(json.dumps(known, sort_keys=True).encode()).hexdigest()[:12],
            phantom=cell.scene.name,
            phantom_digest=digest,
            acquisition=acquisition,
            dose=cell.dose,
            seed=cell.seed,
            method=cell.method,
            role=cell.role,
            settings=cell.settings,
            components=cell.components,
            n_components=n_components or 0,
            commit=commit,
            code=code,
        )
        yield Task(cell, blank, suite.limits, suite.modules)


def _asked(cell: Cell) -> tuple[Any, ...]:
    return cell.scene.name, cell.dose, cell.seed, cell.method, dict(cell.settings), cell.components
