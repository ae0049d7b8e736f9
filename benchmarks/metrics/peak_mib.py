"""Largest resident size of the method's own process during the fit, what the process held before included."""

from benchmarks.cost import CellCost
from benchmarks.metric import metric
from benchmarks.recording import RecordedTrial
from simulations.trial import Trial


@metric(label="Peak memory", unit="MiB", best="low", needs_truth=False, is_cost=True)
def peak_mib(trial: Trial | RecordedTrial, cost: CellCost) -> float:
    """MiB."""
    return cost.peak_mib
