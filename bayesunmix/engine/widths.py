r"""How wide intervals must be, learned from images that were simulated from the fit: prepivoting [1]_.

Draws under a prior that is a mixture (`bayesunmix.abundance_priors.multiscale`) spread more than their mean errs, and
under strong overlap of spectra less. How much is measured: photons are drawn from the fitted factorisation, unmixed in
the same way, and compared with what they were drawn from. That is done several times, because all pixels of an even map
share one error, and each time with another draw of the endmembers, so that they are not known better than those of the
image itself. What a pixel holds next to nothing of, it does not hold in the simulated image: maps are never zero and so
a little too much, which a truth that is never zero either would not show. Each component gets a factor c for each of
`LEVELS`, with which intervals of that level would have held the known truth as often as they say. A draw a that ends an
interval of that level around the mean m moves towards or away from it, :math:`a' = m (a / m)^c`; between levels c is
interpolated.

References
----------
.. [1] R. Beran, "Prepivoting to reduce level error of confidence sets", Biometrika 74, 457 (1987).
"""

import math

import jax
import numpy as np
from scipy import sparse

from bayesunmix.abundance_prior import AbundancePrior
from bayesunmix.engine.maps import Maps, draw_maps
from bayesunmix.image import Grid, SpectrumImage

LEVELS = (0.5, 0.9, 0.95)
N_IMAGES, MOST_PHOTONS = 4, 500_000  # in each; more pixels tell the factors no better
# Of a pixel, and of the mean total that a photon sees: an interval of what is nearly nothing cannot be judged by
# whether it holds it.
ACTIVE_FRACTION = 0.05
_SMALL = 1e-9
_LEAST, _MOST = 0.2, 3.0
_BLOCK = 2**14  # pixels


def measure_widths(
    image: SpectrumImage,
    endmembers: np.ndarray,
    maps: Maps,
    starts: list[np.ndarray],
    prior: AbundancePrior,
    key: jax.Array,
    n_maps: int,
    sweeps_per_map: int | None,
    most_mib: float,
) -> np.ndarray | None:
    """Unmix images that were simulated from the fit, and return the factors of each component, (levels, K).

    The arguments are those of `bayesunmix.engine.maps.draw_maps`, and what it returned. None if it was interrupted.
    Of an image with many photons only a slab of the first axis is simulated.
    """
    count_key, key = jax.random.split(key)
    rng = np.random.default_rng(np.asarray(jax.random.bits(count_key, (4,))))
    rows, grid = _slab(image)
    truth = _sharpened(maps.mean[rows])
    starts = [start[rows] for start in starts]
    drawn = endmembers.reshape(-1, *endmembers.shape[2:])
    tails = [(1 + side * level) / 2 for level in LEVELS for side in (-1, 1)]
    found = []
    for number, spectra in enumerate(drawn[np.linspace(0, len(drawn) - 1, N_IMAGES).round().astype(int)]):
        known, image_key = simulate(grid, spectra, truth, rng), jax.random.fold_in(key, number)
        try:
            again = draw_maps(known, endmembers, starts, prior, image_key, n_maps, sweeps_per_map, most_mib)
        except KeyboardInterrupt:
            return None
        if again.interrupted:
            return None
        pooled = again.draws.reshape(-1, *again.mean.shape)
        ends = np.quantile(pooled, tails, axis=0, method="weibull")
        found.append(np.concatenate([again.mean[None], ends]))
    mean, *ends = np.concatenate(found, axis=1)
    truths = np.tile(truth, (N_IMAGES, 1))
    return np.array(
        [
            width_factors(truths, mean, lower, upper, level)
            for level, lower, upper in zip(LEVELS, ends[::2], ends[1::2], strict=True)
        ]
    )


def _sharpened(maps: np.ndarray) -> np.ndarray:
    """Leave out what a pixel, of (P, K), holds next to nothing of; its total stays."""
    total, most = maps.sum(axis=1, keepdims=True), maps.max(axis=1, keepdims=True)
    held = np.where(maps >= np.minimum(ACTIVE_FRACTION * total, most), maps, 0)
    return held * total / np.maximum(held.sum(axis=1, keepdims=True), _SMALL)


