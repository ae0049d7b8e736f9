"""Climb to an extreme of the feasible rotations T by sequential quadratic programming [1]_.

It learns how the edge of the set bends, and so goes on where linear programs take ever smaller steps
(`bayesunmix.analysis.feasible_climb`). It may end outside; the best that it has tried inside is kept.

References
----------
.. [1] D. Kraft, "A software package for sequential quadratic programming", DFVLR-FB 88-28 (1988).
"""

from collections.abc import Callable

import numpy as np
from scipy.optimize import minimize

from bayesunmix.analysis.feasible_evidence import Evidence, is_proper, parts, roots

MOST_STEPS = 40
FARTHEST = 0.6  # that an entry of T may move
LEAST_GAIN = 1e-4
AIM = 0.99  # root of the test
IMPOSSIBLE = -2.0  # of what is left to the edge, where components have become the same


def polish(
    evidence: Evidence,
    start: np.ndarray,
    free: np.ndarray,
    objective: Callable[[np.ndarray], tuple[float, np.ndarray]],
) -> np.ndarray:
    """Return a feasible rotation (K, K) whose objective is at least that of the start.

    Parameters
    ----------
    evidence : Evidence
    start : (K, K) array
        Feasible.
    free : (K,) bool array
        Rows that may move; they keep their sum.
    objective : function of a rotation
        Its value, and its derivative by the entries of the rotation.
    """
    best, highest = start, objective(start)[0]
    n_parts = len(parts(evidence, start)[0])
    sums = start[free].sum(axis=1, keepdims=True)

    def rotation_of(entries: np.ndarray) -> np.ndarray:
        rotation = start.copy()
        first = entries.reshape(len(sums), -1)
        rotation[free] = np.concatenate([first, sums - first.sum(axis=1, keepdims=True)], axis=1)
        return rotation

    def by_entries(slopes: np.ndarray) -> np.ndarray:
        """Turn derivatives by all entries (..., K, K) into those by the free rows but for their last entry."""
        of_rows = slopes[..., free, :]
        return np.asarray((of_rows[..., :-1] - of_rows[..., -1:]).reshape(*slopes.shape[:-2], -1))

    def downhill(entries: np.ndarray) -> tuple[float, np.ndarray]:
        rotation = rotation_of(entries)
        if not is_proper(rotation):
            return -highest, np.zeros_like(entries)
        value, slope = objective(rotation)
        return -value, -by_entries(slope)

    def left(entries: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return how far each part of the test is from its edge, and the derivatives; remember the best inside."""
        nonlocal best, highest
        rotation = rotation_of(entries)
        if not is_proper(rotation):
            return np.full(n_parts, IMPOSSIBLE), np.zeros((n_parts, entries.size))
        values, slopes = parts(evidence, rotation)
        if values.max() <= 1 and (reached := objective(rotation)[0]) > highest:
            best, highest = rotation, reached
        root, derivatives = roots(values, slopes)
        return AIM - root, by_entries(-derivatives)

    tried: dict[bytes, tuple[np.ndarray, np.ndarray]] = {}

    def once(entries: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        key = entries.tobytes()
        if key not in tried:
            tried.clear()
            tried[key] = left(entries)
        return tried[key]

    origin = start[free][:, :-1].ravel()
    minimize(
        downhill,
        origin,
        jac=True,
        method="SLSQP",
        bounds=[(entry - FARTHEST, entry + FARTHEST) for entry in origin],
        constraints=[
            {"type": "ineq", "fun": lambda entries: once(entries)[0], "jac": lambda entries: once(entries)[1]}
        ],
        options={"maxiter": MOST_STEPS, "ftol": LEAST_GAIN},
    )
    return best
