"""Wall time of the fit without compilation, as `bayesunmix.running.cost` measured it."""

from bayesunmix.data.result import Unmixing
from benchmarks.metric import metric
from benchmarks.recording import RecordedTrial
from simulations.trial import Trial


@metric(label="Fit", unit="s", best="low", needs_truth=False, is_cost=True)
def fit_seconds(trial: Trial | RecordedTrial, unmixing: Unmixing) -> float:
    """Seconds of work."""
    return float(unmixing.info["fit_seconds"])
