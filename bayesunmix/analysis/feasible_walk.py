r"""Walks through a set of rotations T that is known by a test only, to its extremes in many directions at once.

A walker steps along a ray T + s D as far as the test holds: s is found by bisection of its logarithm, since sets may be
wide along one direction and thin as the noise along another. The end of each ray is kept. The walker itself goes a
share of the way, at first any (hit-and-run [1]_) and later nearly all, so that it ends where its own linear objective
is largest (simulated annealing by hit-and-run [2]_). Every few steps it goes on from where the best of all walkers
stands, by its own objective ("go with the winners" [3]_). Objectives are entries of T E and of A T^-1. A ray moves one
row of T, for which exact feasible sets are convex, along an edge of the simplex or a mixture of edges.

What is found is feasible; what is not found may be feasible too: an approximation from inside.

References
----------
.. [1] R. L. Smith, "Efficient Monte Carlo procedures for generating points uniformly distributed over bounded regions",
   Oper. Res. 32, 1296 (1984).
.. [2] A. T. Kalai and S. Vempala, "Simulated annealing for convex optimization", Math. Oper. Res. 31, 253 (2006).
.. [3] D. Aldous and U. Vazirani, "'Go with the winners' algorithms", Proc. FOCS, 492 (1994).
"""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

HALVINGS = 6
SHORTEST, LONGEST = 1e-4, 2.0  # of a ray, in edges of the simplex
GATHERING = 2  # steps after which each walker goes on from where the best of all stands
# Walkers per component and sign, beside one to its overall fraction and one to each other component.
TO_PIXELS = 1
LOOKED_AT = 512  # pixels, and channels, whose extremes decide which rotations are kept
MOST_KEPT = 400
PAIRED = 0.5  # of the rays
GREED = 12.0  # at the end a walker goes GREED / (GREED + 1) of its way on average

Test = Callable[[np.ndarray], np.ndarray]


class Quantities(NamedTuple):
    """What is asked of every rotation T: `endmembers` of T E, `fractions` and `overall` of A T^-1.

    Attributes
    ----------
    endmembers : (K, n channels) array
        The channels are a sample that prefers those with counts.
    fractions : (n pixels, K) array
    overall : (K,) array
    free : (K,) bool array
        Components whose endmember may change.
    """

    endmembers: np.ndarray
    fractions: np.ndarray
    overall: np.ndarray
    free: np.ndarray


class Objectives(NamedTuple):
    """What each of n walkers makes large: ``row @ T[component]`` plus ``column @ inv(T)[:, component]``.

    Attributes
    ----------
    component : (n,) int array
    row, column : (n, K) array
    """

    component: np.ndarray
    row: np.ndarray
    column: np.ndarray


def sample(
    endmembers: np.ndarray,
    abundances: np.ndarray,
    spectrum: np.ndarray,
    free: np.ndarray,
    rng: np.random.Generator,
) -> Quantities:
    """Draw pixels and channels of endmembers (K, C) and of abundances (P, K), of which none are empty."""
    weight = np.sqrt(spectrum)
    n_channels = min(LOOKED_AT, int(np.count_nonzero(spectrum)))
    channels = rng.choice(len(spectrum), n_channels, replace=False, p=weight / weight.sum())
    pixels = rng.choice(len(abundances), min(LOOKED_AT, len(abundances)), replace=False)
    fractions = abundances[pixels] / abundances[pixels].sum(axis=1, keepdims=True)
    overall = abundances.sum(axis=0) / abundances.sum()
    return Quantities(endmembers[:, channels], fractions, overall, free)


def objectives(quantities: Quantities, rng: np.random.Generator) -> Objectives:
    """Send walkers to both ends of fractions of all components, and of channels of those that are free."""
    endmembers, fractions, overall, free = quantities
    none = np.zeros(len(overall))
    # The channel that belongs most to each component tells how much of it may be mixed into the others.
    own = endmembers[:, (endmembers**2 / np.maximum(endmembers.sum(axis=0), 1e-300)).argmax(axis=1)]
    component, rows, columns = [], [], []
    for k in range(len(overall)):
        goals = [(none, overall), *((none, f) for f in rng.choice(fractions, TO_PIXELS))]
        if free[k]:
            goals += [(own[:, j] / own[:, j].max(), none) for j in range(len(overall)) if j != k]
        for sign in (-1, 1):
            component += [k] * len(goals)
            rows += [sign * row for row, _ in goals]
            columns += [sign * column for _, column in goals]
    return Objectives(np.array(component), np.array(rows), np.array(columns))


