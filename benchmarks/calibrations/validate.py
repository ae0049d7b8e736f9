"""Measure how often `bayesunmix.validate` is wrong about right claims, and finds errors that were planted in others.

A report on a right claim is wrong if it contradicts any part of it. A planted error is found if a finding of a test
that may find it contradicts the part of the claim that is wrong. No claim that is wrong by more than the tolerance may
be called supported.
"""

import time
import warnings
from typing import Any

import numpy as np
import pandas as pd

import bayesunmix as bu
from benchmarks.calibration import CALIBRATIONS, Calibration
from benchmarks.calibrations._planted_claims import DOSES, Plant, Planted, plants

PLANTS = plants()
LEAST_FOUND = 0.95


def measure(case: str, dose: float, seed: int) -> dict[str, Any]:
    """Validate one claim about one trial, without an unmixing."""
    plant = PLANTS[case]
    planted = plant.make(dose, seed)
    begun = time.perf_counter()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", bu.UnmixingWarning)
        found = bu.validate(planted.trial.image, planted.claim, seed=seed, quick=True)
    seconds = time.perf_counter() - begun
    against = [one for one in found.findings if one.verdict == "contradicted"]
    about = [one for one in found.findings if one.test in plant.tests and _speaks_of(one, planted)]
    effect = max((one.effect.mean for one in about if one.effect is not None), default=np.nan)
    return {
        "verdict": found.verdict,
        "contradicted": " | ".join(sorted({f"{one.test}: {one.subject}" for one in against})),
        "found": _found(plant, planted, found) if plant.tests else np.nan,
        "supported": bool(about) and all(one.verdict == "supported" for one in about)
        if plant.tests
        else np.nan,
        "effect": float(f"{effect:.4g}"),
        "known": planted.known,
        "difficulty": float(f"{planted.difficulty:.4g}"),
        "smallest_p": min((one.p_value for one in found.findings if one.p_value is not None), default=np.nan),
        "seconds": round(seconds, 1),
    }


def summarise(rows: pd.DataFrame) -> pd.DataFrame:
    """Count wrong reports on right claims, and errors that were found, for each case and dose."""
    rows = rows.assign(any_contradicted=rows["contradicted"].fillna("") != "")
    table = rows.groupby(["case", "dose"], sort=False).agg(
        reports=("seed", "size"),
        contradicted=("any_contradicted", "sum"),
        found=("found", lambda some: some.astype(float).sum()),
        supported=("supported", lambda some: some.astype(float).sum()),
        undecidable=("verdict", lambda some: (some == "undecidable").sum()),
        difficulty=("difficulty", "median"),
        seconds=("seconds", "median"),
    )
    order = {case: number for number, case in enumerate(PLANTS)}
    table = table.reset_index().sort_values(["case", "dose"], key=lambda some: some.map(order).fillna(some))
    asked = [
        PLANTS[case].least.get(dose, LEAST_FOUND)
        for case, dose in zip(table["case"], table["dose"], strict=True)
    ]
    return table.assign(
        least_found=np.where([not PLANTS[case].tests for case in table["case"]], np.nan, asked)
    )


def _speaks_of(finding: bu.Finding, planted: Planted) -> bool:
    return not planted.subjects or any(name in finding.subject for name in planted.subjects)


def _found(plant: Plant, planted: Planted, found: bu.Validation) -> bool:
    return any(
        one.verdict == "contradicted" and one.test in plant.tests and _speaks_of(one, planted)
        for one in found.findings
    )


CALIBRATIONS.register("validate")(Calibration({"case": tuple(PLANTS), "dose": DOSES}, measure, summarise))
