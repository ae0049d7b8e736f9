"""Largest resident size of the method's own process during the fit, what the process held before included."""

from bayesunmix.method import Unmixing
from benchmarks.metric import metric
from simulations.phantom import Trial


@metric(label="Peak memory", unit="MiB", best="low", is_cost=True)
def peak_mib(trial: Trial, unmixing: Unmixing) -> float:
    """MiB."""
    return float(unmixing.info["peak_mib"])
