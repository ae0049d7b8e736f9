"""Number blocks of pixels, and sum the members of groups."""

import math
from typing import Any

import numpy as np
from scipy import sparse


def block_steps(spatial: int | tuple[int, ...], n_axes: int) -> tuple[int, ...]:
    """Return the pixels per block along each of `n_axes` navigation axes.

    Raises
    ------
    ValueError
        Unless `spatial` is a positive whole number, or one for each axis.
    """
    steps = tuple(spatial) if isinstance(spatial, tuple | list) else (spatial,) * n_axes
    if len(steps) != n_axes or not all(map(is_positive_whole, steps)):
        raise ValueError(
            f"spatial must be one positive whole number, or one per navigation axis ({n_axes}), got {spatial}"
        )
    return steps


def block_shape(navigation_shape: tuple[int, ...], steps: tuple[int, ...]) -> tuple[int, ...]:
    """Return the number of blocks along each axis; those at the far edge may be smaller."""
    return tuple(math.ceil(n / step) for n, step in zip(navigation_shape, steps, strict=True))


def block_numbers(navigation_shape: tuple[int, ...], steps: tuple[int, ...]) -> np.ndarray:
    """Return the number of the block that each pixel falls in, (P,) int."""
    where = np.indices(navigation_shape).reshape(len(steps), -1) // np.array(steps)[:, None]
    return np.ravel_multi_index(tuple(where), block_shape(navigation_shape, steps))


def require_width(energy: Any) -> int:
    """Return the channels per group; raise `ValueError` unless it is a positive whole number."""
    if not is_positive_whole(energy):
        raise ValueError(f"energy must be a positive whole number of channels per block, got {energy}")
    return int(energy)


def is_positive_whole(n: Any) -> bool:
    """Return True for a whole number of at least 1."""
    return isinstance(n, int | np.integer) and not isinstance(n, bool) and bool(n >= 1)


def summed_counts(
    counts: sparse.csr_array, centres: np.ndarray, block: np.ndarray, width: int
) -> tuple[sparse.csr_array, np.ndarray]:
    """Sum counts (P, C) over the pixels of each block and over groups of `width` channels, and average the centres."""
    channel_sum = summing_matrix(np.arange(counts.shape[1]) // width)
    summed = summing_matrix(block) @ counts.astype(np.uint64) @ channel_sum.T
    summed.sort_indices()
    return summed, (channel_sum @ centres) / np.asarray(channel_sum.sum(axis=1)).ravel()


def summing_matrix(group: np.ndarray) -> sparse.csr_array:
    """Return the (groups, n) matrix of 0 and 1 that sums the members of each group."""
    n = group.size
    return sparse.csr_array((np.ones(n, np.uint64), (group, np.arange(n))), shape=(int(group.max()) + 1, n))
