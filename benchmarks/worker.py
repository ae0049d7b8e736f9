"""Compute one cell: acquire the trial, unmix it, line the result up, score it.

Whatever goes wrong inside a method is a record with a sentence, not the end of a run.
"""

import dataclasses
import functools
import json
from pathlib import Path

from bayesunmix import unmix
from bayesunmix.cost import Cost
from bayesunmix.method import Unmixing
from bayesunmix.unmixing import versions
from benchmarks.baseline import BASELINES
from benchmarks.metric import METRICS
from benchmarks.pairing import align
from benchmarks.record import RunRecord
from benchmarks.snapshot import keep_estimate
from benchmarks.suite import Cell
from simulations.phantom import PHANTOMS, Phantom, Trial


def compute(cell: Cell, blank: RunRecord, keep: Path | None = None) -> RunRecord:
    """Run one cell.

    Parameters
    ----------
    cell : Cell
    blank : RunRecord
        What is known beforehand: identity and provenance.
    keep : Path, optional
        Where to store estimate and interval for the report's pictures (.npz).

    Returns
    -------
    RunRecord
        `status` "ok" with metrics, or "failed" with a sentence.
    """
    blank = dataclasses.replace(blank, versions=versions())
    try:
        phantom = _phantom(cell.phantom, json.dumps(cell.phantom_settings))
        trial = phantom.acquire(cell.dose, cell.seed)
        unmixing = align(trial.truth, _unmix(cell, trial))
        metrics = _score(trial, unmixing)
        if keep is not None:
            keep_estimate(keep, unmixing)
    except Exception as error:
        lines = str(error).strip().splitlines() or ["no message"]
        return dataclasses.replace(blank, message=f"{type(error).__name__}: {lines[0]}")
    info = unmixing.info
    return dataclasses.replace(
        blank,
        status="ok",
        settings=info.get("settings", blank.settings),
        converged=info.get("converged"),
        warnings=list(info.get("warnings", ())),
        metrics=metrics,
        device=info.get("device", "cpu"),
    )


@functools.lru_cache(maxsize=4)
def _phantom(name: str, settings: str) -> Phantom:
    return PHANTOMS[name](**json.loads(settings))


def _unmix(cell: Cell, trial: Trial) -> Unmixing:
    if not cell.is_bound:
        return unmix(
            trial.image, trial.truth.n_components, method=cell.method, seed=cell.seed, **cell.settings
        )
    with Cost() as cost:
        estimate = BASELINES[cell.method](trial)
    costs = {name: getattr(cost, name) for name in ("fit_seconds", "compile_seconds", "peak_mib")}
    return Unmixing(estimate.canonical(), info=costs)


def _score(trial: Trial, unmixing: Unmixing) -> dict[str, float]:
    return {
        name: float(metric.score(trial, unmixing))
        for name, metric in METRICS.items()
        if unmixing.posterior is not None or not metric.needs_posterior
    }
