"""Say whether the number of components is right: 1 if as many hold counts as in the truth, else 0.

A component holds counts where its abundances, in absolute value (PCA, ICA), add up to one count or more over the image:
what is less, no photon stands for. Methods that return as many components as they are asked for hit by being told;
the mean over trials says something about those that find the number, and about all where they are told a wrong one.
"""

import numpy as np

from bayesunmix.data.factorization import Factorization
from bayesunmix.data.result import Unmixing
from benchmarks.metric import metric
from simulations.trial import Trial


@metric(label="Rank hit", unit="", best="high")
def rank_hit(trial: Trial, unmixing: Unmixing) -> float:
    """Return 1 or 0."""
    return float(_n_holding(unmixing.estimate) == _n_holding(trial.truth))


def _n_holding(factorization: Factorization) -> int:
    return int((np.abs(factorization.abundances).sum(axis=0) >= 1).sum())
