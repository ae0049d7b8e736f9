"""Read the draws of the abundances a block of pixels at a time: hundreds of maps fit no memory as float64."""

from collections.abc import Iterator

import numpy as np

from bayesunmix.data.draws import blocks
from bayesunmix.data.result import Unmixing


def abundance_draws(unmixing: Unmixing, pixels: np.ndarray) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Return blocks of the given pixels with all their draws.

    Parameters
    ----------
    unmixing : Unmixing
        With a posterior.
    pixels : (n,) int array

    Returns
    -------
    blocks : iterator of (b,) int array, (draws of all chains, b, K) float64 array
        Some of the pixels, and their draws.

    Raises
    ------
    ValueError
        If there is no posterior.
    """
    if unmixing.posterior is None:
        raise ValueError(
            "draws need a result with a posterior, got one without; see `needs_posterior` of a metric"
        )
    return blocks(unmixing.posterior.abundances, pixels)
