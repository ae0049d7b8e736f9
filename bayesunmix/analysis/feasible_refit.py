r"""Refit rows of counts with non-negative amounts of a dictionary, and say what the sign costs in log-likelihood.

Rows of counts :math:`x_i \sim \mathrm{Poisson}(a_i D)` have amounts :math:`a_i` of the rows of D (K, M). Without a
constraint, :math:`u_i` maximises the likelihood. Another dictionary :math:`R D` of the same span, with R (K, K), has
amounts :math:`u_i R^{-1}`. Where these are negative, the row is refitted with non-negative ones, and

.. math:: c_i = \ell(u_i D) - \max_{b \ge 0} \ell(b R D)

is what non-negativity costs. Rows whose free amounts are positive cost nothing and are not refitted.

A refit starts from the projection in the metric of the Fisher information at :math:`u_i`, found by coordinate ascent of
its dual problem, and goes on by EM for the Poisson likelihood. Few counts need this: a quadratic alone overstates the
cost many times.

References
----------
.. [1] L. A. Shepp and Y. Vardi, "Maximum likelihood reconstruction for emission tomography", IEEE Trans. Med. Imaging
   1, 113 (1982): EM for amounts of a known dictionary.
"""

import warnings
from typing import NamedTuple

import numpy as np
from sklearn.cluster import KMeans
from sklearn.exceptions import ConvergenceWarning

NEWTON_STEPS, SHARES_OF_STEP = 12, (1.0, 0.5, 0.25, 0.1)
FIRST_EM_STEPS, EM_STEPS, DUAL_SWEEPS = 100, 10, 10
LEAST_RATE = np.float32(1e-8)
LEAST_AMOUNT = np.float32(0.01)  # counts: EM cannot leave zero
HALF_COUNT = 0.5  # of the mean composition: knowing that a row has nothing has an error too
RIDGE = 1e-8  # of a unit diagonal: keeps equal components solvable


class Rows(NamedTuple):
    """Rows of counts, and what is known of their amounts without a constraint.

    Attributes
    ----------
    counts : (N, M) float32 array
    dictionary : (K, M) float32 array
    free : (N, K) float32 array
        Amounts of largest likelihood; some are negative.
    covariance : (K * K, N) float32 array
        Of `free`, by Fisher information.
    likelihood : (N,) array
        Log-likelihood of `free`, without the factorials.
    """

    counts: np.ndarray
    dictionary: np.ndarray
    free: np.ndarray
    covariance: np.ndarray
    likelihood: np.ndarray


def merging(profiles: np.ndarray, weights: np.ndarray, most: int) -> np.ndarray:
    """Return the (n, groups) matrix of 0 and 1 that sums entries of like profile (n, K) into at most `most` groups.

    Entries whose dictionary differs by a factor only can be summed without loss for the amounts.
    """
    profiles = profiles / np.maximum(profiles.sum(axis=1, keepdims=True), 1e-300)
    # In an order of their own and in single precision: groups must not depend on how components are numbered.
    profiles = profiles[:, np.argsort(weights @ profiles)].astype(np.float32)
    if len(profiles) <= most:
        return np.eye(len(profiles))
    clusters = KMeans(min(most, len(np.unique(profiles, axis=0))), n_init=1, max_iter=30, random_state=0)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # fewer groups than asked for are welcome
        label = clusters.fit_predict(profiles, sample_weight=np.maximum(weights, 1e-12))
    return np.asarray(np.eye(label.max() + 1)[label])


def fitted(counts: np.ndarray, dictionary: np.ndarray) -> np.ndarray:
    """Fit non-negative amounts (N, K) by EM."""
    amounts = np.repeat(counts.sum(axis=1, keepdims=True) / len(dictionary), len(dictionary), axis=1)
    return _em(amounts, counts, dictionary, FIRST_EM_STEPS)


def rows_of(counts: np.ndarray, dictionary: np.ndarray, start: np.ndarray) -> Rows:
    """Maximise the likelihood without a constraint, by Newton's method with damping, from amounts (N, K)."""
    n_components = len(dictionary)
    products = (dictionary[:, None] * dictionary[None]).reshape(n_components**2, -1).T
    floor = HALF_COUNT * counts.sum(axis=0) / max(counts.sum(), 1)
    free, best = start.copy(), _likelihood(counts, start @ dictionary)

    def precision(rate: np.ndarray) -> np.ndarray:
        matrix = ((1 / (np.maximum(rate, 0) + floor + LEAST_RATE)) @ products).reshape(
            -1, n_components, n_components
        )
        size = np.trace(matrix, axis1=1, axis2=2)[:, None, None] + LEAST_RATE
        return np.asarray(matrix + RIDGE * size * np.eye(n_components))

    for _ in range(NEWTON_STEPS):
        rate = free @ dictionary
        slope = ((counts / np.maximum(rate, LEAST_RATE) - 1) * (rate > 0)) @ dictionary.T
        way = np.linalg.solve(precision(rate), slope[..., None])[..., 0]
        for share in SHARES_OF_STEP:
            tried = free + share * way
            value = _likelihood(counts, tried @ dictionary)
            better = value > best
            free[better], best = tried[better], np.where(better, value, best)
    covariance = np.linalg.inv(precision(free @ dictionary)).reshape(len(counts), -1).T
    counts, dictionary, free, covariance = (
        np.ascontiguousarray(values, np.float32) for values in (counts, dictionary, free, covariance)
    )
    return Rows(counts, dictionary, free, covariance, best)


