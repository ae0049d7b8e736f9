"""Count how often `bayesunmix.check` alarms: rarely for a right model, and for a wrong one before intervals fail.

`right_*` are fits of a right model, by methods that fit spectra freely, under a prior, or not at all. Those whose fits
take long are of a small film (24 x 32 pixels, 300 channels), with few draws. In the other cases the spectra are given,
and wrong by the strength named: what is off is the axis (in channels), the intensity of Cr and Ni K-beta, the slope of
the continuum (its spectrum times a power of the energy), or the detector. `too_few` is `nmf` with one component less
than there are materials.

The coverage is the share of the true abundances of at least 2 counts that lie in their 90 % intervals if the wrong
spectra are taken for right. Each pixel, or sum over 16 x 16 pixels, is fitted by itself; the interval is +-1.645
standard errors of counting.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from scipy import sparse

import bayesunmix as bu
from bayesunmix.data.blocks import summing_matrix
from bayesunmix.data.factorization import Factorization
from bayesunmix.data.image import SpectrumImage
from bayesunmix.data.result import Unmixing
from bayesunmix.engine.fits.poisson_fit import fit_abundances, standard_errors
from bayesunmix.spectra import Detector, kramers
from benchmarks.calibration import CALIBRATIONS, Calibration
from benchmarks.scoring.proportion import proportion_interval
from simulations import PHANTOMS, Trial, acquire
from simulations.acquisition import Acquisition
from simulations.nicr import BEAM_KEV, LINE_SHARE

_DETECTORS = {
    "pile_up": lambda share: Detector(pile_up=share),
    "tail": lambda share: Detector(tail_share=share),
    "escape": lambda _: Detector(escape=True),
    "realistic": lambda _: Detector(tail_share=0.08, escape=True, pile_up=0.004),
}
_CHANNEL_KEV = 0.01
#: Methods whose fits take long, with settings that make them short; on a small film.
_OF_SMALL: dict[str, dict[str, Any]] = {
    "bayes": {"n_warmup": 40, "n_draws": 40, "n_maps": 20},
    "bayes_gibbs": {"n_warmup": 30, "n_draws": 40},
    "nmf_smooth": {},
    "nmf_minvol": {},
    "nmf_ard": {},
    "nmf_frobenius": {},
    "fisher_joint": {"n_draws": 40},
    "bootstrap": {"n_replicates": 10},
}


@dataclass(frozen=True)
class _Case:
    """A fault and its strength."""

    fault: str
    strength: float = 0.0

    def __str__(self) -> str:
        return f"{self.fault} {self.strength:g}" if self.strength else self.fault


CASES = {
    str(case): case
    for case in (
        *(_Case(f"right_{name}") for name in ("known", "nmf", "nmf_semi", "elements", *_OF_SMALL)),
        _Case("shift", 0.3),
        _Case("line_ratio", 0.1),
        _Case("continuum", 0.3),
        _Case("pile_up", 0.05),
        _Case("tail", 0.08),
        _Case("escape"),
        _Case("realistic"),
        _Case("too_few"),
    )
}


def measure(case: str, dose: float, seed: int) -> dict[str, object]:
    """Check one trial of the film, 64 x 64 pixels of 900 channels."""
    chosen = CASES[case]
    trial, spectra = _trial(chosen, dose, seed)
    result = _result(chosen, trial, spectra, seed)
    found = bu.check(result, trial.image, seed=seed)
    worst = min(found.faults, key=lambda name: found.faults[name].p_value) if found.faults else ""
    wrong = not chosen.fault.startswith(("right_", "too_few"))
    return {
        "alarm": found.alarm,
        "p_channels": _least(found.channels.p_value),
        "p_regions": _least(found.regions.p_value),
        "p_held_out": float(f"{found.held_out.p_value:.3g}"),
        "p_windows": _least(found.windows.p_value) if found.windows else np.nan,
        "p_faults": float(f"{found.faults[worst].p_value:.3g}") if worst else np.nan,
        "worst_fault": worst,
        "coverage_pixels": _coverage(trial, spectra, 1) if wrong else np.nan,
        "coverage_squares": _coverage(trial, spectra, 16) if wrong else np.nan,
        "sentence": found.sentences[0],
    }


def summarise(rows: pd.DataFrame) -> pd.DataFrame:
    """Count trials and alarms for each case and dose, with the interval of the rate, and average the coverage."""
    grouped = rows.groupby(["case", "dose"], sort=False)
    table = grouped.agg(
        trials=("seed", "size"),
        alarms=("alarm", "sum"),
        coverage_pixels=("coverage_pixels", "mean"),
        coverage_squares=("coverage_squares", "mean"),
    ).reset_index()
    intervals = [proportion_interval(*row) for row in zip(table["alarms"], table["trials"], strict=True)]
    table[["low", "high"]] = np.array(intervals)
    return table[["case", "dose", "trials", "alarms", "low", "high", "coverage_pixels", "coverage_squares"]]


def _trial(case: _Case, dose: float, seed: int) -> tuple[Trial, np.ndarray]:
    """Return what was recorded, and the spectra that the model believes in."""
    if case.fault.removeprefix("right_") in _OF_SMALL:
        small = PHANTOMS["nicr_film"](shape=(24, 32), pixel_nm=8.0, n_channels=300)
        return acquire(small, dose, seed), small.truth.endmembers
    scene = PHANTOMS["nicr_film"]()
    believed = scene.truth.endmembers
    if case.fault in _DETECTORS:
        scene = PHANTOMS["nicr_film"](detector=_DETECTORS[case.fault](case.strength))
    if case.fault == "shift":
        offset = Acquisition(offset_kev=case.strength * _CHANNEL_KEV)
        return acquire(scene, dose, seed, offset), believed
    if case.fault == "line_ratio":
        believed = believed.copy()
        for k, low, high in ((1, 5.8, 6.1), (2, 8.1, 8.45)):
            window = (scene.energy_kev > low) & (scene.energy_kev < high)
            believed[k, window] *= 1 + case.strength
    if case.fault == "continuum":
        believed = believed + _continuum(scene.energy_kev) * ((scene.energy_kev / 4) ** case.strength - 1)
    return acquire(scene, dose, seed), believed / believed.sum(axis=1, keepdims=True)


def _continuum(energy_kev: np.ndarray) -> np.ndarray:
    """Return the continuum of each spectrum of the film, (3, C)."""
    emitted_kev = np.arange(0.5, 10.5, 0.01)
    shape = Detector().record(emitted_kev, kramers(emitted_kev, BEAM_KEV), energy_kev)
    return np.outer(1 - np.array(LINE_SHARE), shape / shape.sum())


def _result(case: _Case, trial: Trial, spectra: np.ndarray, seed: int) -> Unmixing:
    image = trial.image
    if case.fault == "too_few":
        return bu.unmix(image, 2, "nmf", seed=seed)
    method = case.fault.removeprefix("right_")
    if method in _OF_SMALL:
        return bu.unmix(image, 3, method, seed=seed, verdicts=False, **_OF_SMALL[method])
    match method:
        case "nmf":
            return bu.unmix(image, 3, "nmf", seed=seed)
        case "nmf_semi":  # two given, one free
            return bu.unmix(image, 3, "nmf_semi", seed=seed, endmembers=spectra[:2])
        case "elements":
            return bu.unmix(image, method="elements", seed=seed)
    abundances = np.outer(image.total_map().ravel(), np.full(len(spectra), 1 / len(spectra)))
    return Unmixing(Factorization(spectra, abundances))


def _coverage(trial: Trial, spectra: np.ndarray, pixels: int) -> float:
    """Measure the coverage of 90 % intervals: of every fourth pixel, or of sums over squares of pixels."""
    image = trial.image
    every = sparse.eye_array(image.n_pixels, format="csr")[::4]
    chosen = every if pixels == 1 else summing_matrix(image.block_of_pixel(pixels))
    truth = chosen @ trial.truth.abundances
    counts = SpectrumImage(chosen.astype(np.uint64) @ image.counts.astype(np.uint64), image.energy_kev)
    abundances = fit_abundances(counts, spectra)
    covered = np.abs(abundances - truth) <= 1.645 * standard_errors(spectra, abundances)
    return round(float(covered[truth >= 2].mean()), 4)


def _least(p_values: np.ndarray) -> float:
    """Return the smallest p-value, corrected for the number of tests of its kind."""
    return float(f"{min(p_values.min() * p_values.size, 1):.3g}")


CALIBRATIONS.register("checks")(
    Calibration({"case": tuple(CASES), "dose": (20.0, 100.0)}, measure, summarise)
)
