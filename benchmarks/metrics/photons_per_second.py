"""Divide the photons of the image by the seconds of the fit: how long a larger image will take."""

from benchmarks.cost import CellCost
from benchmarks.metric import metric
from benchmarks.recording import RecordedTrial
from simulations.trial import Trial


@metric(label="Throughput", unit="photons/s", best="high", needs_truth=False, is_cost=True)
def photons_per_second(trial: Trial | RecordedTrial, cost: CellCost) -> float:
    """Return photons per second."""
    return trial.image.n_photons / cost.fit_seconds
