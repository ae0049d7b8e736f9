"""Line a result up with the truth, once, so that every metric reads the same component numbers.

The permutation comes from the endmembers alone (`bayesunmix.match`) and is shared by spectra, maps, labels and
draws. Results may hold another number of components than the truth; they are scored, not skipped, by one rule:

- A component the result *lacks* is filled in as a silent one: a spectrum of zeros, at right angles (90 degrees) to
  everything, and no abundance anywhere. It is as wrong as its true abundances are large, and never covered.
  A component that holds no count in any pixel is silent too, whatever its spectrum.
- Components *more* than the truth has come last. The truth has none of them, so their abundances are error in
  full (`abundance_rmse`, `crps`); sums over components are divided by the number of true ones. They cost no
  spectral angle, because no true endmember is the worse for them.

So a component without abundance changes no score, and a phase split in two pays for it in the abundances.
"""

from dataclasses import replace

import numpy as np

from bayesunmix.data.alignment import match
from bayesunmix.data.factorization import Factorization
from bayesunmix.data.posterior import Posterior
from bayesunmix.data.result import Unmixing


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
    filled = _fill(_silence(unmixing), truth.n_components - unmixing.estimate.n_components)
    return filled.reorder(match(truth.endmembers, filled.estimate.endmembers))


def _silence(unmixing: Unmixing) -> Unmixing:
    estimate = unmixing.estimate
    heard = np.asarray(estimate.abundances.any(axis=0))
    if heard.all():
        return unmixing
    return replace(
        unmixing, estimate=Factorization(estimate.endmembers * heard[:, None], estimate.abundances)
    )


def _fill(unmixing: Unmixing, n_missing: int) -> Unmixing:
    if n_missing <= 0:
        return unmixing
    estimate, posterior = unmixing.estimate, unmixing.posterior
    return replace(
        unmixing,
        names=(*unmixing.names, *["none"] * n_missing),
        known=(*unmixing.known, *[False] * n_missing),
        unique=(*unmixing.unique, *[False] * n_missing),
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
