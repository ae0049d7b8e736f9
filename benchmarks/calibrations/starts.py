"""Measure whether `nmf` ends where a start at the truth ends: the angle to the true endmembers, from either start.

The truth is a start that no user has, and what it reaches is the best at that dose. A method that depends on luck ends
farther away for some seeds.
"""

import numpy as np
import pandas as pd

import bayesunmix as bu
from bayesunmix.data.factorization import Factorization
from bayesunmix.data.image import SpectrumImage
from bayesunmix.engine.device.layout import lay_out
from bayesunmix.engine.fits import em
from bayesunmix.engine.fits.descent import descend
from bayesunmix.engine.fits.extrapolation import LEAST_ENTRY
from bayesunmix.engine.fits.starts import Start
from bayesunmix.methods.nmf import NMF
from benchmarks.calibration import CALIBRATIONS, Calibration
from simulations.phantom import PHANTOMS
from simulations.trial import acquire

MOST_RATIO = 1.1


def measure(phantom: str, dose: float, seed: int) -> dict[str, float]:
    """Fit one trial from both starts, and measure the mean angles in degrees."""
    trial = acquire(PHANTOMS[phantom](), dose, seed)
    truth = trial.truth
    found = bu.unmix(trial.image, truth.n_components, "nmf", seed=seed)
    angle = _angle(truth.endmembers, found.estimate.endmembers)
    reached, deviance = _from_truth(trial.image, truth)
    from_truth = _angle(truth.endmembers, reached.endmembers)
    return {
        "angle_deg": round(angle, 4),
        "angle_from_truth_deg": round(from_truth, 4),
        "ratio": round(angle / from_truth, 4),
        "deviance_above": round(found.info["objective"][-1] - deviance, 2),
        "starts_agreeing": found.info["starts_agreeing"],
        "iterations": found.info["iterations"],
        "converged": found.info["converged"],
        "duality_gap": float(f"{found.info['duality_gap']:.2e}"),
    }


def summarise(rows: pd.DataFrame) -> pd.DataFrame:
    """Count for each phantom and dose the trials in which the ratio of the angles is at most `MOST_RATIO`."""
    grouped = rows.assign(within=rows["ratio"] <= MOST_RATIO).groupby(["phantom", "dose"])
    return grouped.agg(
        trials=("seed", "size"),
        within=("within", "sum"),
        worst_ratio=("ratio", "max"),
        angle_deg=("angle_deg", "mean"),
        from_truth_deg=("angle_from_truth_deg", "mean"),
        converged=("converged", "sum"),
    ).reset_index()


def _from_truth(image: SpectrumImage, truth: Factorization) -> tuple[Factorization, float]:
    data, pixels = lay_out(image)
    abundances = np.full((truth.n_components, pixels.padded), LEAST_ENTRY, np.float32)
    # A true zero could never be left again.
    abundances[:, : pixels.pixels.size] = truth.abundances[pixels.pixels].T + 0.01
    endmembers = truth.endmembers + 1e-9
    endmembers = (endmembers / endmembers.sum(axis=1, keepdims=True)).astype(np.float32)
    start = Start(abundances, endmembers, {}, [])
    settings = NMF()
    result = descend(em.objective(data), start, image, pixels, settings.tolerance, settings.max_iterations)
    return result.estimate.canonical(), result.info["objective"][-1]


def _angle(truth: np.ndarray, endmembers: np.ndarray) -> float:
    angles = bu.spectral_angles(truth, endmembers[bu.match(truth, endmembers)])
    return float(np.diagonal(angles).mean())


CALIBRATIONS.register("starts")(
    Calibration({"phantom": ("nicr_film",), "dose": (3.0, 5.0, 9.0, 20.0, 50.0)}, measure, summarise)
)
