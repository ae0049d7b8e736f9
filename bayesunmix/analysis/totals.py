r"""Draws of how many counts of each endmember a summed spectrum holds, given draws of the endmembers.

.. math:: y_c \sim \mathrm{Poisson}\Bigl(\sum_k a_k e_{kc}\Bigr), \qquad
   p(a_k) \propto a_k^{-1/2} \quad \text{(Jeffreys)}

for every endmember draw e by itself. In roots, :math:`a_k = r_k^2 \ge 0`, the prior is flat and the density has no
slope at zero, so that a normal approximation is good both where a component has many counts and where it has none. It
is made at the mode of :math:`\log a`, which is never at zero, with the precision

.. math:: \delta_{kl} / a_k + 4 r_k r_l \sum_c y_c e_{kc} e_{lc} / (a e)_c^2.

Two chains of each draw start from it. A step is some Metropolis proposals from the approximation with the tails of
Student's t, which move all components at once where spectra overlap, and then a Gibbs sweep [1]_: the counts of each
channel are allotted to the components, and each total is drawn from its Gamma distribution.

The two chains of an endmember draw are independent given it. So the covariance of one with the other is
the variance that comes from the endmembers, without bias however few steps there are, and the rest is counting.

References
----------
.. [1] A. T. Cemgil, "Bayesian inference for nonnegative matrix factorisation models", Comput. Intell. Neurosci. 785152
   (2009).
"""

from typing import NamedTuple

import numpy as np

N_SETTLING, N_KEPT = 4, 8
N_PROPOSALS = 4  # of a step: they are cheap beside a sweep
MOST_BINOMIALS = 2**20  # of a sweep: a quarter of a second
LEAST_CHAINS = 20
JEFFREYS = 0.5
DEGREES_OF_FREEDOM = 5
LEAST_PART = 1e-300


class _Normal(NamedTuple):
    """Normal approximations of roots: centres (n, K) and Cholesky factors of their precisions (n, K, K)."""

    centre: np.ndarray
    factor: np.ndarray


