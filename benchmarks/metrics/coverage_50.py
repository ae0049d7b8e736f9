"""Measure the share of active abundances in their 50 % interval (`scoring.coverage`); right error bars give 0.5."""

from bayesunmix.data.result import Unmixing
from benchmarks.metric import metric
from benchmarks.scoring.coverage import coverage
from simulations.trial import Trial


@metric(label="50 % coverage", unit="", best=0.5, needs_posterior=True)
def coverage_50(trial: Trial, unmixing: Unmixing) -> float:
    """Return the share of active abundances in the equal-tailed 50 % interval."""
    return coverage(trial, unmixing, 0.5)
