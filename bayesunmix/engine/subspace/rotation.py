r"""Rotate components to simple structure: find the orthogonal R for which the rows of R X have few large values.

Both criteria climb by the same fixed point. With y = R X, take :math:`M = E[g(y)\, x^T] - \mathrm{diag}(h)\, R` and
replace R by the orthogonal matrix nearest to M. FastICA [1]_ has :math:`g = \tanh` and :math:`h = E[g'(y)]`. Varimax
[2]_ has :math:`g = y^3 - E[y^2]\, y` and h = 0. On white samples, where :math:`E[y^2]` is 1 for every rotation, varimax
is the same as quartimax and every other orthomax criterion.

References
----------
.. [1] A. Hyvarinen, "Fast and robust fixed-point algorithms for independent component analysis", IEEE Trans. Neural
   Netw. 10, 626 (1999).
.. [2] H. F. Kaiser, "The varimax criterion for analytic rotation in factor analysis", Psychometrika 23, 187 (1958).
"""

from collections.abc import Callable
from typing import Literal, NamedTuple

import numpy as np

Criterion = Literal["fastica", "varimax"]

_GAUSSIAN_LOGCOSH = 0.3745672075  # E log cosh of a standard normal variate


class Rotation(NamedTuple):
    """Hold the end of a rotation.

    Parameters
    ----------
    matrix : (K, K) array
        Orthogonal matrix.
    contrast : float
        The criterion at the end; larger is simpler.
    turn : float
        The largest 1 - cosine between a component and itself one iteration before.
    iterations : int
    """

    matrix: np.ndarray
    contrast: float
    turn: float
    iterations: int


def rotate(
    samples: np.ndarray,
    start: np.ndarray,
    criterion: Criterion,
    weights: np.ndarray | None = None,
    tolerance: float = 1e-6,
    max_iterations: int = 1000,
) -> Rotation:
    """Rotate until no component turns by more than `tolerance`.

    Parameters
    ----------
    samples : (K, N) array
        White for FastICA: uncorrelated rows of mean 0 and variance 1.
    start : (K, K) array
        The nearest orthogonal matrix to it is the start.
    criterion : {"fastica", "varimax"}
    weights : (N,) array, optional
        Weights of the samples; equal where not given.
    tolerance : float
    max_iterations : int
    """
    move, contrast = _CRITERIA[criterion]
    weight = np.full(samples.shape[1], 1 / samples.shape[1]) if weights is None else weights / weights.sum()
    matrix, turn, iterations = _orthogonal(start), np.inf, 0
    while turn > tolerance and iterations < max_iterations:
        moved = _orthogonal(move(matrix, samples, weight))
        turn = float(np.abs(np.abs((moved * matrix).sum(axis=1)) - 1).max())
        matrix, iterations = moved, iterations + 1
    return Rotation(matrix, contrast(matrix @ samples, weight), turn, iterations)


def varimax(matrix: np.ndarray) -> np.ndarray:
    """Return the orthogonal (K, K) rotation after which the squares of ``matrix @ rotation`` vary most.

    Parameters
    ----------
    matrix : (n, K) array
        Used as it is, neither centred nor whitened.
    """
    return rotate(matrix.T, np.eye(matrix.shape[1]), "varimax", tolerance=1e-12).matrix.T


def _fastica_move(matrix: np.ndarray, samples: np.ndarray, weight: np.ndarray) -> np.ndarray:
    slope = np.tanh(matrix @ samples)
    return (weight * slope) @ samples.T - ((1 - slope**2) @ weight)[:, None] * matrix


def _fastica_contrast(sources: np.ndarray, weight: np.ndarray) -> float:
    log_cosh = np.logaddexp(sources, -sources) - np.log(2)
    return float(((log_cosh @ weight - _GAUSSIAN_LOGCOSH) ** 2).sum())


def _varimax_move(matrix: np.ndarray, samples: np.ndarray, weight: np.ndarray) -> np.ndarray:
    sources = matrix @ samples
    mean_square = (sources**2 @ weight)[:, None]
    return (weight * sources * (sources**2 - mean_square)) @ samples.T


def _varimax_contrast(sources: np.ndarray, weight: np.ndarray) -> float:
    return float((sources**4 @ weight - (sources**2 @ weight) ** 2).sum())


def _orthogonal(matrix: np.ndarray) -> np.ndarray:
    """Return the nearest orthogonal matrix."""
    left, _, right = np.linalg.svd(matrix)
    return left @ right


_CRITERIA: dict[str, tuple[Callable[..., np.ndarray], Callable[..., float]]] = {
    "fastica": (_fastica_move, _fastica_contrast),
    "varimax": (_varimax_move, _varimax_contrast),
}
