"""Measure whether intervals of the whole method `bayes` cover the truth: endmembers unknown, their number given.

Abundances and net counts of the strongest K line are counted in each pixel where the material is more than 5 % of the
pixel, endmembers in each channel where the truth is more than 1e-4. `fraction_error` is the largest error of the share
of a component in all counts. `untold` is the share of components that the method marks as not identified, and
`in_range` says how many of these have their true share in the feasible range. `priors` names those of the maps that
photons kept apart chose (`bayesunmix.engine.sampling.choice`).
"""

import time

import numpy as np
import pandas as pd

import bayesunmix as bu
from benchmarks.calibration import CALIBRATIONS, Calibration, shares_text
from benchmarks.calibrations._phantoms import MEASURED
from benchmarks.metrics.abundance_rmse import abundance_rmse
from benchmarks.metrics.crps import crps
from benchmarks.metrics.interval_score import interval_score
from benchmarks.metrics.spectral_angle import spectral_angle
from benchmarks.scoring.coverage import active, coverage
from benchmarks.scoring.pairing import align
from benchmarks.scoring.pit import pit_histogram
from benchmarks.scoring.shared_error import shared_error, shared_over_seeds
from simulations import PHANTOMS, Trial, acquire

_VISIBLE = 1e-4  # of an endmember, in a channel


def measure(phantom: str, dose: float, endmember_model: str, seed: int) -> dict[str, object]:
    """Unmix one trial."""
    trial = acquire(PHANTOMS[phantom](), dose, seed)
    truth = trial.truth
    begun = time.perf_counter()
    found = bu.unmix(trial.image, truth.n_components, "bayes", seed=seed, endmember_model=endmember_model)
    seconds = time.perf_counter() - begun
    found = align(truth, found)
    posterior = found.posterior
    assert posterior is not None
    lower, upper = posterior.interval(0.9)
    visible = truth.endmembers > _VISIBLE
    covered = (lower.endmembers <= truth.endmembers) & (truth.endmembers <= upper.endmembers)
    coverages = {f"coverage_{100 * level:.0f}": coverage(trial, found, level) for level in (0.5, 0.9, 0.95)}
    shared = shared_error(trial, found)
    numbers = {
        **coverages,
        "line_90": _line_coverage(trial, found),
        "endmembers_90": covered[visible].mean(),
        "endmembers_rms_z": _rms_z(posterior.endmembers, truth.endmembers, visible),
        "angle_deg": spectral_angle(trial, found),
        "rmse": abundance_rmse(trial, found),
        "crps": crps(trial, found),
        "interval_score": interval_score(trial, found),
        "shared_z": shared.z,
        "deviations_90": shared.deviations_90,
        **_fractions(trial, found),
        "r_hat": found.info["r_hat"],
    }
    return {
        **{name: round(float(number), 4) for name, number in numbers.items()},
        "priors": " and ".join(found.info["abundance_prior"]),
        "pit": shares_text(pit_histogram(trial, found)),
        "superpixel": " x ".join(map(str, found.info["superpixel"])),
        "seconds": round(seconds, 1),
    }


def summarise(rows: pd.DataFrame) -> pd.DataFrame:
    """Average over seeds for each phantom, dose and model, with 95 % intervals."""
    columns = ["coverage_50", "coverage_90", "coverage_95", "line_90", "endmembers_90", "fractions_90"]
    errors = [
        "fraction_error",
        "untold",
        "in_range",
        "angle_deg",
        "rmse",
        "crps",
        "interval_score",
        "seconds",
    ]
    return shared_over_seeds(rows, ["phantom", "dose", "endmember_model"], [*columns, *errors])


def _rms_z(draws: np.ndarray, truth: np.ndarray, visible: np.ndarray) -> float:
    draws = draws.reshape(-1, *truth.shape)
    off = (draws.mean(axis=0, dtype=np.float64) - truth)[visible]
    return float(np.sqrt(np.mean((off / draws.std(axis=0, dtype=np.float64)[visible]) ** 2)))


def _fractions(trial: Trial, found: bu.Unmixing) -> dict[str, float]:
    """Compare shares of all counts, and what is said of them, with the truth."""
    counts = trial.truth.abundances.sum(axis=0)
    whole = bu.region(found, trial.image, np.ones(trial.image.navigation_shape, bool))
    pairs = list(zip((content.fraction for content in whole.components), counts / counts.sum(), strict=True))
    untold = [(share.feasible, true) for share, true in pairs if share.identified == "no" and share.feasible]
    return {
        "fraction_error": max(abs(share.mean - true) for share, true in pairs),
        "fractions_90": float(np.mean([share.lower <= true <= share.upper for share, true in pairs])),
        "untold": len(untold) / len(pairs),
        "in_range": float(np.mean([low <= true <= high for (low, high), true in untold]))
        if untold
        else np.nan,
    }


def _line_coverage(trial: Trial, found: bu.Unmixing) -> float:
    """Return the share of pixels whose net counts of the strongest K line lie in their 90 % interval."""
    intensities = trial.phantom.line_intensities()
    strongest = max((name for name in intensities if name.endswith("_K")), key=lambda n: intensities[n].sum())
    net = trial.dose * intensities[strongest]
    emitter = int(np.argmax(trial.phantom.line_shares[strongest]))
    asked = active(trial)[:, emitter].reshape(net.shape)
    elements = sorted({name.split("_")[0] for name in intensities})
    line = bu.line_intensities(found, trial.image, [strongest], elements=elements)[strongest]
    return float(((line.lower <= net) & (net <= line.upper))[asked].mean())


CALIBRATIONS.register("pipeline")(
    Calibration(
        {
            "phantom": MEASURED,
            "dose": (5.0, 10.0, 20.0, 50.0),
            "endmember_model": ("smooth", "template"),
        },
        measure,
        summarise,
    )
)
