"""Run scikit-learn's KL-NMF by multiplicative updates on sparse counts, until it has a given deviance."""

import time
from typing import NamedTuple

import numpy as np
from scipy import sparse
from scipy.special import xlogy
from sklearn.decomposition import non_negative_factorization

BLOCK_ENTRIES = 2**22


class Race(NamedTuple):
    """Say how far it came: seconds in its own code, iterations, its deviance, and whether it reached ours."""

    seconds: float
    iterations: int
    deviance: float
    reached: bool


def race(
    counts: sparse.csr_array,
    n_components: int,
    start: tuple[np.ndarray, np.ndarray] | None,
    deviance: float,
    most_seconds: float,
    block: int = 10,
) -> Race:
    """Run multiplicative updates until the deviance is reached or the time is up.

    Parameters
    ----------
    counts : (P, C) sparse array
    n_components : int
    start : (abundances (P, K), endmembers (K, C)) or None
        None for scikit-learn's own start, NNDSVDa, whose time counts.
    deviance : float
        Where to stop.
    most_seconds : float
    block : int
        Iterations between two looks at the deviance, which are not timed.
    """
    counts = sparse.csr_matrix(counts, dtype=np.float64)
    w, h = (None, None) if start is None else (part.astype(np.float64) for part in start)
    seconds, iterations, reached = 0.0, 0, np.inf
    while seconds < most_seconds and reached > deviance:
        began = time.perf_counter()
        w, h, _ = non_negative_factorization(
            counts,
            W=w,
            H=h,
            n_components=n_components,
            init="nndsvda" if w is None else "custom",
            random_state=0,
            solver="mu",
            beta_loss="kullback-leibler",
            tol=0,
            max_iter=block,
        )
        seconds += time.perf_counter() - began
        iterations += block
        reached = poisson_deviance(counts, w, h)
    return Race(seconds, iterations, reached, bool(reached <= deviance))


def poisson_deviance(counts: sparse.csr_matrix, abundances: np.ndarray, endmembers: np.ndarray) -> float:
    """Return the Poisson deviance in float64, from the entries that hold counts."""
    total = float((abundances.sum(axis=0) * endmembers.sum(axis=1)).sum())
    rows = np.repeat(np.arange(counts.shape[0]), np.diff(counts.indptr))
    for first in range(0, counts.nnz, BLOCK_ENTRIES):
        part = slice(first, first + BLOCK_ENTRIES)
        x = np.asarray(counts.data[part], np.float64)
        rate = np.einsum("nk,kn->n", abundances[rows[part]], endmembers[:, counts.indices[part]])
        total += float((xlogy(x, x / rate) - x).sum())
    return 2 * total
