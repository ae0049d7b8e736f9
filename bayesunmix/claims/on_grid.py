"""Lay the labels of a larger or smaller picture on the grid of the counts."""

import numpy as np

from bayesunmix.claims.claim import UNDECIDED

_BETWEEN = 1e-6  # of a pixel of the counts: programs round such places up or down
_LEAST_FACTOR = 3  # a map of twice the size may be one of pixels binned by two, at the size of the counts
_SURE = 1e-6  # chance that a picture looks enlarged and is not


def on_grid(
    labels: np.ndarray,
    shape: tuple[int, int],
    *,
    origin: tuple[float, float] = (0.0, 0.0),
    step: tuple[float, float] | None = None,
    at_least: float = 0.1,
) -> np.ndarray:
    """Give each pixel of the counts the label of the picture there.

    Where the picture is finer, the label is that of most decided pixels of the picture inside the pixel of the counts.
    Where it is coarser, a pixel is decided only if the four pixels of the picture round its centre agree.

    Parameters
    ----------
    labels : (h, w) int array
        Of the picture; `UNDECIDED` (-2) where its reader could not tell.
    shape : (int, int)
        Rows and columns of the counts.
    origin : (float, float)
        Row and column of the picture where the upper left corner of the counts lies. Corners of pixels are whole.
    step : (float, float), optional
        How many rows and columns of the picture one pixel of the counts has. Where not given, both cover the same area.
    at_least : float
        Share of a pixel of the counts that its label must cover at least. Most of what is decided must agree besides.

    Returns
    -------
    (H, W) int32 array
        `UNDECIDED` where nothing was decided, and outside the picture.

    Raises
    ------
    ValueError
        If the labels are no map, or a step is not positive.

    Examples
    --------
    >>> import numpy as np
    >>> picture = np.repeat(np.repeat([[0, 1]], 3, axis=0), 3, axis=1)
    >>> picture[0, :2] = -2  # a scale bar
    >>> on_grid(picture, (1, 2)).tolist()
    [[0, 1]]
    """
    labels = np.asarray(labels)
    if labels.ndim != 2 or labels.dtype.kind not in "iu" or min(labels.shape) < 1:
        raise ValueError(f"labels must be a map of whole numbers, got {labels.dtype} of shape {labels.shape}")
    if step is None:
        step = (labels.shape[0] / shape[0], labels.shape[1] / shape[1])
    if min(step) <= 0 or not np.isfinite([*step, *origin]).all():
        raise ValueError(
            f"step must be positive, got {step}; it is picture pixels for one pixel of the counts"
        )
    if min(step) < 1 - 1e-9:
        return _from_coarser(labels, shape, origin, step)
    return _from_finer(labels, shape, origin, step, at_least)


def native_grid(labels: np.ndarray) -> tuple[np.ndarray, tuple[int, int]]:
    """Reduce labels that are exactly an enlargement by whole numbers to the grid that they were enlarged from.

    Labels are reduced only where so many edges lie on a grid three times as coarse, or coarser, that this cannot be
    chance. Pixels that are not decided, such as a scale bar drawn afterwards, do not count.

    Returns
    -------
    labels : (h, w) int32 array
    factors : (int, int)
        Along rows and columns, which are equal; (1, 1) where nothing was reduced.
    """
    factors = (_factor(labels), _factor(labels.T))
    if factors[0] != factors[1] or factors[0] < _LEAST_FACTOR:
        return labels.astype(np.int32), (1, 1)
    shape = (labels.shape[0] // factors[0], labels.shape[1] // factors[1])
    return on_grid(labels, shape), factors


def _factor(labels: np.ndarray) -> int:
    """Return the largest whole number on whose multiples all edges between rows lie."""
    decided = labels != UNDECIDED
    edge = (labels[1:] != labels[:-1]) & decided[1:] & decided[:-1]
    rows = np.flatnonzero(edge.any(axis=1)) + 1
    if not rows.size:
        return 1
    factor = int(np.gcd.reduce([*rows, labels.shape[0]]))
    return factor if factor > 1 and rows.size * np.log(factor) > -np.log(_SURE) else 1


def _from_finer(
    labels: np.ndarray,
    shape: tuple[int, int],
    origin: tuple[float, float],
    step: tuple[float, float],
    at_least: float,
) -> np.ndarray:
    """Let the decided pixels inside each pixel of the counts vote."""
    row, column = np.nonzero(labels != UNDECIDED)
    values, code = np.unique(labels[row, column], return_inverse=True)
    y, x = (
        _places(n, start, size)[at]
        for n, start, size, at in zip(labels.shape, origin, step, (row, column), strict=True)
    )
    inside = (y >= 0) & (y < shape[0]) & (x >= 0) & (x < shape[1])
    cell = y[inside] * shape[1] + x[inside]
    n_cells = shape[0] * shape[1]
    best, votes, most = np.full(n_cells, UNDECIDED, np.int32), np.zeros(n_cells), np.zeros(n_cells)
    for k, value in enumerate(values):
        own = np.bincount(cell[code[inside] == k], minlength=n_cells)
        votes += own
        best[own > most] = value
        most = np.maximum(most, own)
    best[(2 * most <= votes) | (most < at_least * step[0] * step[1])] = UNDECIDED
    return best.reshape(shape)


def _places(n: int, start: float, size: float) -> np.ndarray:
    """Return in which row of the counts each row of the picture lies; -1 where its middle is between two."""
    at = (np.arange(n) + 0.5 - start) / size
    low, high = np.floor(at - _BETWEEN), np.floor(at + _BETWEEN)
    return np.where(low == high, low, -1).astype(np.int64)


def _from_coarser(
    labels: np.ndarray, shape: tuple[int, int], origin: tuple[float, float], step: tuple[float, float]
) -> np.ndarray:
    """Take the label on which the pixels of the picture round each centre agree."""
    low, high = [], []
    outside = np.zeros(shape, bool)
    for axis in (0, 1):
        centre = origin[axis] + (np.arange(shape[axis]) + 0.5) * step[axis]
        beyond = (centre < 0) | (centre > labels.shape[axis])
        outside |= np.expand_dims(beyond, 1 - axis)
        last = labels.shape[axis] - 1
        below = np.floor(centre - 0.5)
        low.append(np.clip(below, 0, last).astype(int))
        high.append(np.clip(below + 1, 0, last).astype(int))
    corners = [labels[np.ix_(rows, columns)] for rows in (low[0], high[0]) for columns in (low[1], high[1])]
    agree = np.logical_and.reduce([corner == corners[0] for corner in corners])
    return np.where(agree & ~outside, corners[0], UNDECIDED).astype(np.int32)
