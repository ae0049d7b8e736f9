r"""Link phases to components: the component that names each population of pixels, and whether every solution agrees.

A phase is a population of pixels with like compositions (`bayesunmix.analysis.compositions`), and the counts tell it.
Which component it belongs to may not be told, because that depends on how the counts are split. With :math:`f_{mk}` the
fraction of component k in phase m, and :math:`g_k` its fraction in all phases, phase m is linked to the component with
the largest

.. math:: f_{mk}^2 / g_k,

of which it has most, and most in excess of the rest. If components come close to each other, one without a phase gets
it before one that has another phase. Other solutions of the same counts have fractions :math:`f T^{-1}`
(`bayesunmix.data.rotations`), and links of their own.
"""

import numpy as np
from scipy.optimize import linear_sum_assignment

CLOSE = 0.5  # of the largest score: a component with this much may be the one


def linked(fractions: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Choose a component for each phase, (M,) ints.

    Parameters
    ----------
    fractions : (M, K) array
        Fraction of each component in each phase; what is below zero counts as zero.
    weights : (M,) array
        Fraction of the counts that each phase has.
    """
    fractions = np.maximum(fractions, 0)
    score = fractions**2 / np.maximum(weights @ fractions, 1e-12)
    best = score.argmax(axis=1)
    relative = score / np.maximum(score.max(axis=1, keepdims=True), 1e-300)
    # As many phases as possible have a component of their own; among these choices, the one of the largest scores.
    phase, component = linear_sum_assignment(np.where(relative >= CLOSE, 1 + relative, 0), maximize=True)
    own = relative[phase, component] >= CLOSE
    best[phase[own]] = component[own]
    return np.asarray(best)


def links_under(rotations: np.ndarray, fractions: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Choose components under each of other solutions, (n, M) ints.

    Parameters
    ----------
    rotations : (n, K, K) array
        The other solutions have abundances A T^-1.
    fractions, weights
        See `linked`.
    """
    return np.stack([linked(fractions @ back, weights) for back in np.linalg.inv(rotations)])
