"""Find the smallest Dice coefficient of a true phase, which a mean would hide (see `scoring.phase_map`)."""

from bayesunmix.data.result import Unmixing
from benchmarks.metric import metric
from benchmarks.scoring.phase_map import confusion, dice_coefficients
from simulations.trial import Trial


@metric(label="Worst Dice", unit="", best="high")
def dice_worst(trial: Trial, unmixing: Unmixing) -> float:
    """Return the Dice coefficient of the phase that is found worst."""
    return float(dice_coefficients(confusion(trial, unmixing)).min())
