"""Average the Dice coefficient over the phases of the true phase map (see `scoring.phase_map`)."""

from bayesunmix.data.result import Unmixing
from benchmarks.metric import metric
from benchmarks.scoring.phase_map import confusion, dice_coefficients
from simulations.trial import Trial


@metric(label="Dice", unit="", best="high")
def dice(trial: Trial, unmixing: Unmixing) -> float:
    """Return the mean Dice coefficient: 1 is the same map, 0 has no pixel right."""
    return float(dice_coefficients(confusion(trial, unmixing)).mean())
