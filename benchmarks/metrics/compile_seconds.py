"""Measure the time in which JAX traced and compiled: once per method and image size in a process."""

from benchmarks.cost import CellCost
from benchmarks.metric import metric
from benchmarks.recording import RecordedTrial
from simulations.trial import Trial


@metric(label="Compile", unit="s", best="low", needs_truth=False, is_cost=True)
def compile_seconds(trial: Trial | RecordedTrial, cost: CellCost) -> float:
    """Return the seconds of compiling."""
    return cost.compile_seconds