class Refit(NamedTuple):
    """The refit of the n rows that a rotation makes negative; the other rows cost nothing.

    Attributes
    ----------
    broken : (N,) bool array
    cost : (n,) array
        Log-likelihood that non-negativity costs.
    at_zero : (n, K) bool array
        Amounts that it puts to zero.
    amounts : (n, K) array
    surplus : (n, M) array
        Counts over their rates, less one.
    """

    broken: np.ndarray
    cost: np.ndarray
    at_zero: np.ndarray
    amounts: np.ndarray
    surplus: np.ndarray

    def derivatives(self, rows: Rows) -> np.ndarray:
        """Return the derivative of each row's log-likelihood by the entries of the rotation, (n, K, K)."""
        slope = self.surplus @ rows.dictionary.astype(np.float64).T
        return np.asarray(self.amounts[:, :, None] * slope[:, None])


def refit(rows: Rows, rotation: np.ndarray, back: np.ndarray) -> Refit:
    """Refit rows with non-negative amounts of ``rotation @ rows.dictionary``.

    Parameters
    ----------
    rows : Rows
    rotation, back : (K, K) arrays
        R and its inverse.
    """
    turned = (rows.free @ back.astype(np.float32)).T
    broken = np.asarray((turned < 0).any(axis=0))
    if not broken.any():
        none = np.zeros((0, len(rotation)))
        return Refit(broken, none[:, 0], none.astype(bool), none, np.zeros((0, rows.dictionary.shape[1])))
    covariance = _kron(back, back).T.astype(np.float32) @ rows.covariance[:, broken]
    start, multipliers = _projected(turned[:, broken], covariance.reshape(len(back), len(back), -1))
    counts = rows.counts[broken]
    dictionary = np.maximum(rotation.astype(np.float32) @ rows.dictionary, LEAST_RATE)
    least = LEAST_AMOUNT / np.maximum(dictionary.sum(axis=1), LEAST_RATE)
    amounts = _em(np.maximum(start.T, least), counts, dictionary, EM_STEPS)
    # The last step in double precision: its rates add up to the counts, and a million counts are no rounding error.
    plain = rows.dictionary.astype(np.float64)
    exact = np.maximum(rotation @ plain, LEAST_RATE)
    amounts = _em(amounts.astype(np.float64), counts.astype(np.float64), exact, 1)
    rate = amounts @ exact
    cost = np.maximum(rows.likelihood[broken] - _likelihood(counts, rate), 0)
    return Refit(broken, cost, multipliers.T > 0, amounts, counts / rate - 1)


def _kron(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Return `numpy.kron` of two square matrices, without its overhead: they are small, and it is asked for often."""
    return np.asarray((a[:, None, :, None] * b[None, :, None, :]).reshape(len(a) * len(b), -1))


def _projected(free: np.ndarray, covariance: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Project (K, N) onto non-negative values in the metric of the covariance (K, K, N); also return multipliers."""
    sd = np.sqrt(np.maximum(np.einsum("kkn->kn", covariance), np.float32(1e-30)))
    score = free / sd
    correlation = covariance / sd[:, None] / sd[None]
    multipliers, moved = np.zeros_like(score), score.copy()
    parts = list(zip(multipliers, moved, np.swapaxes(correlation, 0, 1), strict=True))
    for _ in range(DUAL_SWEEPS):
        before = multipliers.tobytes()
        for multiplier, own, along in parts:
            new = np.maximum(multiplier - own, 0)
            moved += along * (new - multiplier)
            multiplier[:] = new
        if multipliers.tobytes() == before:  # and so will all further sweeps leave it
            break
    return moved * sd, multipliers


def _em(amounts: np.ndarray, counts: np.ndarray, dictionary: np.ndarray, n_steps: int) -> np.ndarray:
    per_amount = (dictionary / np.maximum(dictionary.sum(axis=1, keepdims=True), LEAST_RATE)).T
    for _ in range(n_steps):
        amounts = amounts * ((counts / np.maximum(amounts @ dictionary, LEAST_RATE)) @ per_amount)
    return amounts


def _likelihood(counts: np.ndarray, rate: np.ndarray) -> np.ndarray:
    """Log-likelihood of each row, without the factorials; minus infinity where a count has no rate.

    A free fit may have a rate below zero where there are no counts; it counts as zero.
    """
    value = counts * np.log(np.maximum(rate, LEAST_RATE)) - np.maximum(rate, 0)
    impossible = ((rate <= 0) & (counts > 0)).any(axis=1)
    return np.where(impossible, -np.inf, value.sum(axis=1, dtype=np.float64))
