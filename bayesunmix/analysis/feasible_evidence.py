r"""Whether counts allow a factorisation to be rotated: a test of A T^-1 >= 0 and T E >= 0 that knows the noise.

With endmembers E (K, C) that sum to one, every T whose rows sum to one gives another factorisation of the same
product, :math:`A E = (A T^{-1}) (T E)`. Estimates are noisy, and exact non-negativity of them would allow a point or
nothing. What is tested instead are linear estimates, free to be negative, that are unbiased for Poisson counts n:

.. math:: a_s = B n_s, \quad B = (E W E')^{-1} E W, \quad W = \mathrm{diag}(1 / \mu), \qquad
   e_c = M^{-1} \sum_s w_s (a_s - B_c) n_{sc}, \quad M = \sum_s w_s \Bigl(a_s a_s' - \sum_c B_c B_c' n_{sc}\Bigr)

with :math:`\mu` the fitted sum spectrum and s superpixels; what is subtracted takes out the terms in which a photon
meets itself, that is, the bias of regression on noisy abundances. For true endmembers E*, the matrix T = E* B'
makes both unbiased for the truth, whatever E was: :math:`\langle a_s \rangle T^{-1}` and
:math:`T \langle e_c \rangle` are the true abundances and endmembers. The rows of this T sum to one exactly, as does
each column of B. Both halves go over to another T by K x K algebra, and so do their variances, which are those of the
counts that T itself expects.

A violation is judged for all superpixels (or channels) of one component together: of the m entries that came out
negative, :math:`\sum z^2` is at most chi-square with m degrees of freedom if all true entries are at least zero,
because a normal variate of mean zero or more, given that it is negative, is no larger than a half-normal one. No number
of entries that are truly zero has to be known.

References
----------
.. [1] W. H. Lawton and E. A. Sylvestre, "Self modeling curve resolution", Technometrics 13, 617 (1971): the two
   inequalities without noise.
.. [2] M. Sawall, C. Kubis, D. Selent, A. Boerner and K. Neymeyr, "A fast polygon inflation algorithm to compute the
   area of feasible solutions for three-component systems. I", J. Chemometrics 27, 106 (2013): a tolerance for noise.
"""

from typing import NamedTuple

import numpy as np
from scipy.stats import chi2

from bayesunmix.data.blocks import summing_matrix
from bayesunmix.data.image import SpectrumImage

LEAST_COUNTS = 200  # per superpixel: enough for a normal error, few enough to keep small pure places
MOST_SUPERPIXELS = 2048
LEAST_OF_GROUP = 300  # counts in a group of channels
RIDGE = 1e-9  # of a unit diagonal: keeps equal endmembers solvable
# Of rotations. Beyond these, components that no count tells apart would run to infinity; real sets end far inside.
SMALLEST_VOLUME, LARGEST = 1e-6, 30.0
BATCH_ENTRIES = 2**17  # float32 numbers that stay in the cache
LEAST_VARIANCE = np.float32(1e-30)


class Evidence(NamedTuple):
    """What the counts say about every rotation at once.

    Attributes
    ----------
    amounts : (K, S) float32 array
        Linear estimates of abundance in superpixels.
    amount_variance : (K, K, K) array
        ``[i]`` is the covariance of `amounts` for one count of component i.
    spectra : (K, G) float32 array
        Linear estimates of endmembers in groups of channels.
    spectrum_variance : (K, K, K) array
        ``[i]`` is the covariance of `spectra` in a group of which component i holds everything.
    critical : (max(S, G) + 1,) array
        Largest sum of squares that m violations may have.
    n_counts : int
    """

    amounts: np.ndarray
    amount_variance: np.ndarray
    spectra: np.ndarray
    spectrum_variance: np.ndarray
    critical: np.ndarray
    n_counts: int


def gather(image: SpectrumImage, endmembers: np.ndarray, confidence: float) -> Evidence:
    """Pool the counts and reduce them to what the test needs; the true rotation passes with this confidence."""
    group = _channel_groups(image.sum_spectrum())
    by_group = summing_matrix(group).astype(np.float64)
    by_block = summing_matrix(image.block_of_pixel(_block(image))).astype(np.float64)
    counts = (by_block @ image.counts.astype(np.float64) @ by_group.T).toarray()
    counts = counts[counts.any(axis=1)]
    grouped = endmembers @ by_group.T
    solve = estimator(grouped, counts.sum(axis=0))
    amounts = counts @ solve.T
    weight = 1 / np.maximum(counts.sum(axis=1), counts.sum() / len(counts))
    weighed = amounts * weight[:, None]
    summed = weight @ counts
    moment = weighed.T @ amounts - (solve * summed) @ solve.T
    inverse = np.linalg.inv(_ridged(moment))
    spectra = inverse @ (weighed.T @ counts - solve * summed)
    influence = inverse @ weighed.T
    tail = (1 - confidence) / (2 * len(endmembers))
    critical = np.concatenate([[1.0], chi2.isf(tail, np.arange(1, max(counts.shape) + 1))])
    return Evidence(
        np.ascontiguousarray(amounts.T, np.float32),
        np.einsum("kc,lc,ic->ikl", solve, solve, grouped, optimize=True),
        spectra.astype(np.float32),
        np.einsum("ks,ls,si->ikl", influence, influence, amounts, optimize=True),
        critical,
        image.n_photons,
    )


