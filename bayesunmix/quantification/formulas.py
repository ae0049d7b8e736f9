r"""Compare a composition with formulas that the user gives.

The misfit of a formula is the squared distance of its atomic fractions from the measured ones, in units of their
covariance, for each degree of freedom,

.. math:: (\bar x - f)^T C^{+} (\bar x - f) / (N - 1),

where the draws of the covariance include the errors of counting, endmembers and factors. Only elements that were
quantified are compared; a formula is first reduced to these. Other solutions that fit as well are tried too, and the
one that suits the formula best counts.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from bayesunmix.quantification.amounts import Drawn
from bayesunmix.quantification.cliff_lorimer import atomic_weights
from bayesunmix.spectra.composition import weight_fractions

FITS = 4.0  # misfit for each degree of freedom that is still called a fit: two standard deviations
_LEAST_SD = 1e-4  # of an atomic fraction: no number is surer


class FormulaFit(NamedTuple):
    """Hold how well a formula fits.

    Attributes
    ----------
    formula : str
    misfit : float
        Squared distance over its noise, for each degree of freedom: about 1 where the formula is right.
    left_out : tuple of str
        Elements of the formula that were not quantified.
    """

    formula: str
    misfit: float
    left_out: tuple[str, ...]

    @property
    def fits(self) -> bool:
        """Return whether the formula is within about two standard deviations."""
        return self.misfit <= FITS


def formula_atoms(formula: str) -> dict[str, float]:
    """Return the atomic fractions of a formula.

    Raises
    ------
    ValueError
        If it cannot be read.
    """
    if not isinstance(formula, str) or not formula.strip():
        raise ValueError(f"formulas must be chemical formulas such as 'Mg2SiO4', got {formula!r}")
    weights = weight_fractions(formula.strip())
    atoms = np.array(list(weights.values())) / atomic_weights(list(weights))
    return dict(zip(weights, (atoms / atoms.sum()).tolist(), strict=True))


def nearest(formulas: Sequence[str], atoms: Drawn, elements: tuple[str, ...]) -> tuple[FormulaFit, ...]:
    """Order formulas by how well they fit draws of atomic fractions, the best first."""
    found = []
    for formula in formulas:
        parts = formula_atoms(formula)
        expected = np.array([parts.get(element, 0.0) for element in elements])
        left_out = tuple(element for element in parts if element not in elements)
        total = expected.sum()
        misfit = (
            min(_misfit(draws, expected / total) for draws in atoms.spread_under) if total > 0 else np.inf
        )
        found.append(FormulaFit(formula, float(misfit), left_out))
    return tuple(sorted(found, key=lambda fit: fit.misfit))


def _misfit(draws: np.ndarray, expected: np.ndarray) -> float:
    if expected.size < 2:
        return np.inf
    off = draws.mean(axis=0) - expected
    covariance = np.cov(draws.T) + _LEAST_SD**2 * np.eye(expected.size)
    return float(off @ np.linalg.solve(covariance, off)) / (expected.size - 1)
