r"""Choose the prior of the maps by photons that were kept apart: no prior is right for every specimen.

Each photon is kept apart with a probability of 15 %. Maps are drawn from the others under each prior that may be right,
and their means :math:`\mu` are scored by the log-likelihood of the photons x that were kept apart,

.. math:: \sum_{pc} x_{pc} \log \nu_{pc} - \nu_{pc}, \qquad \nu = r (\mu + f),

with r the ratio of both numbers of photons, and a floor f of 1 % of the mean pixel, without which single photons in
vacuum decide [1]_. Scores are compared block by block of pixels, because errors of neighbours are one error. Priors
that are not worse than the best by more than `APART` standard errors are all as likely to be right, as far as the
counts tell: maps are then drawn under each of them, and the spread of the draws includes that nobody knows which.

References
----------
.. [1] A. Gelman, J. Hwang and A. Vehtari, "Understanding predictive information criteria for Bayesian models", Stat.
   Comput. 24, 997 (2014).
"""

from collections.abc import Callable, Mapping
from typing import NamedTuple

import jax
import numpy as np

from bayesunmix.contracts.abundance_prior import AbundancePrior
from bayesunmix.data.blocks import block_numbers
from bayesunmix.data.image import SpectrumImage
from bayesunmix.engine.device.threefry import numpy_generator
from bayesunmix.engine.sampling.maps import Maps
from bayesunmix.engine.sampling.slab import image_of_slab

KEPT_APART = 0.15
FLOOR = 0.01  # of the mean pixel
APART = 2.0  # standard errors of a difference
N_BLOCKS = 64
FEWEST_PHOTONS = 200  # from which to keep some apart


class Choice(NamedTuple):
    """Hold which priors are used, and why.

    Attributes
    ----------
    names : tuple of str
        Priors that the photons do not tell from the best; the best first.
    scores : dict of float
        Log-likelihood of the photons that were kept apart, less that of the best.
    errors : dict of float
        Standard errors of these differences.
    """

    names: tuple[str, ...]
    scores: dict[str, float]
    errors: dict[str, float]


def choose_prior(
    image: SpectrumImage,
    endmembers: np.ndarray,
    starts: list[np.ndarray],
    priors: Mapping[str, AbundancePrior],
    key: jax.Array,
    draw: Callable[..., Maps],
) -> Choice | None:
    """Score priors by photons that they have not seen.

    Of an image with many photons only a slab is used.

    Parameters
    ----------
    image : SpectrumImage
    endmembers : (chain, draw, K, C) array
    starts : list of (P, K) arrays
        Maps that each chain starts from.
    priors : dict of AbundancePrior
        Those that may be right, the one to fall back to first.
    key : JAX key
    draw : callable (image, starts=, key=, prior=, whole=) -> Maps
        `bayesunmix.engine.sampling.maps.draw_maps` with the rest of its arguments.

    Returns
    -------
    Choice or None
        None if the user interrupted.
    """
    first = next(iter(priors))
    if len(priors) == 1 or endmembers.shape[2] == 1 or image.n_photons < FEWEST_PHOTONS:
        return Choice((first,), {first: 0.0}, {first: 0.0})
    split_key, key = jax.random.split(key)
    part, rows = image_of_slab(image)
    seen, apart = part.thin(1 - KEPT_APART, numpy_generator(split_key))
    starts = [(1 - KEPT_APART) * start[rows] for start in starts]
    spectra = endmembers.mean(axis=(0, 1), dtype=np.float64)
    scores = {}
    for number, (name, prior) in enumerate(priors.items()):
        try:
            maps = draw(seen, starts=starts, key=jax.random.fold_in(key, number), prior=prior, whole=part)
        except KeyboardInterrupt:
            return None
        if maps.interrupted:
            return None
        scores[name] = _scores_of_blocks(apart, maps.mean, spectra)
    return chosen(scores)


def chosen(scores: Mapping[str, np.ndarray]) -> Choice:
    """Return the priors that are not clearly worse than the best, from the scores of blocks, (B,) each."""
    total = {name: float(some.sum()) for name, some in scores.items()}
    best = max(total, key=total.__getitem__)
    behind = {name: some - scores[best] for name, some in scores.items()}
    # One block alone tells nothing of how much a difference scatters.
    errors = {
        name: float(np.sqrt(some.size * some.var(ddof=1))) if some.size > 1 else float("inf")
        for name, some in behind.items()
    }
    less = {name: float(some.sum()) for name, some in behind.items()}
    near = [name for name in scores if -less[name] <= APART * errors[name]]
    return Choice(tuple(sorted(near, key=lambda name: -less[name])), less, errors)


def together(maps: list[Maps]) -> Maps:
    """Return draws under several priors as draws of a mixture, each with the same weight."""
    n_kept = min(some.draws.shape[1] for some in maps)
    mean = np.mean([some.mean for some in maps], axis=0)
    second = np.mean([some.sd**2 + some.mean**2 for some in maps], axis=0)
    return Maps(
        np.concatenate([some.draws[:, :n_kept] for some in maps], axis=1),
        mean,
        np.sqrt(np.maximum(second - mean**2, 0)),
        np.concatenate([some.partners[:n_kept] for some in maps]),
        any(some.interrupted for some in maps),
    )


def _scores_of_blocks(apart: SpectrumImage, maps: np.ndarray, endmembers: np.ndarray) -> np.ndarray:
    """Return the log-likelihood of the photons that were kept apart, summed over each block of pixels."""
    ratio = KEPT_APART / (1 - KEPT_APART)
    spectrum = maps.sum(axis=0) @ endmembers
    floor = FLOOR * spectrum / max(np.count_nonzero(apart.takes_part), 1)
    counts = apart.counts.tocoo()
    pixel, channel = counts.coords
    expected = (maps[pixel] * endmembers.T[channel]).sum(axis=1) + floor[channel]
    log = counts.data * np.log(np.maximum(ratio * expected, 1e-300))
    total = ratio * (maps @ endmembers.sum(axis=1))
    scores = np.bincount(pixel, log, minlength=len(maps)) - total
    side = max(round((len(maps) / N_BLOCKS) ** (1 / len(apart.navigation_shape))), 1)
    steps = tuple(min(side, n) for n in apart.navigation_shape)
    return np.bincount(block_numbers(apart.navigation_shape, steps), scores)
