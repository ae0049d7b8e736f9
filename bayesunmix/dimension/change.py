r"""Describe what one more component changes by a map and a spectrum, whatever way the components are turned.

The components of two fits cannot be compared one by one, but their products can: :math:`D = \mu_{k+1} - \mu_k` is what
the further component changes. In units of counting noise, :math:`D / \sqrt{\mu}`, its largest singular vectors are the
map of that change and its spectrum.
"""

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True, eq=False)
class Change:
    """Hold what one more component changes.

    Parameters
    ----------
    scores : array of the grid's shape
        Change of each superpixel, in standard deviations of counting; 0 where a superpixel is empty.
    loadings : (G,) array
        Share of each group of channels in it, of length one; the sign is that of superpixels with positive scores.
    totals : array of the grid's shape
        Counts of each superpixel.
    block : int
        Pixels per side of a superpixel.
    """

    scores: np.ndarray
    loadings: np.ndarray
    totals: np.ndarray
    block: int


def change_between(
    before: np.ndarray,
    after: np.ndarray,
    occupied: np.ndarray,
    totals: np.ndarray,
    grid: tuple[int, ...],
    block: int,
) -> Change:
    """Compare the expected counts (occupied superpixels, G) of two fits; `occupied` and `totals` are (S,)."""
    white = (after - before) / np.sqrt(before)
    loadings = np.linalg.eigh(white.T @ white)[1][:, -1]
    return laid_out(white @ loadings, loadings, occupied, totals, grid, block)


def laid_out(
    scores: np.ndarray,
    loadings: np.ndarray,
    occupied: np.ndarray,
    totals: np.ndarray,
    grid: tuple[int, ...],
    block: int,
) -> Change:
    """Lay scores out as a map; the sign is such that the largest scores are positive."""
    side = 1.0 if (scores**3).sum() >= 0 else -1.0
    whole = np.zeros(occupied.size)
    whole[occupied] = side * scores
    return Change(whole.reshape(grid), side * loadings, totals.reshape(grid), block)
