"""The contract of a metric, and the registry that `metrics/` fills.

A metric takes a trial and a result that is already canonical (scale) and aligned (permutation) and returns one
number. Metrics never permute.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from bayesunmix.method import Unmixing
from bayesunmix.registry import Registry
from simulations.phantom import Trial


@dataclass(frozen=True)
class Metric:
    """A score with its meaning.

    Parameters
    ----------
    score : callable (trial, unmixing) -> float
    label : str
        Heading of a column or an axis.
    unit : str
    best : "low", "high" or float
        Direction, or the value aimed at (0.9 for a 90 % coverage).
    needs_posterior : bool
    """

    score: Callable[[Trial, Unmixing], float]
    label: str
    unit: str
    best: Literal["low", "high"] | float
    needs_posterior: bool = False


METRICS: Registry[Metric] = Registry("metric", "benchmarks.metrics")
