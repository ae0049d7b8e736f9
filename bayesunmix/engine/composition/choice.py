r"""Choose the prior of the maps by photons that were held out: the prior that predicts them best.

Part of the photons, picked at random, is held out. Every candidate draws maps given the others. The score of its mean
maps a is the Poisson log-likelihood of the held-out photons :math:`y`,

.. math:: \sum_{pc} y_{pc} \log \tilde\lambda_{pc} - \sum_{pc} \tilde\lambda_{pc}, \qquad
    \tilde\lambda_{pc} \propto (1 - \epsilon) \sum_k a_{pk} e_{kc} + \epsilon \bar n \bar s_c.

A share :math:`\epsilon` of the mean pixel stands in every pixel. Without it, single photons in near-vacuum would
decide.
"""

from collections.abc import Callable, Mapping
from typing import NamedTuple

import jax
import numpy as np

from bayesunmix.data.image import SpectrumImage
from bayesunmix.engine.device.threefry import numpy_generator

HELD_OUT = 0.15  # of the photons
FLOOR = 0.01  # of the mean pixel
_LEAST_RATE = 1e-30
_AT_ONCE = 2**20  # entries whose rates are computed at a time


class Choice(NamedTuple):
    """Hold what the held-out photons say.

    Attributes
    ----------
    name : str
        The candidate with the largest score.
    scores : dict from str to float
        Log-likelihood of the held-out photons for each candidate, less that of the best.
    standard_errors : dict from str to float
        Of each difference, estimated from its parts in the pixels.
    """

    name: str
    scores: dict[str, float]
    standard_errors: dict[str, float]


def choose(
    image: SpectrumImage,
    endmembers: np.ndarray,
    draws: Mapping[str, Callable[[SpectrumImage, jax.Array], np.ndarray]],
    key: jax.Array,
) -> Choice:
    """Score each candidate on the same held-out photons.

    Parameters
    ----------
    image : SpectrumImage
    endmembers : (K, C) array
        Those that the photons are scored with.
    draws : mapping from str to callable (image, key) -> (P, K) array
        For each candidate, how it finds the mean maps of an image with the other photons.
    key : JAX key
    """
    split_key, map_key = jax.random.split(key)
    fitted, held_out = image.thin(1 - HELD_OUT, numpy_generator(split_key))
    parts = {
        name: pixel_scores(held_out, fitted, draw(fitted, map_key), endmembers)
        for name, draw in draws.items()
    }
    totals = {name: float(part.sum()) for name, part in parts.items()}
    best = max(totals, key=lambda name: totals[name])
    spread = {
        name: float(np.std(part - parts[best]) * np.sqrt(image.takes_part.sum()))
        for name, part in parts.items()
    }
    return Choice(best, {name: total - totals[best] for name, total in totals.items()}, spread)


def pixel_scores(
    held_out: SpectrumImage, fitted: SpectrumImage, maps: np.ndarray, endmembers: np.ndarray
) -> np.ndarray:
    """Return the log-likelihood of the held-out photons of each pixel, (P,), without the term of the counts alone.

    Parameters
    ----------
    held_out, fitted : SpectrumImage
        Two parts of the photons of one image.
    maps : (P, K) array
        Expected counts of `fitted`.
    endmembers : (K, C) array
    """
    ratio = held_out.n_photons / fitted.n_photons
    n_pixels = max(int(held_out.takes_part.sum()), 1)
    spectrum = np.asarray(fitted.counts.sum(axis=0), np.float64).ravel() + 0.5
    floor = FLOOR * held_out.n_photons / n_pixels * spectrum / spectrum.sum()
    expected = (1 - FLOOR) * ratio * maps.astype(np.float64)
    counts = held_out.counts
    rows = np.repeat(np.arange(len(expected)), np.diff(counts.indptr))
    found = -expected @ endmembers.sum(axis=1) - floor.sum() * held_out.takes_part
    for first in range(0, len(rows), _AT_ONCE):
        some = slice(first, first + _AT_ONCE)
        columns = counts.indices[some]
        rate = np.einsum("ik,ki->i", expected[rows[some]], endmembers[:, columns]) + floor[columns]
        logs = counts.data[some] * np.log(np.maximum(rate, _LEAST_RATE))
        found += np.bincount(rows[some], logs, len(expected))
    return found
