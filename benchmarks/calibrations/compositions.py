"""Measure whether intervals of atomic per cent cover the composition that a phantom is made of.

Once with the factors of the simulation, and once with factors that are wrong at random by the error that is stated for
them. A row is a component of a trial: of its elements that are there and were detected, the share that is covered by
`whole` intervals (all four errors) and by `plain` ones (counting and endmembers alone, 1.645 standard deviations), and
the share of its absent elements whose interval begins at 0.
"""

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
from simulations import PHANTOMS, acquire
from simulations.material import Material

_FACTOR_SD = 0.1
_BEAM_KEV = 200.0


def measure(phantom: str, dose: float, factors: str, seed: int) -> list[dict[str, float | str]]:
    """Unmix a trial, quantify its components, and hold them against what they are made of."""
    trial = acquire(PHANTOMS[phantom](), dose, seed)
    found = bu.unmix(trial.image, trial.truth.n_components, "bayes", seed=seed, progress=False)
    found = found.reorder(bu.match(trial.truth.endmembers, found.estimate.endmembers))
    materials = trial.phantom.materials
    elements = sorted(
        {element for material in materials for element in weight_fractions(material.composition)}
    )
    given = _factors(elements, _FACTOR_SD if factors == "drawn" else 0.0, np.random.default_rng([seed, 7]))
    quantified = bu.quantify(found, trial.image, elements, k_factors=given, beam_kev=_BEAM_KEV, seed=seed)
    return [
        {"component": label, **_scores(part, material)}
        for label, part, material in zip(trial.phantom.labels, quantified.components, materials, strict=True)
    ]


def summarise(rows: pd.DataFrame) -> pd.DataFrame:
    """Average over seeds for each phantom, dose and kind of factors, with 95 % intervals."""
    return over_seeds(rows, ["phantom", "dose", "factors"], ["whole", "plain", "absent"])


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


def _scores(part: Composition, material: Material) -> dict[str, float | str]:
    weights = weight_fractions(material.composition)
    atoms = atomic_fractions(np.array(list(weights.values())), tuple(weights))
    true = dict(zip(weights, atoms.tolist(), strict=True))
    there = [a for a in part if true.get(a.element, 0.0) > 0 and a.detected]
    absent = [a for a in part if a.element not in true]
    plain = [abs(a.atomic.mean - true[a.element]) <= HALF_90 * a.atomic.value.sd for a in there]
    return {
        "whole": _share([a.atomic.lower <= true[a.element] <= a.atomic.upper for a in there]),
        "plain": _share(plain),
        "absent": _share([a.atomic.lower == 0 for a in absent]),
        "identified": " ".join(f"{a.element}:{a.atomic.identified}" for a in there),
    }


def _share(held: list[bool]) -> float:
    return round(float(np.mean(held)), 4) if held else np.nan


CALIBRATIONS.register("compositions")(
    Calibration(
        {
            "phantom": ("core_shell", "overlapping_lines", "norite", "trace_precipitates"),
            "dose": (20.0, 100.0),
            "factors": ("known", "drawn"),
        },
        measure,
        summarise,
    )
)
