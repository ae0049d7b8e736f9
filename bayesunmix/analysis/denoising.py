"""Denoised spectra with their bands: the counts that a posterior expects in a pixel or a region, channel by channel."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from bayesunmix.analysis.regions import region_totals
from bayesunmix.contracts.arguments import require_image, require_result_of, require_seed
from bayesunmix.data.draws import blocks, interval, require_level
from bayesunmix.data.image import SpectrumImage
from bayesunmix.data.mask import require_mask
from bayesunmix.data.result import Unmixing


class Band(NamedTuple):
    """Expected counts of each channel, three (C,) arrays: posterior mean and interval."""

    mean: np.ndarray
    lower: np.ndarray
    upper: np.ndarray


def denoised(
    result: Unmixing,
    where: Any,
    level: float = 0.9,
    *,
    image: SpectrumImage | None = None,
    seed: int = 0,
) -> Band:
    """Return the spectrum that the posterior expects in a pixel or a region.

    Parameters
    ----------
    result : Unmixing
        With a posterior.
    where : ints, or bool array of the navigation shape
        A pixel, ``(12, 40)``, or a region. A region is inferred from its summed counts (see
        `bayesunmix.analysis.regions`).
    level : float
        Of the band, channel by channel. It is for the expected counts; counts scatter about these by their own noise.
    image : SpectrumImage
        The image that was unmixed: for a region only.
    seed : int
        For a region only.

    Returns
    -------
    Band

    Raises
    ------
    TypeError, ValueError
        If there is no such pixel, the region comes without the image, or the result has no posterior.
    """
    require_level(level)
    if np.asarray(where).dtype == bool:
        require_image(image)
        require_seed(seed)
        assert image is not None
        require_result_of(image, result.estimate)
        mask = require_mask(where, image.navigation_shape)
        shapes, totals = region_totals(result, image, mask, np.random.default_rng(seed))
        return _band(totals.reshape(len(shapes), -1, totals.shape[-1]), shapes, level)
    if result.posterior is None:
        raise ValueError("a denoised spectrum needs a result with a posterior; use method='bayes_gibbs'")
    pixel = np.array([_number(result, where)])
    ((_, abundances),) = blocks(result.posterior.abundances, pixel)
    paired = result.posterior.paired_endmembers()
    return _band(abundances, paired.reshape(-1, *paired.shape[2:]), level)


def _band(abundances: np.ndarray, endmembers: np.ndarray, level: float) -> Band:
    """Reduce expected counts of (D, n, K) abundances with (D, K, C) endmembers."""
    n_channels = endmembers.shape[-1]
    band = np.empty((3, n_channels))
    step = max(2**20 // (abundances.shape[0] * abundances.shape[1]), 1)
    for i in range(0, n_channels, step):
        part = slice(i, min(i + step, n_channels))
        expected = np.concatenate(abundances @ endmembers[..., part].astype(np.float64))
        band[:, part] = expected.mean(axis=0), *interval(expected, level)
    return Band(*band)


def _number(result: Unmixing, pixel: int | Sequence[int]) -> int:
    """Return which row of the abundances a pixel is."""
    n_pixels = len(result.estimate.abundances)
    shape = (n_pixels,) if result.grid is None else result.grid.shape[:-1]
    try:
        return int(np.arange(n_pixels).reshape(shape)[tuple(np.atleast_1d(np.asarray(pixel)))])
    except (IndexError, TypeError) as error:
        raise ValueError(
            f"a pixel must be {len(shape)} whole numbers inside {shape}, or a region a bool mask, got {pixel!r}"
        ) from error
