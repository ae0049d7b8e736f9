r"""Find components that the counts do not tell apart, though they tell the sum of them.

Let :math:`w_S` be the half-width of the fraction of a set S of components, of its 90 % interval and of its feasible
range together. The components of a set are not told apart if their sum is known much better than each of them,

.. math:: w_S < \tfrac12 \min_{k \in S} w_k,

as it is with phases of like spectra: what one has more, another has less. The sum of all components is always known,
and says nothing.
"""

import itertools

import numpy as np

from bayesunmix.data.draws import equal_tailed

MUCH_BETTER = 0.5
_WORTH_IT = 0.05  # of the fraction: what is known to this needs no sum
_MOST_TOGETHER = 4  # components of a sum


def known_sums(draws: np.ndarray, others: np.ndarray) -> list[tuple[int, ...]]:
    """Group components that are not told apart.

    Parameters
    ----------
    draws : (n, K) array
        Posterior draws of the fractions of the components.
    others : (m, K) array
        Fractions under the other solutions that fit as well; (0, K) if there are none.

    Returns
    -------
    list of tuple of int
        The components of each sum, each in one at most.
    """
    components = range(draws.shape[1])
    widths = {(k,): _half_width(draws, others, (k,)) for k in components}
    wide = [k for k in components if widths[k,] > _WORTH_IT * draws[:, k].mean()]
    found: list[tuple[int, ...]] = []
    for size in range(2, min(len(wide), len(components) - 1, _MOST_TOGETHER) + 1):
        better = {}
        for group in itertools.combinations(wide, size):
            ratio = _half_width(draws, others, group) / min(widths[k,] for k in group)
            if ratio < MUCH_BETTER:
                better[group] = ratio
        for group in sorted(better, key=better.__getitem__):
            if not any(set(group) & set(taken) for taken in found):
                found.append(group)
    return sorted(found)


def _half_width(draws: np.ndarray, others: np.ndarray, group: tuple[int, ...]) -> float:
    lower, upper = equal_tailed(draws[:, group].sum(axis=1), 0.9)
    beside = others[:, group].sum(axis=1)
    return float(np.hypot(upper - lower, np.ptp(beside) if beside.size else 0) / 2)
