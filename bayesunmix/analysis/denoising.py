"""Denoise the spectrum of a pixel or a region: the counts that the posterior expects, channel by channel."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from bayesunmix.analysis.regions import region_totals
from bayesunmix.contracts.arguments import require_posterior, require_result_of, require_seed
from bayesunmix.data.draws import blocks, equal_tailed, require_probability
from bayesunmix.data.image import SpectrumImage
from bayesunmix.data.mask import require_mask
from bayesunmix.data.result import Unmixing


@dataclass(frozen=True, eq=False)
class Band:
    """Hold the expected counts of each channel; they unpack as ``mean, lower, upper``.

    Parameters
    ----------
    mean, lower, upper : (C,) array
        Posterior mean, and ends of the interval.
    doubt : str
        "not converged" and why, and what the result assumes (`Unmixing.doubt`); "" where there is nothing.
    """

    mean: np.ndarray
    lower: np.ndarray
    upper: np.ndarray
    doubt: str = ""

    def __iter__(self) -> Iterator[np.ndarray]:
        return iter((self.mean, self.lower, self.upper))


def denoised(
    result: Unmixing,
    image: SpectrumImage,
    where: Any,
    *,
    interval: float = 0.9,
    seed: int = 0,
) -> Band:
    """Return the spectrum that the posterior expects in a pixel or a region, with its band.

    Parameters
    ----------
    result : Unmixing
        A result with a posterior.
    image : SpectrumImage
        The image that was unmixed.
    where : ints, or bool array of the navigation shape
        A pixel such as ``(12, 40)``, or True for the pixels of a region. A region is inferred from its summed counts,
        as in `bayesunmix.region`.
    interval : float
        Probability of the band, channel by channel. The band is for the expected counts; recorded counts scatter
        about them by their own noise.
    seed : int
        Used for a region only; the same seed gives the same answer.

    Returns
    -------
    Band

    Raises
    ------
    TypeError, ValueError
        If there is no such pixel, the region has another shape, or the result has no posterior or is not of this image.

    Examples
    --------
    >>> import numpy as np
    >>> import bayesunmix as bu
    >>> spectra = np.array([[8, 1, 1, 0], [0, 1, 1, 8]])
    >>> layers = np.repeat([[1, 0], [0, 1]], 32, axis=0)
    >>> counts = np.random.default_rng(0).poisson(layers @ spectra).reshape(8, 8, 4)
    >>> image = bu.SpectrumImage(counts, energy_kev=[1.0, 2.0, 3.0, 4.0])
    >>> result = bu.unmix(image, 2, "fisher_conditional", verdicts=False)
    >>> band = bu.denoised(result, image, (0, 0))
    >>> band.mean.shape, bool((band.lower <= band.upper).all())
    ((4,), True)
    >>> upper_half = np.repeat([True, False], 32).reshape(8, 8)
    >>> bu.denoised(result, image, upper_half).mean.shape
    (4,)
    """
    require_result_of(result, image)
    require_probability(interval)
    if np.asarray(where).dtype == bool:
        require_seed(seed)
        mask = require_mask(where, image.navigation_shape)
        shapes, totals = region_totals(result, image, mask, np.random.default_rng(seed))
        flat = totals.reshape(len(shapes), -1, totals.shape[-1])
        return _band(flat, shapes, interval, result.doubt)
    posterior = require_posterior(result, "a denoised spectrum")
    pixel = np.array([_number(image.navigation_shape, where)])
    ((_, abundances),) = blocks(posterior.abundances, pixel)
    paired = posterior.paired_endmembers()
    return _band(abundances, paired.reshape(-1, *paired.shape[2:]), interval, result.doubt)


def _band(abundances: np.ndarray, endmembers: np.ndarray, probability: float, doubt: str) -> Band:
    """Reduce expected counts of (D, n, K) abundances with (D, K, C) endmembers."""
    n_channels = endmembers.shape[-1]
    band = np.empty((3, n_channels))
    step = max(2**20 // (abundances.shape[0] * abundances.shape[1]), 1)
    for i in range(0, n_channels, step):
        part = slice(i, min(i + step, n_channels))
        expected = np.concatenate(abundances @ endmembers[..., part].astype(np.float64))
        band[:, part] = expected.mean(axis=0), *equal_tailed(expected, probability)
    mean, lower, upper = band
    return Band(mean, lower, upper, doubt)


def _number(shape: tuple[int, ...], pixel: int | Sequence[int]) -> int:
    """Return which row of the abundances a pixel is."""
    try:
        return int(np.arange(math.prod(shape)).reshape(shape)[tuple(np.atleast_1d(np.asarray(pixel)))])
    except (IndexError, TypeError) as error:
        raise ValueError(
            f"a pixel must be {len(shape)} whole numbers inside {shape}, or a region a bool mask, got {pixel!r}"
        ) from error
