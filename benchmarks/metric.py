"""Define what a metric is, and the registry that `metrics/` fills.

A metric takes a trial and a result that is already canonical (scale) and aligned (permutation, see
`scoring.pairing`) and returns one number: NaN where it does not apply to the trial. Metrics never permute. A trial is a
phantom's (`simulations.trial.Trial`), or of a recording that has no truth (`benchmarks.recording.RecordedTrial`), for
metrics that need none. To add one, write one file, `metrics/mine.py`::

    @metric(label="Mine", unit="deg", best="low")
    def mine(trial, unmixing) -> float:
        return ...

A metric of cost (``is_cost=True``) takes the trial and the `benchmarks.cost.CellCost` of the fit instead of its result.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

from bayesunmix.contracts.registry import Registry

Score = Callable[[Any, Any], float]


@dataclass(frozen=True)
class Metric:
    """Join a score with its meaning.

    Parameters
    ----------
    score : callable (trial, unmixing) -> float
        The arguments of a cost are (trial, cost).
    label : str
        Heading of a column or an axis.
    unit : str
        Empty for a plain number.
    best : "low", "high" or float
        Direction, or the value aimed at (0.9 for a 90 % coverage).
    needs_posterior : bool
    needs_truth : bool
        Whether only trials of phantoms have it.
    is_cost : bool
        Whether it measures the machine as well as the method, and so is another number in every run.
    """

    score: Score
    label: str
    unit: str
    best: Literal["low", "high"] | float
    needs_posterior: bool = False
    needs_truth: bool = True
    is_cost: bool = False

    @property
    def heading(self) -> str:
        """Return the label with its unit in brackets."""
        return f"{self.label} ({self.unit})" if self.unit else self.label

    def badness(self, value: float) -> float:
        """Turn a value around so that smaller is better, whatever the direction."""
        if isinstance(self.best, str):
            return value if self.best == "low" else -value
        return abs(value - self.best)


METRICS: Registry[Metric] = Registry("metric", "benchmarks.metrics", lambda found: isinstance(found, Metric))


def metric(
    *,
    label: str,
    unit: str,
    best: Literal["low", "high"] | float,
    needs_posterior: bool = False,
    needs_truth: bool = True,
    is_cost: bool = False,
) -> Callable[[Score], Score]:
    """Register the decorated function under its own name, which is its file's name too."""

    def register(score: Score) -> Score:
        METRICS.register(score.__name__)(
            Metric(score, label, unit, best, needs_posterior, needs_truth, is_cost)
        )
        return score

    return register
