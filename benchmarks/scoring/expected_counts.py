"""Compute expected counts of truth and estimate side by side, a block of pixels at a time, for the deviances.

Signed methods (PCA, ICA) and exact zeros can predict no count, or less, where photons do come, which would cost
infinity. The estimate is therefore raised to `LEAST_EXPECTED` of the mean expected count of an entry, where an error
costs much and not infinitely much.
"""

from collections.abc import Iterator

import numpy as np

from bayesunmix.data.factorization import Factorization

#: What a score takes for an entry that is smaller, zero or negative, as a share of the mean entry.
LEAST_EXPECTED = 1e-3
_ENTRIES_PER_BLOCK = 2**17  # 1 MiB: fits a cache, which is what the time goes by


def expected_counts(
    truth: Factorization, estimate: Factorization
) -> Iterator[tuple[slice, np.ndarray, np.ndarray]]:
    """Yield blocks of pixels with their expected counts.

    Yields
    ------
    pixels : slice
    mean, estimated : (pixels, C) arrays
        Expected counts of the truth as they are, and of the estimate, none below the floor.
    """
    n_pixels, n_channels = len(truth.abundances), truth.endmembers.shape[1]
    total = truth.abundances.sum(axis=0) @ truth.endmembers.sum(axis=1)
    floor = LEAST_EXPECTED * total / (n_pixels * n_channels)
    step = max(_ENTRIES_PER_BLOCK // n_channels, 1)
    for start in range(0, n_pixels, step):
        pixels = slice(start, start + step)
        yield pixels, truth.expected(pixels), np.maximum(estimate.expected(pixels), floor)
