"""Measure whether intervals of atomic per cent cover the composition that a phantom is made of.

Each trial is unmixed once and quantified twice: with the factors of the simulation ("known"), and with factors that are
wrong at random by the error that is stated for them ("drawn"). A row is one of these. It counts the elements of all
components that are there and were detected: `atomic_90` is the share of those that are identified whose total interval
holds the truth, `ranges_90` that of the others, whose interval reaches over their feasible range, and `plain_90` that
of all in intervals of counting and endmembers alone (1.645 standard deviations). `absent` is the share of absent
elements whose interval begins at 0.
"""

from collections.abc import Sequence

import numpy as np
import pandas as pd

import bayesunmix as bu
from bayesunmix.analysis.quantity import HALF_90
from bayesunmix.quantification.cliff_lorimer import atomic_fractions
from bayesunmix.quantification.composition import Composition
from bayesunmix.spectra.composition import weight_fractions
from bayesunmix.spectra.k_factors import k_factor
from benchmarks.calibration import CALIBRATIONS, Calibration
from benchmarks.scoring.over_seeds import over_seeds
from benchmarks.scoring.pairing import align
from simulations import PHANTOMS, acquire
from simulations.material import Material

_FACTOR_SD = {"known": 0.0, "drawn": 0.1}
_BEAM_KEV = 200.0


def measure(phantom: str, dose: float, seed: int) -> list[dict[str, float | str]]:
    """Unmix a trial, quantify its components, and hold them against what they are made of."""
    trial = acquire(PHANTOMS[phantom](), dose, seed)
    found = bu.unmix(trial.image, trial.truth.n_components, "bayes", seed=seed, progress=False)
    found = align(trial.truth, found)
    materials = trial.phantom.materials
    elements = sorted(
        {element for material in materials for element in weight_fractions(material.composition)}
    )
    rows: list[dict[str, float | str]] = []
    for factors, sd in _FACTOR_SD.items():
        given = _factors(elements, sd, np.random.default_rng([seed, 7]))
        quantified = bu.quantify(found, trial.image, elements, k_factors=given, beam_kev=_BEAM_KEV, seed=seed)
        rows.append({"factors": factors, **_scores(quantified.components, materials)})
    return rows


def summarise(rows: pd.DataFrame) -> pd.DataFrame:
    """Average over seeds for each phantom, dose and kind of factors, with 95 % intervals."""
    return over_seeds(rows, ["phantom", "dose", "factors"], ["atomic_90", "ranges_90", "plain_90", "absent"])


def _factors(elements: list[str], sd: float, rng: np.random.Generator) -> dict[str, tuple[float, float]]:
    """Return the factors of all families of the elements, each element's wrong by one random number."""
    given = {}
    for element in elements:
        error = np.exp(sd * rng.standard_normal())
        for shell in "KLM":
            try:
                k = k_factor(f"{element}_{shell}", _BEAM_KEV).k * error
            except ValueError:  # the element has no such line, or the beam does not excite it
                continue
            given[f"{element}_{shell}"] = (k, sd * k)
    return given


def _scores(parts: Sequence[Composition], materials: Sequence[Material]) -> dict[str, float]:
    held: dict[str, list[bool]] = {"atomic_90": [], "ranges_90": [], "plain_90": [], "absent": []}
    for part, material in zip(parts, materials, strict=True):
        weights = weight_fractions(material.composition)
        atoms = atomic_fractions(np.array(list(weights.values())), tuple(weights))
        true = dict(zip(weights, atoms.tolist(), strict=True))
        for amount in part:
            atomic = amount.atomic
            if amount.element not in true:
                held["absent"].append(atomic.lower == 0)
            elif amount.detected:
                known = true[amount.element]
                of = "ranges_90" if atomic.identified == "no" else "atomic_90"
                held[of].append(atomic.lower <= known <= atomic.upper)
                held["plain_90"].append(abs(atomic.mean - known) <= HALF_90 * atomic.value.sd)
    return {name: round(float(np.mean(shares)), 4) if shares else np.nan for name, shares in held.items()}


CALIBRATIONS.register("compositions")(
    Calibration(
        {
            "phantom": ("core_shell", "overlapping_lines", "norite", "trace_precipitates"),
            "dose": (20.0, 100.0),
        },
        measure,
        summarise,
    )
)