def most_extreme(found: np.ndarray, quantities: Quantities) -> np.ndarray:
    """Return the indices of at most `MOST_KEPT` rotations that reach the ends of most quantities, overall first."""
    back = np.linalg.inv(found)
    overall = (quantities.overall @ back)[:, None]
    votes = np.zeros(len(found))
    parts = (found @ quantities.endmembers, quantities.fractions @ back, overall)
    for values, vote in zip(parts, (1, 1, len(found) * LOOKED_AT), strict=True):
        for end in (values.argmin(axis=0), values.argmax(axis=0)):
            votes += vote * np.bincount(end.ravel(), minlength=len(found))
    best = np.argsort(-votes, kind="stable")[:MOST_KEPT]
    return np.asarray(best[votes[best] > 0])


def walk(
    test: Test,
    start: np.ndarray,
    objectives: Objectives,
    free: np.ndarray,
    n_steps: int,
    rng: np.random.Generator,
) -> np.ndarray:
    """Walk from a feasible rotation.

    Parameters
    ----------
    test : function of (n, K, K) to (n,)
        Feasible up to one.
    start : (K, K) array
    objectives : Objectives
    free : (K,) bool array
        Rows of T that may move.
    n_steps : int
    rng : numpy Generator

    Returns
    -------
    found : (n, K, K) array
        The start, and ends of rays.
    """
    walkers = np.repeat(start[None], len(objectives.component), axis=0)
    found = [walkers[:1]]
    for step in range(n_steps):
        rays = _uphill(walkers, objectives, _rays(walkers, free, rng))
        length = _reach(test, walkers, rays)
        moving = length > 0
        found.append((walkers + length[:, None, None] * rays)[moving])
        greed = GREED * step / n_steps
        share = rng.random(len(walkers)) ** (1 / (1 + greed))
        walkers = walkers + (share * length)[:, None, None] * rays
        if step % GATHERING == GATHERING - 1:
            walkers = walkers[values_of(walkers, objectives).argmax(axis=1)]
    return np.concatenate(found)


def _rays(walkers: np.ndarray, free: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Draw a direction for each walker; its rows sum to zero."""
    n, n_components = walkers.shape[:2]
    row = rng.choice(np.flatnonzero(free), n)
    each = np.arange(n)
    other = (row + rng.integers(1, n_components, n)) % n_components
    along = np.zeros((n, n_components))
    along[each, other] = 1
    some = rng.random((n, 1)) < 0.5
    # Along one edge, or a mixture of edges.
    along = np.where(some, along, rng.normal(size=along.shape) * (rng.random(along.shape) < 0.7))
    rays = np.zeros_like(walkers)
    rays[each, row] = np.einsum("nj,njk->nk", along, walkers - walkers[each, row][:, None])
    # Differences of walkers have the shape of the set, which may be long and thin across the edges.
    apart = walkers[rng.integers(n, size=n)] - walkers[rng.integers(n, size=n)]
    size = np.abs(apart).max(axis=(1, 2))
    paired = (rng.random(n) < PAIRED) & (size > 0)
    rays[paired] = apart[paired] / size[paired, None, None]
    return rays


def _uphill(walkers: np.ndarray, objectives: Objectives, rays: np.ndarray) -> np.ndarray:
    """Turn rays round along which the walker's objective falls."""
    each = np.arange(len(walkers))
    back = np.linalg.inv(walkers)
    by_row = (objectives.row * rays[each, objectives.component]).sum(axis=1)
    moved = np.einsum("ni,nij,njk->nk", objectives.column, back, rays)
    by_column = -(moved * back[each, :, objectives.component]).sum(axis=1)
    return np.where(by_row + by_column < 0, -1.0, 1.0)[:, None, None] * rays


def values_of(rotations: np.ndarray, objectives: Objectives) -> np.ndarray:
    """Value of each objective under each rotation, (objectives, rotations)."""
    component = objectives.component
    by_row = np.einsum("wk,nwk->wn", objectives.row, rotations[:, component])
    return np.asarray(
        by_row + np.einsum("wk,nkw->wn", objectives.column, np.linalg.inv(rotations)[:, :, component])
    )


def _reach(test: Test, walkers: np.ndarray, rays: np.ndarray) -> np.ndarray:
    """Length of each ray up to where the test fails; 0 where not even the shortest is feasible."""
    low = np.full(len(walkers), np.log(SHORTEST))
    high = np.full(len(walkers), np.log(LONGEST))

    def holds(log_length: np.ndarray) -> np.ndarray:
        return test(walkers + np.exp(log_length)[:, None, None] * rays) <= 1

    stuck = ~holds(low)
    for _ in range(HALVINGS):
        middle = (low + high) / 2
        good = holds(middle)
        low, high = np.where(good, middle, low), np.where(good, high, middle)
    return np.where(stuck, 0.0, np.exp(low))
