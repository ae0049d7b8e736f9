r"""Explain many spectra by few patterns each, all spectra at once (matching pursuit).

For each spectrum y with weights w (one over the variance), elements are added one after another. Each time it is the
one whose pattern, in the best non-negative amount, lets chi-square fall most beyond what the element costs:

.. math:: \chi^2 = \sum_i w_i (y_i - \sum_j a_j T_{ji} - \sum_b c_b B_{bi})^2, \qquad a_j \ge 0.

All amounts are fitted anew after each step, which is called orthogonal matching pursuit [1]_. It ends when no element
is worth its cost. The curves B are a smooth continuum, whose amounts have any sign.

References
----------
.. [1] Y. C. Pati, R. Rezaiifar, P. S. Krishnaprasad, "Orthogonal matching pursuit: recursive function approximation
   with applications to wavelet decomposition", Asilomar Conference on Signals, Systems and Computers (1993) 40-44.
"""

from typing import NamedTuple

import numpy as np

_ROUNDS = 6  # of leaving negative amounts out


class Pursued(NamedTuple):
    """Hold explanations of N spectra by at most M elements each.

    Attributes
    ----------
    chosen : (N, M) int array
        Elements in the order in which they were added; -1 where there is none.
    amounts : (N, M, 2) array
        How much of each element's two patterns.
    continuum : (N, B) array
    fitted : (N, B) array
    chi_square : (N,) array
    """

    chosen: np.ndarray
    amounts: np.ndarray
    continuum: np.ndarray
    fitted: np.ndarray
    chi_square: np.ndarray


def pursue(
    spectra: np.ndarray,
    weights: np.ndarray,
    patterns: np.ndarray,
    curves: np.ndarray,
    costs: np.ndarray,
    most: int,
    barred: np.ndarray | None = None,
) -> Pursued:
    """Explain spectra by few elements.

    Parameters
    ----------
    spectra, weights : (N, B) arrays
    patterns : (E, 2, B) array
        Two patterns of each element; the second is zero where there is only one.
    curves : (P, B) array
        The continuum.
    costs : (E,) array
        By how much chi-square must fall for an element to be added.
    most : int
        Largest number of elements.
    barred : (N,) int array, optional
        An element that may not be added to each spectrum.
    """
    n = len(spectra)
    every = np.arange(n)
    normal = _Normal(spectra, weights, curves)
    free, norms = np.ones((n, len(patterns)), dtype=bool), pattern_norms(weights, patterns)
    if barred is not None:
        free[every, barred] = False
    chosen = np.full((n, most), -1)
    amounts, fitted = normal.solve()
    for step in range(most):
        gain = np.where(free, gains((spectra - fitted) * weights, patterns, norms) - costs, 0)
        best = gain.argmax(axis=1)
        worth = gain[every, best] > 0
        if not worth.any():
            break
        normal.add(np.where(worth[:, None, None], patterns[best], 0.0))
        chosen[worth, step] = best[worth]
        free[every, best] = False
        amounts, fitted = normal.solve()
    n_curves, n_added = len(curves), (amounts.shape[1] - len(curves)) // 2
    of_elements = np.zeros((n, most, 2))
    of_elements[:, :n_added] = amounts[:, n_curves:].reshape(n, n_added, 2)
    chi_square = (weights * (spectra - fitted) ** 2).sum(axis=1)
    return Pursued(chosen, of_elements, amounts[:, :n_curves] @ curves, fitted, chi_square)


def refit(
    spectra: np.ndarray, weights: np.ndarray, patterns: np.ndarray, curves: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Fit N spectra by given patterns, (N, M, B): return the fitted patterns and all that is fitted, (N, B) each."""
    normal = _Normal(spectra, weights, curves)
    normal.add(patterns)
    amounts, fitted = normal.solve()
    continuum = amounts[:, : len(curves)] @ curves
    return fitted - continuum, fitted


def pattern_norms(weights: np.ndarray, patterns: np.ndarray) -> np.ndarray:
    """Return the weighted products of each element's patterns: first and second with themselves, then both."""
    first, second = patterns[:, 0], patterns[:, 1]
    return np.stack([weights @ (first**2).T, weights @ (second**2).T, weights @ (first * second).T])


def gains(weighted: np.ndarray, patterns: np.ndarray, norms: np.ndarray) -> np.ndarray:
    """Return by how much chi-square falls with the best non-negative amount of each element alone, (N, E).

    Parameters
    ----------
    weighted : (N, B) array
        What is left of each spectrum, times the weights.
    patterns : (E, 2, B) array
    norms : (3, N, E) array
        From `pattern_norms`.
    """
    c1, c2 = weighted @ patterns[:, 0].T, weighted @ patterns[:, 1].T
    n11, n22, n12 = norms
    alone = np.maximum(
        np.maximum(c1, 0) ** 2 / np.maximum(n11, 1e-300),
        np.where(n22 > 0, np.maximum(c2, 0) ** 2 / np.maximum(n22, 1e-300), 0),
    )
    determinant = n11 * n22 - n12**2
    apart = determinant > 1e-9 * n11 * n22
    size = np.where(apart, determinant, 1.0)
    a1, a2 = (c1 * n22 - c2 * n12) / size, (c2 * n11 - c1 * n12) / size
    return np.where(apart & (a1 > 0) & (a2 > 0), a1 * c1 + a2 * c2, alone)


class _Normal:
    """Normal equations of N weighted fits, to which columns are added."""

    def __init__(self, spectra: np.ndarray, weights: np.ndarray, curves: np.ndarray) -> None:
        self.spectra, self.weights, self.n_curves = spectra, weights, len(curves)
        shape = (len(spectra), 0)
        self.columns = np.empty((*shape, spectra.shape[1]))
        self.matrix, self.right = np.empty((*shape, 0)), np.empty(shape)
        self.add(np.broadcast_to(curves, (len(spectra), *curves.shape)))

    def add(self, columns: np.ndarray) -> None:
        """Add M columns to each fit, (N, M, B)."""
        weighted = columns * self.weights[:, None]
        cross = weighted @ self.columns.transpose(0, 2, 1)
        own = weighted @ columns.transpose(0, 2, 1)
        self.matrix = np.block([[self.matrix, cross.transpose(0, 2, 1)], [cross, own]])
        self.right = np.concatenate([self.right, (weighted @ self.spectra[..., None])[..., 0]], axis=1)
        self.columns = np.concatenate([self.columns, columns], axis=1)

    def solve(self) -> tuple[np.ndarray, np.ndarray]:
        """Return amounts and fitted spectra; all but the continuum's amounts are not negative."""
        diagonal = np.einsum("nii->ni", self.matrix)
        scale = np.sqrt(np.maximum(diagonal, 1e-300))
        matrix = self.matrix / scale[:, :, None] / scale[:, None, :]
        right = self.right / scale
        active = diagonal > 0
        place = np.arange(active.shape[1])
        for _ in range(_ROUNDS):
            masked = matrix * (active[:, :, None] & active[:, None, :])
            masked[:, place, place] = 1 + 1e-9
            found = np.linalg.solve(masked, (right * active)[..., None])[..., 0]
            negative = (found < 0) & active & (place >= self.n_curves)
            if not negative.any():
                break
            active &= ~negative
        amounts = np.where(place < self.n_curves, found, np.maximum(found, 0)) * (diagonal > 0) / scale
        return amounts, (amounts[:, None] @ self.columns)[:, 0]
