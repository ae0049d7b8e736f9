r"""Choose the prior of the maps by photons that were kept apart: no prior is right for every specimen.

Each photon is kept apart with a probability of 15 %. Maps are drawn from the others under each prior that may be
right, and recalibrated if they would be in the end. Their means :math:`\mu` are scored by the log-likelihood of the
photons x that were kept apart,

.. math:: \sum_{pc} x_{pc} \log \nu_{pc} - \nu_{pc}, \qquad \nu = r (\mu + f),

with r the ratio of both numbers of photons, and a floor f of 1 % of the mean pixel, without which single photons in
vacuum decide [1]_. Scores are added up by blocks of pixels, because errors of neighbours are one error. With random
weights for the blocks (a Bayesian bootstrap), another prior may be the best. How often each of them is the best is its
weight [2]_: maps are drawn under several priors in these proportions, and the spread of the draws includes that nobody
knows which is right.

References
----------
.. [1] A. Gelman, J. Hwang and A. Vehtari, "Understanding predictive information criteria for Bayesian models", Stat.
   Comput. 24, 997 (2014).
.. [2] Y. Yao, A. Vehtari, D. Simpson and A. Gelman, "Using stacking to average Bayesian predictive distributions",
   Bayesian Anal. 13, 917 (2018), on pseudo-BMA with the Bayesian bootstrap.
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
LEAST_WEIGHT = 0.1  # of a prior that is used
N_BOOTSTRAP = 2000
N_BLOCKS = 64
MOST_PRIORS = 3  # that are used
FEWEST_PHOTONS = 200  # from which to keep some apart


class Choice(NamedTuple):
    """Hold which priors are used, and why.

    Attributes
    ----------
    weights : dict of float
        Weights of the priors that are used, the largest first; they sum to one.
    scores : dict of float
        Log-likelihood of the photons that were kept apart, less that of the best.
    errors : dict of float
        Standard errors of these differences.
    """

    weights: dict[str, float]
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
        How maps are made in the end, with fewer draws.

    Returns
    -------
    Choice or None
        None if the user interrupted.
    """
    first = next(iter(priors))
    if len(priors) == 1 or endmembers.shape[2] == 1 or image.n_photons < FEWEST_PHOTONS:
        return Choice({first: 1.0}, {first: 0.0}, {first: 0.0})
    split_key, weight_key, key = jax.random.split(key, 3)
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
    return chosen(scores, numpy_generator(weight_key))


def chosen(scores: Mapping[str, np.ndarray], rng: np.random.Generator) -> Choice:
    """Weigh priors by the scores of blocks, (B,) each."""
    table = np.array([*scores.values()])
    best = int(table.sum(axis=1).argmax())
    behind = table - table[best]
    # One block alone tells nothing of how much a difference scatters.
    n_blocks = behind.shape[1]
    errors = np.sqrt(n_blocks * behind.var(axis=1, ddof=1)) if n_blocks > 1 else np.full(len(behind), np.inf)
    less = behind.sum(axis=1)
    of_names = dict(zip(scores, _chances_to_be_best(behind, rng), strict=True))
    kept = {name: share for name, share in of_names.items() if share >= LEAST_WEIGHT}
    kept = dict(sorted(kept.items(), key=lambda one: -one[1])[:MOST_PRIORS])
    total = sum(kept.values())
    return Choice(
        {name: share / total for name, share in kept.items()},
        dict(zip(scores, less.tolist(), strict=True)),
        dict(zip(scores, errors.tolist(), strict=True)),
    )


def _chances_to_be_best(scores: np.ndarray, rng: np.random.Generator) -> list[float]:
    """Return how often each prior has the highest score, of (priors, B), with random weights of the blocks."""
    n_blocks = scores.shape[1]
    if n_blocks < 2:
        return [1 / len(scores)] * len(scores)
    weights = rng.dirichlet(np.ones(n_blocks), N_BOOTSTRAP)
    again = scores @ weights.T
    is_best = again == again.max(axis=0)
    return list((is_best / is_best.sum(axis=0)).mean(axis=1).tolist())


def together(maps: list[Maps], weights: list[float]) -> Maps:
    """Return draws under several priors as draws of a mixture; there are as many of each as its weight says."""
    mean = np.average([some.mean for some in maps], axis=0, weights=weights)
    second = np.average([some.sd**2 + some.mean**2 for some in maps], axis=0, weights=weights)
    return Maps(
        np.concatenate([some.draws for some in maps], axis=1),
        mean,
        np.sqrt(np.maximum(second - mean**2, 0)),
        np.concatenate([some.partners for some in maps]),
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
