r"""Climb to the extremes of the feasible rotations T by linear programs, from where a walk has come.

A walk finds its way through a set of unknown shape, and stays short of its corners when T has many entries. There the
derivative of the test helps, which costs nothing beside the refit: by the envelope theorem, the loss of likelihood
changes with T as if the refitted amounts stayed. In each step the objective is made as large as it can be within a
trust region and within planes that touch the test where it has been tried [1]_ [2]_. A step is taken only to where the
test passes, so the end is feasible whenever the climb stops. Planes touch the roots of the parts of the test, because
these are nearly linear in T beyond the edge of the set.

References
----------
.. [1] J. E. Kelley, "The cutting-plane method for solving convex programs", J. SIAM 8, 703 (1960).
.. [2] R. Fletcher and E. Sainz de la Maza, "Nonlinear programming and nonsmooth optimization by successive linear
   programming", Math. Program. 43, 235 (1989): the trust region.
"""

from collections.abc import Callable

import numpy as np
from scipy.optimize import linprog

from bayesunmix.analysis.feasible_evidence import Evidence, is_proper, parts, roots
from bayesunmix.analysis.feasible_polish import polish
from bayesunmix.analysis.feasible_walk import Objectives, values_of

MOST_STEPS = 120
FIRST_RADIUS, LEAST_RADIUS, MOST_RADIUS = 0.1, 1e-4, 0.5  # of the trust region, in entries of T
WIDER, NARROWER = 2.0, 0.7
LEAST_GAIN = 1e-4
KEPT_PLANES = 200
NEAR_EDGE = 0.2  # parts of the test below this give no plane
AIM = 0.97  # root of the test that a step aims at: curvature takes the rest

ROUNDS = 3  # at most: each starts from the best of all that was found
LEAST_GAIN_OF_ROUND = 0.01

Objective = Callable[[np.ndarray], tuple[float, np.ndarray]]


def climb_all(evidence: Evidence, found: np.ndarray, free: np.ndarray, objectives: Objectives) -> np.ndarray:
    """Climb to the extreme of every objective, in rounds, each time from the best rotation that has been found for it.

    Rounds by linear programs and by `bayesunmix.analysis.feasible_polish` take turns: where one stands still, the other
    often goes on.

    Parameters
    ----------
    evidence : Evidence
    found : (n, K, K) array
        Feasible rotations.
    free : (K,) bool array
        Rows that may move.
    objectives : Objectives

    Returns
    -------
    found : (n + climbs, K, K) array
        All that was found.
    """
    for round_ in range(ROUNDS):
        gained = 0.0
        for component, row, column in zip(*objectives, strict=True):
            if round_ and row.any():
                continue  # of fractions only, which are looked at most

            def objective(
                rotation: np.ndarray,
                component: int = component,
                row: np.ndarray = row,
                column: np.ndarray = column,
            ) -> tuple[float, np.ndarray]:
                back = np.linalg.inv(rotation)
                slope = -np.outer(column @ back, back[:, component])
                slope[component] += row
                return float(row @ rotation[component] + column @ back[:, component]), slope

            values = values_of(found, Objectives(np.array([component]), row[None], column[None]))[0]
            upward = polish if round_ % 2 else climb
            reached = upward(evidence, found[values.argmax()], free, objective)
            gained = max(gained, objective(reached)[0] - values.max())
            found = np.concatenate([found, reached[None]])
        if round_ and gained < LEAST_GAIN_OF_ROUND:
            break
    return found


