"""Measure the wall time of the fit, without compilation."""

from benchmarks.cost import CellCost
from benchmarks.metric import metric
from benchmarks.recording import RecordedTrial
from simulations.trial import Trial


@metric(label="Fit", unit="s", best="low", needs_truth=False, is_cost=True)
def fit_seconds(trial: Trial | RecordedTrial, cost: CellCost) -> float:
    """Return the seconds of the fit."""
    return cost.fit_seconds
