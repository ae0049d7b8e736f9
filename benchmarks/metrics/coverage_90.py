"""Measure the share of active abundances in their 90 % interval (`scoring.coverage`); right error bars give 0.9."""

from bayesunmix.data.result import Unmixing
from benchmarks.metric import metric
from benchmarks.scoring.coverage import coverage
from simulations.trial import Trial


@metric(label="90 % coverage", unit="", best=0.9, needs_posterior=True)
def coverage_90(trial: Trial, unmixing: Unmixing) -> float:
    """Return the share of active abundances in the equal-tailed 90 % interval."""
    return coverage(trial, unmixing, 0.9)