def climb(evidence: Evidence, start: np.ndarray, free: np.ndarray, objective: Objective) -> np.ndarray:
    """Return a feasible rotation (K, K) whose objective is at least that of the start.

    Parameters
    ----------
    evidence : Evidence
    start : (K, K) array
        Feasible.
    free : (K,) bool array
        Rows that may move.
    objective : function of a rotation
        Its value, and its derivative by the entries of the rotation.
    """
    best, radius = start, FIRST_RADIUS
    value, slope = objective(best)
    planes, limits = _touching(*parts(evidence, best), best)
    for _ in range(MOST_STEPS):
        step = _step(slope, planes, limits, best, free, radius)
        if step is None or (slope * step).sum() < LEAST_GAIN:
            break
        tried = best + step
        feasible = False
        if is_proper(tried):
            values, gradients = parts(evidence, tried)
            feasible = values.max() <= 1
            more, more_limits = _touching(values, gradients, tried)
            planes = np.concatenate([planes, more])[-KEPT_PLANES:]
            limits = np.concatenate([limits, more_limits])[-KEPT_PLANES:]
        if feasible and objective(tried)[0] > value:
            best, radius = tried, min(radius * WIDER, MOST_RADIUS)
            value, slope = objective(best)
        else:
            radius *= NARROWER
            if radius < LEAST_RADIUS:
                break
    return best


def settle(evidence: Evidence, start: np.ndarray, free: np.ndarray) -> tuple[np.ndarray, float]:
    """Go from a rotation to where the test passes, or as near as it gets.

    Returns
    -------
    rotation : (K, K) array
    worst : float
        The largest part of the test there: feasible up to one.
    """
    best, radius = start, FIRST_RADIUS
    values, slopes = parts(evidence, best)
    for _ in range(MOST_STEPS):
        if values.max() <= 1 or radius < LEAST_RADIUS:
            break
        step = _descent(values, slopes, free, radius)
        tried = None if step is None else best + step
        if tried is not None and is_proper(tried):
            new_values, new_slopes = parts(evidence, tried)
            if new_values.max() < values.max():
                best, values, slopes, radius = tried, new_values, new_slopes, min(radius * WIDER, MOST_RADIUS)
                continue
        radius *= NARROWER
    return best, float(values.max())


def _descent(values: np.ndarray, slopes: np.ndarray, free: np.ndarray, radius: float) -> np.ndarray | None:
    """Return the step that makes the largest part of the test least, to first order."""
    near = values > NEAR_EDGE
    root, derivatives = roots(values[near], slopes[near])
    planes = derivatives[:, free].reshape(len(root), -1)
    n_free, n_components = int(free.sum()), len(free)
    found = linprog(
        np.append(np.zeros(n_free * n_components), 1.0),
        A_ub=np.column_stack([planes, -np.ones(len(root))]),
        b_ub=-root,
        A_eq=np.column_stack([np.kron(np.eye(n_free), np.ones(n_components)), np.zeros(n_free)]),
        b_eq=np.zeros(n_free),
        bounds=[(-radius, radius)] * (n_free * n_components) + [(AIM / 2, None)],
        method="highs",
    )
    if found.status != 0:
        return None
    step = np.zeros((n_components, n_components))
    step[free] = found.x[:-1].reshape(n_free, n_components)
    return step


def _touching(values: np.ndarray, slopes: np.ndarray, rotation: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Planes G, h that touch the parts of the test in a rotation: ``(G * T).sum() <= h`` is feasible to first order."""
    near = values > NEAR_EDGE
    root, planes = roots(values[near], slopes[near])
    return planes, AIM - root + (planes * rotation).sum(axis=(1, 2))


def _step(
    slope: np.ndarray,
    planes: np.ndarray,
    limits: np.ndarray,
    start: np.ndarray,
    free: np.ndarray,
    radius: float,
) -> np.ndarray | None:
    """Solve the linear program; rows that are free keep their sum, the others stay."""
    n_free, n_components = int(free.sum()), len(start)
    rows = np.kron(np.eye(n_free), np.ones(n_components))
    found = linprog(
        -slope[free].ravel(),
        A_ub=planes[:, free].reshape(len(planes), -1) if len(planes) else None,
        # A plane that excludes the start, which is feasible, touched a bent surface elsewhere.
        b_ub=np.maximum(limits - (planes * start).sum(axis=(1, 2)), 0) if len(planes) else None,
        A_eq=rows,
        b_eq=np.zeros(n_free),
        bounds=(-radius, radius),
        method="highs",
    )
    if found.status != 0:
        return None
    step = np.zeros_like(start)
    step[free] = found.x.reshape(n_free, n_components)
    return step