def estimator(endmembers: np.ndarray, sum_spectrum: np.ndarray) -> np.ndarray:
    """Return B (K, C), the weighted least squares that turns counts into abundances; its columns sum to one."""
    share = np.full(len(endmembers), sum_spectrum.sum() / len(endmembers))
    # The weights need no more than a rough mean composition, and any one with mean spectrum > 0 is unbiased.
    for _ in range(200):
        share *= endmembers @ (sum_spectrum / np.maximum(share @ endmembers, RIDGE))
    expected = share @ endmembers
    seen = expected > RIDGE * expected.max()
    weighed = np.where(seen, endmembers / np.where(seen, expected, 1), 0)
    found = np.linalg.solve(_ridged(weighed @ endmembers.T), weighed)
    # Exactly one but for the ridge and for how far the composition has settled.
    total = found.sum(axis=0)
    return np.asarray(found + np.where(seen, (1 - total) / len(found), 1 / len(found)))


def excess(evidence: Evidence, rotations: np.ndarray) -> np.ndarray:
    """Return by what factor the worst part of the test passes its critical value, (n,): feasible up to one.

    Parameters
    ----------
    evidence : Evidence
    rotations : (n, K, K) array
        Rows sum to one. Those with huge entries, or of nearly no volume, are not feasible.
    """
    step = max(BATCH_ENTRIES // (evidence.amounts.size + evidence.spectra.size), 1)
    parts = [_excess(evidence, rotations[i : i + step]) for i in range(0, len(rotations), step)]
    return np.concatenate(parts)


def _excess(evidence: Evidence, rotations: np.ndarray) -> np.ndarray:
    # A rotation with a negative determinant has passed through one in which two components are the same.
    proper = np.linalg.det(rotations) > SMALLEST_VOLUME
    turn = np.where(proper[:, None, None], rotations, np.eye(rotations.shape[-1]))
    back = np.swapaxes(np.linalg.inv(turn), 1, 2)
    proper &= np.maximum(abs(turn), abs(back)).max(axis=(1, 2)) < LARGEST
    turn, back = (np.where(proper[:, None, None], m, np.eye(m.shape[-1])) for m in (turn, back))
    mean = evidence.amounts.mean(axis=1)
    of_amounts = _violation(
        evidence, evidence.amounts, evidence.amount_variance, back, turn, np.ones_like(mean)
    )
    of_spectra = _violation(evidence, evidence.spectra, evidence.spectrum_variance, turn, back, mean)
    return np.where(proper, np.maximum(of_amounts, of_spectra), np.inf)


def _violation(
    evidence: Evidence,
    entries: np.ndarray,
    covariance: np.ndarray,
    turn: np.ndarray,
    back: np.ndarray,
    weight: np.ndarray,
) -> np.ndarray:
    """Sum of squares of the negative ones of ``turn @ entries`` over what their number may have; the worst row's, (n,).

    The variance of row k for one unit of rotated component j has its own rotation, `back` by j and `turn` twice by k.
    Weighted with `weight`, the entries of a column are its counts, whatever the rotation.
    """
    each = np.arange(len(covariance))
    diagonal = (turn[:, None] @ covariance @ np.swapaxes(turn, 1, 2)[:, None])[..., each, each]  # (n, i, k)
    variances = np.maximum(np.swapaxes(back @ diagonal, 1, 2), 0).astype(np.float32)
    turned = turn.astype(np.float32) @ entries
    held = np.maximum(turned, 0)
    # A little of the mean composition everywhere: an estimate from no count at all has an error too.
    held += np.float32(0.5 / evidence.n_counts * turned.shape[2]) * held.mean(axis=2, keepdims=True)
    variance = variances @ held
    # Without what is negative, the rest would be more counts than there are.
    turned_weight = np.maximum(back @ weight, 0)[:, None].astype(np.float32)
    variance *= np.maximum(weight.astype(np.float32) @ entries, 0) / np.maximum(
        turned_weight @ held, LEAST_VARIANCE
    )
    low = np.minimum(turned, 0)
    number = np.count_nonzero(low, axis=2)
    low *= low
    with np.errstate(over="ignore"):  # infinite is infeasible
        low /= np.maximum(variance, LEAST_VARIANCE)
        return np.asarray((low.sum(axis=2) / evidence.critical[number]).max(axis=1))


def _ridged(matrix: np.ndarray) -> np.ndarray:
    return np.asarray(matrix + RIDGE * np.trace(matrix) / len(matrix) * np.eye(len(matrix)))


def _block(image: SpectrumImage) -> tuple[int, ...]:
    """Pixels per superpixel along each axis: the smallest power of two that gathers enough counts."""
    occupied = np.count_nonzero(np.diff(image.counts.indptr))
    n_axes, size = len(image.navigation_shape), 1
    while size < max(image.navigation_shape) and (
        image.n_photons / occupied * size**n_axes < LEAST_COUNTS or occupied / size**n_axes > MOST_SUPERPIXELS
    ):
        size *= 2
    return tuple(min(size, side) for side in image.navigation_shape)


def _channel_groups(spectrum: np.ndarray) -> np.ndarray:
    """Group of each channel: neighbours are merged until they hold enough counts for a normal error."""
    before = np.concatenate([[0], np.cumsum(spectrum)[:-1]])
    group, start = np.zeros(spectrum.size, int), 0
    for channel in range(1, spectrum.size):
        full = before[channel] - before[start] >= LEAST_OF_GROUP
        group[channel] = group[channel - 1] + full
        start = channel if full else start
    return group
