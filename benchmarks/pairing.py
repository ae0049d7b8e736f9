"""Line a result up with the truth, once, so that every metric reads the same component numbers.

The permutation comes from the endmembers alone (`bayesunmix.match`) and is shared by spectra, maps and draws.
A result with fewer components than the truth is filled up with *silent* ones: a spectrum of zeros, at right
angles to everything, and no abundance anywhere. Components that the truth does not have come last.
"""

from dataclasses import replace

import numpy as np

from bayesunmix.alignment import match
from bayesunmix.factorization import Factorization
from bayesunmix.method import Unmixing
from bayesunmix.posterior import Posterior


def align(truth: Factorization, unmixing: Unmixing) -> Unmixing:
    """Give component k of the result the number of the true component it stands for.

    Parameters
    ----------
    truth : Factorization
        K components.
    unmixing : Unmixing
        J components, canonical.

    Returns
    -------
    Unmixing
        max(J, K) components, the first K in the order of the truth.
    """
    filled = _fill(unmixing, truth.n_components - unmixing.estimate.n_components)
    return filled.reorder(match(truth.endmembers, filled.estimate.endmembers))


def _fill(unmixing: Unmixing, n_missing: int) -> Unmixing:
    if n_missing <= 0:
        return unmixing
    estimate, posterior = unmixing.estimate, unmixing.posterior
    return replace(
        unmixing,
        estimate=Factorization(
            _append_zeros(estimate.endmembers, 0, n_missing), _append_zeros(estimate.abundances, 1, n_missing)
        ),
        posterior=posterior and _fill_draws(posterior, n_missing),
    )


def _fill_draws(posterior: Posterior, n_missing: int) -> Posterior:
    return replace(
        posterior,
        endmembers=_append_zeros(posterior.endmembers, 2, n_missing),
        abundances=_append_zeros(posterior.abundances, 3, n_missing),
    )


def _append_zeros(array: np.ndarray, axis: int, n: int) -> np.ndarray:
    return np.pad(array, [(0, n if i == axis else 0) for i in range(array.ndim)])