def _slab(image: SpectrumImage) -> tuple[slice, Grid]:
    """Return the pixels of a slab around the middle photon that holds at most `MOST_PHOTONS`, and their grid."""
    n, *others = image.navigation_shape
    below = np.concatenate([[0], np.cumsum(image.total_map().reshape(n, -1).sum(axis=1))])
    first, last = np.searchsorted(below, (below[-1] - MOST_PHOTONS) / 2 + np.array([0, MOST_PHOTONS]))
    first = min(int(first), n - 1)
    last = max(int(last) - 1, first + 1)
    step = math.prod(others)
    mask = None if image.mask is None else image.mask[first:last]
    grid = image.grid._replace(shape=(last - first, *image.shape[1:]), mask=mask)
    return slice(first * step, last * step), grid


def simulate(
    grid: Grid, endmembers: np.ndarray, abundances: np.ndarray, rng: np.random.Generator
) -> SpectrumImage:
    """Draw photons of a factorisation, (K, C) and (P, K), on a grid, without dense arrays."""
    photons = rng.poisson(abundances)
    pixels, channels = [], []
    for k, spectrum in enumerate(endmembers.astype(np.float64)):
        pixels.append(np.repeat(np.arange(len(photons)), photons[:, k]))
        channels.append(rng.choice(spectrum.size, pixels[-1].size, p=spectrum / spectrum.sum()))
    where = np.concatenate(pixels), np.concatenate(channels)
    counts = sparse.coo_array((np.ones(where[0].size, np.uint32), where), (len(photons), endmembers.shape[1]))
    return SpectrumImage(counts.tocsr(), *grid)


def width_factors(
    truth: np.ndarray, mean: np.ndarray, lower: np.ndarray, upper: np.ndarray, level: float
) -> np.ndarray:
    """Return the factor of each component at one level, (K,).

    Parameters
    ----------
    truth, mean : (P, K) arrays
        What photons were simulated from, and the mean of the draws given these photons.
    lower, upper : (P, K) arrays
        Ends of the equal-tailed interval of these draws.
    level : float
    """
    total = truth.sum(axis=1, keepdims=True)
    # Vacuum, which is most of a needle's image, is known to a thousandth of a count, and would say that all is.
    specimen = total > ACTIVE_FRACTION * (total**2).sum() / max(total.sum(), _SMALL)
    active = specimen & (truth > ACTIVE_FRACTION * total)
    end = np.where(truth < mean, lower, upper)
    off, reach = (np.log(np.maximum(a, _SMALL) / np.maximum(mean, _SMALL)) for a in (truth, end))
    needed = np.where(reach * off > 0, off / np.where(reach == 0, 1, reach), np.where(off == 0, 0, np.inf))
    factors = [
        np.quantile(needed[active[:, k], k], level, method="inverted_cdf") if active[:, k].any() else 1.0
        for k in range(truth.shape[1])
    ]
    return np.clip(factors, _LEAST, _MOST)


def rescale(draws: np.ndarray, mean: np.ndarray, factors: np.ndarray) -> None:
    """Move draws in place towards or away from their mean, which stays what it is.

    Parameters
    ----------
    draws : (chain, draw, P, K) float32 array
    mean : (P, K) array
    factors : (levels, K) array
    """
    n = math.prod(draws.shape[:2])
    level_of_rank = np.abs(2 * np.arange(1, n + 1) / (n + 1) - 1)
    power = np.stack([np.interp(level_of_rank, LEVELS, of_component) for of_component in factors.T], axis=-1)
    power = power.astype(np.float32)[:, None, :]
    middle = np.maximum(mean, _SMALL).astype(np.float32)
    for start in range(0, len(middle), _BLOCK):
        rows = slice(start, start + _BLOCK)
        part = draws[:, :, rows].reshape(n, -1, draws.shape[-1])
        order = part.argsort(axis=0)
        ranked = np.maximum(np.take_along_axis(part, order, axis=0), np.float32(_SMALL))
        moved = middle[rows] * (ranked / middle[rows]) ** power
        moved *= middle[rows] / np.maximum(moved.mean(axis=0), _SMALL)
        np.put_along_axis(part, order, moved, axis=0)
        draws[:, :, rows] = part.reshape(draws[:, :, rows].shape)