def draw_totals(
    spectrum: np.ndarray, endmembers: np.ndarray, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """Draw the counts of every endmember in a summed spectrum.

    Parameters
    ----------
    spectrum : (C,) int array
        Counts, summed over the pixels of a region.
    endmembers : (D, K, C) array
        Draws, not negative, each endmember summing to one.
    rng : numpy.random.Generator

    Returns
    -------
    used : (U,) int array
        Endmember draws that were used: with many components or channels not all, but evenly spaced ones.
    totals : (U, 2, n, K) array
        Of two independent chains for each of them.
    """
    held = np.flatnonzero(spectrum)
    counts = np.asarray(spectrum, np.int64)[held]
    n_components = endmembers.shape[1]
    affordable = MOST_BINOMIALS // (2 * max(held.size, 1) * n_components)
    n_draws = min(len(endmembers), max(affordable, LEAST_CHAINS))
    used = np.arange(n_draws) * len(endmembers) // n_draws
    shapes = np.asarray(endmembers[used], np.float64)
    # The answer must not depend on how components are numbered: they are drawn in an order of their own.
    order = np.argsort(shapes.mean(axis=0) @ np.arange(shapes.shape[2]))
    shapes = shapes[:, order]
    size = np.repeat(shapes.sum(axis=2), 2, axis=0)
    shapes = np.repeat(shapes[:, :, held], 2, axis=0)
    normal = _approximate(counts, shapes, size)
    roots = np.abs(_propose(normal, rng))
    kept = []
    for step in range(N_SETTLING + N_KEPT):
        for _ in range(N_PROPOSALS):
            roots = _metropolis(roots, normal, counts, shapes, size, rng)
        totals = _sweep(roots**2, counts, shapes, size, rng)
        roots = np.sqrt(totals)
        if step >= N_SETTLING:
            kept.append(totals)
    drawn = np.stack(kept, axis=1).reshape(n_draws, 2, N_KEPT, n_components)
    return used, drawn[..., np.argsort(order)]


def split_variance(values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Split the variance of draws by the law of total variance.

    Parameters
    ----------
    values : (D, 2, n, ...) array
        Some function of the totals of `draw_totals`.

    Returns
    -------
    counting, endmembers : (...) arrays
        The mean variance given the endmembers, and the variance of the mean given the endmembers; they add up to the
        variance of all draws.
    """
    total = values.var(axis=(0, 1, 2))
    means = values.mean(axis=2)
    deviations = means - means.mean(axis=(0, 1))
    # Equal to the mean over draws of the product, but for one draw, which knows nothing of others.
    between = (deviations[:, 0] * deviations[:, 1]).mean(axis=0) if len(values) > 1 else 0 * total
    between = np.clip(between, 0, total)
    return total - between, between


def _approximate(counts: np.ndarray, shapes: np.ndarray, size: np.ndarray) -> _Normal:
    """Find the mode of log totals by EM, then by Newton's method, which needs a start close by."""
    totals = np.full(size.shape, JEFFREYS + counts.sum() / size.shape[1]) / size
    for _ in range(20):
        totals = (JEFFREYS + _expected(totals, counts, shapes)) / size
    for _ in range(20):
        expected, precision = _curvature(totals, counts, shapes)
        slope = JEFFREYS + expected - totals * size
        way = np.linalg.solve(precision, slope[..., None])[..., 0]
        totals = totals * np.exp(np.clip(way, -1, 1))
        if np.abs(slope * way).sum(axis=1).max() < 1e-6:
            break
    roots = np.sqrt(totals)
    of_logs = _curvature(totals, counts, shapes)[1] - JEFFREYS / 2 * np.eye(totals.shape[1])
    return _Normal(roots, np.linalg.cholesky(4 * of_logs / (roots[:, :, None] * roots[:, None])))


def _expected(totals: np.ndarray, counts: np.ndarray, shapes: np.ndarray) -> np.ndarray:
    rate = np.maximum(np.einsum("nk,nkc->nc", totals, shapes), LEAST_PART)
    return totals * np.einsum("nkc,nc->nk", shapes, counts / rate)


def _curvature(totals: np.ndarray, counts: np.ndarray, shapes: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return expected allotted counts (n, K), and the precision of log totals were it the mode (n, K, K)."""
    parts = totals[:, :, None] * shapes
    relative = parts / np.maximum(parts.sum(axis=1, keepdims=True), LEAST_PART)
    weighed = relative * counts
    return weighed.sum(axis=2), JEFFREYS * np.eye(totals.shape[1]) + weighed @ np.swapaxes(relative, 1, 2)


def _propose(normal: _Normal, rng: np.random.Generator) -> np.ndarray:
    """Draw roots, (n, K), from Student's t distribution."""
    noise = rng.standard_normal(normal.centre.shape)
    noise /= np.sqrt(rng.chisquare(DEGREES_OF_FREEDOM, (len(noise), 1)) / DEGREES_OF_FREEDOM)
    return normal.centre + np.linalg.solve(np.swapaxes(normal.factor, 1, 2), noise[..., None])[..., 0]


def _metropolis(
    roots: np.ndarray,
    normal: _Normal,
    counts: np.ndarray,
    shapes: np.ndarray,
    size: np.ndarray,
    rng: np.random.Generator,
) -> np.ndarray:
    """Accept or refuse a proposal that does not depend on where the chain is."""

    def log_weight(roots: np.ndarray) -> np.ndarray:
        """Posterior density over that of the proposals, both of roots."""
        rate = np.maximum(np.einsum("nk,nkc->nc", roots**2, shapes), LEAST_PART)
        target = np.log(rate) @ counts - (roots**2 * size).sum(axis=1)
        away = np.einsum("nkl,nk->nl", normal.factor, roots - normal.centre)
        degrees = DEGREES_OF_FREEDOM + roots.shape[1]
        return np.asarray(target + degrees / 2 * np.log1p((away**2).sum(axis=1) / DEGREES_OF_FREEDOM))

    proposed = _propose(normal, rng)
    accepted = -rng.standard_exponential(len(roots)) < log_weight(proposed) - log_weight(roots)
    accepted &= (proposed > 0).all(axis=1)
    return np.where(accepted[:, None], proposed, roots)


def _sweep(
    totals: np.ndarray, counts: np.ndarray, shapes: np.ndarray, size: np.ndarray, rng: np.random.Generator
) -> np.ndarray:
    """Allot the counts of every channel, one component after the other, then draw the totals."""
    parts = totals[:, :, None] * shapes + LEAST_PART
    from_here_on = np.cumsum(parts[:, ::-1], axis=1)[:, ::-1]
    left = np.broadcast_to(counts, parts[:, 0].shape)
    allotted = np.empty_like(totals)
    for k in range(totals.shape[1] - 1):
        taken = rng.binomial(left, np.minimum(parts[:, k] / from_here_on[:, k], 1))
        allotted[:, k] = taken.sum(axis=1)
        left = left - taken
    allotted[:, -1] = left.sum(axis=1)
    return rng.standard_gamma(JEFFREYS + allotted) / size
