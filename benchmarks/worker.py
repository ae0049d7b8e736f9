"""Compute one cell: acquire the trial, unmix it, line the result up, score it.

Whatever goes wrong inside a method is a record with a sentence, not the end of a run.
"""

import dataclasses
import time
import warnings

from bayesunmix import unmix
from bayesunmix.data.result import Unmixing, UnmixingWarning
from bayesunmix.running.cost import Cost
from bayesunmix.unmixing import versions
from benchmarks.baseline import BASELINES
from benchmarks.cost import CellCost
from benchmarks.metric import METRICS
from benchmarks.missing import Missing
from benchmarks.peer_method import unmix_with_peer
from benchmarks.recording import RecordedTrial
from benchmarks.scoring.pairing import align
from benchmarks.snapshot import estimate_bytes
from benchmarks.suite import Cell
from benchmarks.task import Finished, Task
from simulations.trial import Trial


def compute(task: Task) -> Finished:
    """Run one cell.

    Parameters
    ----------
    task : Task

    Returns
    -------
    Finished
        The record has `status` "ok" and metrics, or "failed" or "skipped" and a sentence.
    """
    began = time.perf_counter()
    blank = dataclasses.replace(task.blank, versions=versions())
    try:
        trial = task.cell.scene.acquire(task.cell.dose, task.cell.seed)
        image = trial.image
        blank = dataclasses.replace(
            blank, photons=image.n_photons, pixels=image.n_pixels, channels=image.n_channels
        )
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UnmixingWarning)  # they are in the record
            found, cost = _unmix(task.cell, trial)
        unmixing = found if trial.truth is None else align(trial.truth, found)
        metrics = _score(trial, unmixing, cost)
        estimate = estimate_bytes(unmixing)
    except Exception as error:
        skipped = isinstance(error, Missing)
        lines = str(error).strip().splitlines() or ["no message"]
        sentence = lines[0] if skipped else f"{type(error).__name__}: {lines[0]}"
        return Finished(
            dataclasses.replace(
                blank,
                status="skipped" if skipped else "failed",
                message=sentence,
                seconds=time.perf_counter() - began,
            )
        )
    info = unmixing.info
    record = dataclasses.replace(
        blank,
        status="ok",
        settings=info.get("settings", blank.settings),
        n_components=found.estimate.n_components,
        converged=info.get("converged"),
        warnings=list(info.get("warnings", ())),
        metrics=metrics,
        versions=info.get("versions", blank.versions),
        device=info.get("device", "cpu"),
        seconds=time.perf_counter() - began,
    )
    return Finished(record, estimate)


def _unmix(cell: Cell, trial: Trial | RecordedTrial) -> tuple[Unmixing, CellCost]:
    if cell.role == "bound":
        with Cost() as cost:
            found = BASELINES[cell.method](trial, cell.scene.n_components)
        return found, CellCost(cost.fit_seconds, cost.compile_seconds, cost.peak_mib)
    n_components = cell.n_components(cell.scene.n_components)
    if cell.role == "peer":
        return unmix_with_peer(cell.method, trial.image, n_components, cell.seed, cell.settings)
    found = unmix(trial.image, n_components, cell.method, seed=cell.seed, progress=False, **cell.settings)
    info = found.info
    return found, CellCost(info["fit_seconds"], info["compile_seconds"], info["peak_mib"])


def _score(trial: Trial | RecordedTrial, unmixing: Unmixing, cost: CellCost) -> dict[str, float]:
    return {
        name: float(metric.score(trial, cost if metric.is_cost else unmixing))
        for name, metric in METRICS.items()
        if unmixing.posterior is not None or not metric.needs_posterior
        if trial.truth is not None or not metric.needs_truth
    }
