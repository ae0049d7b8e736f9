"""Compute one cell: acquire the trial, unmix it, line the result up, score it.

Whatever goes wrong inside a method is a record with a sentence, not the end of a run.
"""

import dataclasses
import time

from bayesunmix import rank, unmix
from bayesunmix.data.result import Unmixing
from bayesunmix.running.cost import Cost
from bayesunmix.unmixing import versions
from benchmarks.baseline import BASELINES
from benchmarks.metric import METRICS
from benchmarks.missing import Missing
from benchmarks.peer import unmix_with_peer
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
        found = _unmix(task.cell, trial)
        unmixing = found if trial.truth is None else align(trial.truth, found)
        metrics = _score(trial, unmixing)
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


def _unmix(cell: Cell, trial: Trial | RecordedTrial) -> Unmixing:
    if cell.role == "bound":
        with Cost() as cost:
            found = BASELINES[cell.method](trial, cell.scene.n_components)
        costs = {name: getattr(cost, name) for name in ("fit_seconds", "compile_seconds", "peak_mib")}
        return dataclasses.replace(found, info=costs)
    n_components = cell.n_components(cell.scene.n_components)
    if cell.role == "peer":
        if n_components is None:
            n_components = rank(trial.image, seed=cell.seed).n_components
        return unmix_with_peer(cell.method, trial.image, n_components, cell.seed, cell.settings)
    return unmix(trial.image, n_components, cell.method, seed=cell.seed, progress=False, **cell.settings)


def _score(trial: Trial | RecordedTrial, unmixing: Unmixing) -> dict[str, float]:
    return {
        name: float(metric.score(trial, unmixing))
        for name, metric in METRICS.items()
        if unmixing.posterior is not None or not metric.needs_posterior
        if trial.truth is not None or not metric.needs_truth
    }
