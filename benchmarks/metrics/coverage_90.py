"""Share of active true abundances that lie inside their 90 % interval; honest error bars give 0.90.

*Active* entries have a true fraction above 5 %: an equal-tailed interval of a positive quantity can never hold 0,
so entries that are truly zero are not asked.
"""

import numpy as np

from bayesunmix.method import Unmixing
from benchmarks.metric import metric
from simulations.phantom import Trial

ACTIVE_FRACTION = 0.05


@metric(label="90 % coverage", unit="", best=0.9, needs_posterior=True)
def coverage_90(trial: Trial, unmixing: Unmixing) -> float:
    """Share of active abundances inside the equal-tailed 90 % interval."""
    truth = trial.truth.abundances
    active = trial.phantom.specimen[:, None] & (trial.truth.fractions > ACTIVE_FRACTION)
    lower, upper = (b.abundances[:, : truth.shape[1]] for b in unmixing.posterior.interval(0.9))
    return float(np.mean(((lower <= truth) & (truth <= upper))[active]))
