"""Dice coefficient of the phases, averaged over those that the true phase map has (see `scoring.phase_map`)."""

from bayesunmix.data.result import Unmixing
from benchmarks.metric import metric
from benchmarks.scoring.phase_map import confusion, dice_coefficients
from simulations.trial import Trial


@metric(label="Dice", unit="", best="high")
def dice(trial: Trial, unmixing: Unmixing) -> float:
    """Mean Dice coefficient: 1 is the same map, 0 has no pixel right."""
    return float(dice_coefficients(confusion(trial, unmixing)).mean())
