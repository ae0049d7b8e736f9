"""Measure the share of active abundances in their 95 % interval (`scoring.coverage`); right error bars give 0.95."""

from bayesunmix.data.result import Unmixing
from benchmarks.metric import metric
from benchmarks.scoring.coverage import coverage
from simulations.trial import Trial


@metric(label="95 % coverage", unit="", best=0.95, needs_posterior=True)
def coverage_95(trial: Trial, unmixing: Unmixing) -> float:
    """Return the share of active abundances in the equal-tailed 95 % interval."""
    return coverage(trial, unmixing, 0.95)
