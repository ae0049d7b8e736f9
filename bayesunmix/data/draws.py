"""Compute quantiles of draws, a block of entries at a time, because hundreds of draws of a map are large.

The quantile rule is Weibull's: the i-th smallest of n draws is the quantile i / (n + 1) [1]_. In a calibrated posterior
the truth is exchangeable with the draws and lies below that draw with exactly this probability, so an interval of few
draws is not too narrow. Quantiles beyond the outermost draws are these draws.

References
----------
.. [1] R. J. Hyndman and Y. Fan, "Sample quantiles in statistical packages", Am. Stat. 50, 361 (1996): definition 6.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence

import numpy as np

VALUES_PER_BLOCK = 2**20


def quantile(draws: np.ndarray, q: float | Sequence[float]) -> np.ndarray:
    """Return quantiles of (n, ...) draws along the first axis, one for each of `q`."""
    return np.asarray(np.quantile(np.asarray(draws, np.float64), q, axis=0, method="weibull"))


def equal_tailed(draws: np.ndarray, probability: float) -> tuple[np.ndarray, np.ndarray]:
    """Return the lower and the upper end of the equal-tailed interval of (n, ...) draws.

    Raises
    ------
    ValueError
        If the probability does not lie between 0 and 1.
    """
    require_probability(probability)
    tail = (1 - probability) / 2
    lower, upper = quantile(draws, [tail, 1 - tail])
    return lower, upper


def blocks(draws: np.ndarray, rows: np.ndarray | None = None) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Yield (chain, draw, P, ...) draws as float64 blocks of rows.

    Parameters
    ----------
    draws : (chain, draw, P, ...) array
    rows : (n,) int array, optional
        Rows to yield; all P where not given.

    Yields
    ------
    block : (b,) int array
        The rows of this block.
    some : (draws of all chains, b, ...) float64 array
    """
    rows = np.arange(draws.shape[2]) if rows is None else rows
    per_row = max(draws[:, :, :1].size, 1)
    step = max(VALUES_PER_BLOCK // per_row, 1)
    for i in range(0, len(rows), step):
        block = rows[i : i + step]
        some = draws[:, :, block].astype(np.float64)
        yield block, some.reshape(-1, *some.shape[2:])


def reduced(draws: np.ndarray, reduction: Callable[[np.ndarray], Iterable[np.ndarray]]) -> list[np.ndarray]:
    """Apply a reduction of (n, ...) draws to (chain, draw, ...) ones block by block, and join its results."""
    parts = [reduction(some) for _, some in blocks(draws)]
    return [np.concatenate(part) for part in zip(*parts, strict=True)]


def scatter(draws: np.ndarray) -> list[np.ndarray]:
    """Return the standard deviation of (n, ...) draws along the first axis, 0 of a single one, for `reduced`."""
    return [draws.std(axis=0, ddof=min(1, len(draws) - 1))]


def require_probability(probability: float) -> None:
    """Raise `ValueError` unless the probability of an interval lies between 0 and 1."""
    if not 0 < probability < 1:
        raise ValueError(
            f"the probability of an interval must lie between 0 and 1, got {probability}; 0.9 is a 90 % interval"
        )
