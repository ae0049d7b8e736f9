"""Find where in the counts a smaller map begins: whole pixels, by correlation with the counts of likely windows."""

import numpy as np

from bayesunmix.dimension.pooling import groups_by_counts
from bayesunmix.validation.recipes.titles import strongest_kev
from bayesunmix.validation.recipes.window_search import WindowSearch

_HALF_WINDOW_KEV = 0.08
_LEAST_SIDE = 4
_STRIDE = 5


def offsets(search: WindowSearch, laid: np.ndarray, title: str, most: int) -> list[tuple[int, int]]:
    """Return the rows and columns at which a map may begin; (0, 0) alone for a map of the size of the counts.

    None are returned if the map is larger than the counts.
    """
    free = np.subtract(search.shape, laid.shape)
    if not free.any():
        return [(0, 0)]
    if (free < 0).any() or min(laid.shape) < _LEAST_SIDE:
        return []
    scores: dict[tuple[int, int], float] = {}
    for first, last in _likely_windows(search, title):
        score = _correlations(search.counts(first, last), laid)
        for place in np.argsort(-score, axis=None, kind="stable")[:most]:
            at = np.unravel_index(place, score.shape)
            where = int(at[0]), int(at[1])
            scores[where] = max(scores.get(where, -1.0), float(score[at]))
    return sorted(scores, key=lambda where: -scores[where])[:most]


def _likely_windows(search: WindowSearch, title: str) -> list[tuple[int, int]]:
    energy = search.image.energy_kev
    windows = []
    for kev in strongest_kev(title, float(energy[0]), float(energy[-1])):
        inside = np.flatnonzero(np.abs(energy - kev) <= _HALF_WINDOW_KEV)
        if inside.size:
            windows.append((int(inside[0]), int(inside[-1])))
    if not windows:
        groups = groups_by_counts(search.totals) // _STRIDE
        windows = [
            (int(members[0]), int(members[-1]))
            for members in (np.flatnonzero(groups == g) for g in np.unique(groups))
        ]
    return windows


def _correlations(counts: np.ndarray, laid: np.ndarray) -> np.ndarray:
    """Return the correlation of a map with the counts under it, for every place at which it may begin."""
    from scipy.signal import fftconvolve

    template = laid - laid.mean()
    cross = fftconvolve(counts, template[::-1, ::-1], mode="valid")
    n = laid.size
    box = np.ones(laid.shape)
    sums = fftconvolve(counts, box, mode="valid")
    squares = fftconvolve(counts**2, box, mode="valid")
    variance = np.maximum(squares - sums**2 / n, 1e-9 * max(float(squares.max()), 1e-300))
    return np.asarray(cross / np.sqrt(variance * max(float((template**2).sum()), 1e-300)))
