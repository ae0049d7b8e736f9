"""Measure whether intervals of endmember weights cover the truth if phases own their lines: the first stage of `bayes`.

The weight of a phase is the share of its counts that are in its lines. `mean_square_z` is the mean square of the error
over the posterior standard deviation: 1 if the latter is right, and it is to be under 1.2. The calibration of the lines
is drawn too, so a draw is a sum of families, curves, and slopes of the families by the calibration.
"""

from typing import Any

import numpy as np
import pandas as pd

import bayesunmix as bu
from bayesunmix.contracts.endmember_model import ENDMEMBER_MODELS
from bayesunmix.data.draws import equal_tailed
from benchmarks.calibration import CALIBRATIONS, Calibration
from benchmarks.scoring.over_seeds import over_seeds
from benchmarks.scoring.pairing import align
from simulations import PHANTOMS, acquire

# Maps are not measured.
_HARDLY_ANY_MAPS: dict[str, Any] = {"abundance_prior": "jeffreys", "n_maps": 2, "sweeps_per_map": 1}


def measure(phantom: str, dose: float, endmember_model: str, seed: int) -> dict[str, object]:
    """Draw the endmembers of one trial, and read the weights off the draws, of which they are linear functions."""
    trial = acquire(PHANTOMS[phantom](), dose, seed)
    found = bu.unmix(
        trial.image, None, "bayes", seed=seed, endmember_model=endmember_model, **_HARDLY_ANY_MAPS
    )
    posterior = align(trial.truth, found).posterior
    assert posterior is not None
    draws = posterior.endmembers.astype(np.float64)
    given = ENDMEMBER_MODELS[endmember_model]().prepare(trial.image, None).given
    names = [f"{element}_K" for element in found.names]
    truth = np.array([trial.phantom.line_shares[name].max() for name in names])
    order = [int(np.argmax(trial.phantom.line_shares[name])) for name in names]
    weights = np.stack([_weight(given, j, draws[:, :, k]) for j, k in enumerate(order)], axis=-1)
    lower, upper = equal_tailed(weights, 0.9)
    z = (weights.mean(axis=0) - truth) / weights.std(axis=0)
    return {
        "weights_90": round(float(np.mean((lower <= truth) & (truth <= upper))), 4),
        "mean_square_z": round(float(np.mean(z**2)), 4),
        "largest_error": round(float(np.abs(weights.mean(axis=0) - truth).max()), 5),
        "r_hat": round(float(found.info["r_hat"]), 4),
    }


def _weight(given: Any, phase: int, draws: np.ndarray) -> np.ndarray:
    """Read the share of the lines off draws (chains, draws, C) of a phase with one family."""
    family, tail = (np.asarray(part[phase], np.float64) for part in (given.families, given.moves.tail))
    slopes = np.asarray(given.moves.slopes[:, phase, 0], np.float64)
    slopes = (slopes - (slopes * family).sum(axis=1, keepdims=True)) * family  # what keeps the sum at one
    curves = np.asarray(given.curves, np.float64)
    parts = np.concatenate([family, curves, slopes, tail])
    return np.asarray(np.linalg.lstsq(parts.T, draws.reshape(-1, draws.shape[-1]).T)[0][0])


def summarise(rows: pd.DataFrame) -> pd.DataFrame:
    """Average over seeds for each phantom and dose, with 95 % intervals."""
    return over_seeds(
        rows, ["phantom", "dose", "endmember_model"], ["weights_90", "mean_square_z", "largest_error"]
    )


CALIBRATIONS.register("weights")(
    Calibration(
        {
            "phantom": ("nicr_film", "nicr_mixed"),
            "dose": (10.0, 50.0, 250.0),
            "endmember_model": ("phases",),
        },
        measure,
        summarise,
    )
)
