"""Measure the root mean square error of the fractions over specimen pixels and true components.

Fractions are abundances divided by their sum in the pixel. Negative abundances (PCA, ICA) count as 0, and a pixel that
holds nothing has a fraction of 0 of everything. Fractions of components beyond the true ones are error too (see
`scoring.pairing`).
"""

import numpy as np

from bayesunmix.data.result import Unmixing
from benchmarks.metric import metric
from benchmarks.scoring.excess import with_excess
from simulations.trial import Trial


@metric(label="Fraction error", unit="", best="low")
def fraction_error(trial: Trial, unmixing: Unmixing) -> float:
    """Return the RMSE of the fractions, from 0 on; 0.1 is a tenth of a pixel."""
    where = trial.phantom.specimen
    truth, estimate = (_fractions(f.abundances[where]) for f in (trial.truth, unmixing.estimate))
    error = estimate - with_excess(truth, estimate.shape[1])
    return float(np.sqrt((error**2).sum() / truth.size))


def _fractions(abundances: np.ndarray) -> np.ndarray:
    positive = np.maximum(abundances, 0)
    total = positive.sum(axis=1, keepdims=True)
    return np.divide(positive, total, out=np.zeros_like(positive), where=total > 0)
