"""Draws of the abundances a block of pixels at a time: maps of hundreds of draws fit no memory as float64."""

from collections.abc import Iterator

import numpy as np

from bayesunmix.method import Unmixing

_VALUES_PER_BLOCK = 2**20


def abundance_draws(unmixing: Unmixing, pixels: np.ndarray) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Yield blocks of the given pixels with all their draws.

    Parameters
    ----------
    unmixing : Unmixing
        With a posterior.
    pixels : (n,) int array

    Yields
    ------
    block : (b,) int array
        Some of the pixels.
    draws : (draws of all chains, b, K) float64 array

    Raises
    ------
    ValueError
        If there is no posterior.
    """
    if unmixing.posterior is None:
        raise ValueError(
            "draws need a result with a posterior, got one without; see `needs_posterior` of a metric"
        )
    every = unmixing.posterior.abundances
    n_chains, n_draws, _, n_components = every.shape
    step = max(_VALUES_PER_BLOCK // (n_chains * n_draws * n_components), 1)
    for block in np.split(pixels, range(step, len(pixels), step)):
        some = every[:, :, block].astype(np.float64)
        yield block, some.reshape(n_chains * n_draws, len(block), n_components)


def interval(draws: np.ndarray, level: float) -> tuple[np.ndarray, np.ndarray]:
    """Lower and upper end of the equal-tailed interval of (n, ...) draws, as `Posterior.interval` defines it."""
    tail = (1 - level) / 2
    lower, upper = np.quantile(draws, [tail, 1 - tail], axis=0)
    return lower, upper
