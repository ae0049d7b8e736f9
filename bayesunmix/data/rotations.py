r"""Other solutions of a factorisation that fit as well: what they change, and intervals that include them.

With rotations T, the endmembers E may be T E as well, and the abundances :math:`A T^{-1}`. All of them are as good. No
probability over them would be fair: the truth often lies at an end, as where a phase has pure pixels, and there it
stays however many counts there are. So an interval must hold for each of them [1]_ [2]_. It goes from the lowest to the
highest value, and on by the arms that the interval has without rotations:

.. math:: [\min_T q_T - (\bar q - l), \; \max_T q_T + (u - \bar q)]

for a quantity of mean :math:`\bar q` with the interval from l to u, whose values are :math:`q_T`.

References
----------
.. [1] G. W. Imbens and C. F. Manski, "Confidence intervals for partially identified parameters", Econometrica 72, 1845
   (2004).
.. [2] R. Giacomini and T. Kitagawa, "Robust Bayesian inference for set-identified models", Econometrica 89, 1519
   (2021).
"""

from typing import Any, Literal, get_args

import numpy as np

Include = Literal["total", "counting"]
BLOCK_ENTRIES = 2**22


def require_include(include: Any) -> None:
    """Raise `ValueError` unless it names what an interval includes."""
    if include not in get_args(Include):
        raise ValueError(
            f"include must be 'total' (counting, endmembers and other solutions that fit as well) or 'counting' "
            f"(without other solutions), got {include!r}; choose one"
        )


def require_rotations(rotations: np.ndarray, n_components: int) -> None:
    """Raise `ValueError` unless these are rotations of so many components, whose rows sum to one."""
    shape = np.shape(rotations)
    if shape[1:] != (n_components,) * 2 or not shape[0] or not np.allclose(np.sum(rotations, axis=2), 1):
        raise ValueError(
            f"rotations must be (n, {n_components}, {n_components}) with rows that sum to one, got shape {shape}; "
            "take those of bayesunmix.identify"
        )


def widened(
    lower: np.ndarray,
    upper: np.ndarray,
    own: np.ndarray,
    lowest: np.ndarray,
    highest: np.ndarray,
    most: float = np.inf,
) -> tuple[np.ndarray, np.ndarray]:
    """Return the ends of intervals that hold for every solution: of values from zero to `most`.

    Parameters
    ----------
    lower, upper : arrays
        Ends for the estimate alone.
    own, lowest, highest : arrays
        What the estimate has, and the range over the solutions, reckoned in the same way.
    most : float
    """
    down, up = lower + (lowest - own), upper + (highest - own)
    return np.maximum(down, np.minimum(lower, 0)), np.minimum(up, np.maximum(upper, most))


def endmember_range(rotations: np.ndarray, endmembers: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the lowest and the highest endmembers, two (K, C) arrays, over rotations (n, K, K)."""
    low, high = np.full((2, *endmembers.shape), [[[np.inf]], [[-np.inf]]])
    for rotation in rotations:
        spectra = np.maximum(rotation @ endmembers, 0)
        spectra /= np.maximum(spectra.sum(axis=1, keepdims=True), 1e-300)
        low, high = np.minimum(low, spectra), np.maximum(high, spectra)
    return low, high


def abundance_range(rotations: np.ndarray, abundances: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the lowest and the highest abundances, two (P, K) arrays, over rotations (n, K, K)."""
    back = np.linalg.inv(rotations)
    low, high = np.empty((2, *abundances.shape))
    step = max(BLOCK_ENTRIES // back[:, 0].size, 1)
    for i in range(0, len(abundances), step):
        rows = np.asarray(abundances[i : i + step], np.float64)
        under = np.clip(rows @ back, 0, rows.sum(axis=1, keepdims=True))
        low[i : i + step], high[i : i + step] = under.min(axis=0), under.max(axis=0)
    return low, high
