"""Measure the largest resident size of the process during the fit, with what the process used before."""

from benchmarks.cost import CellCost
from benchmarks.metric import metric
from benchmarks.recording import RecordedTrial
from simulations.trial import Trial


@metric(label="Peak memory", unit="MiB", best="low", needs_truth=False, is_cost=True)
def peak_mib(trial: Trial | RecordedTrial, cost: CellCost) -> float:
    """Return the memory, MiB."""
    return cost.peak_mib
