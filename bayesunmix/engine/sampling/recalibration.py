"""Recalibrate draws of maps on images that are simulated from the fit (prepivoting [1]_).

Draws under a prior that is a mixture (`bayesunmix.models.abundance_priors.multiscale`) scatter more than their mean
errs, and under strong overlap of spectra less. Draws are never zero, so a pixel gets a little of materials that it does
not contain, and lacks as much of those that it contains. These errors are measured: photons are drawn from the fitted
factorisation, unmixed in the same way, and compared with what they were drawn from. This is done several times, because
all pixels of an even map share one error. Each time another draw of the endmembers is used, so that they are not known
better than those of the image itself. A pixel of the simulated image contains nothing of a material of which its
estimate is nearly zero.

Each known truth has a *normal score*: that of its rank among the draws of its pixel, and beyond the outermost draws an
extrapolation on the logarithms. If draws were right, scores would be standard normal. The quantiles of the scores are
learned for every component, separately for pixels of which the component is estimated to be a small part, a larger part
and nearly all (`SHARES`). Then each draw moves to where the truths of its rank were: the draws of its pixel are read at
the learned score instead of their own. Means and standard deviations move with the draws. The total of a pixel is known
from its counts without the spectra, so it stays: the difference is taken from materials that the pixel hardly contains.

References
----------
.. [1] R. Beran, "Prepivoting to reduce level error of confidence sets", Biometrika 74, 457 (1987).
"""

import itertools
import math
from collections.abc import Callable

import jax
import numpy as np
from scipy import sparse
from scipy.special import ndtr, ndtri

from bayesunmix.data.image import Grid, SpectrumImage, trusted_image
from bayesunmix.engine.device.threefry import numpy_generator
from bayesunmix.engine.sampling.maps import Maps
from bayesunmix.engine.sampling.slab import slab

N_IMAGES = 4  # each of a slab; more photons do not help
# Fractions of a pixel where groups of pixels begin. Smaller fractions are not recalibrated.
SHARES = (0.05, 0.2, 0.8)
LEVELS = np.array([0.005, 0.0125, 0.025, *np.linspace(0.05, 0.95, 19), 0.975, 0.9875, 0.995])
FEWEST = 50  # truths in a group; smaller groups are not recalibrated
_FARTHEST = 3.0  # score
_LEAST = 0.1  # smallest factor for components that a pixel hardly contains
_SMALL = 1e-9
_MOST_LISTED = 2**22  # photons of a component in a pixel that are drawn one by one
_BLOCK = 2**14  # pixels


def measure_scores(
    image: SpectrumImage,
    endmembers: np.ndarray,
    maps: Maps,
    starts: list[np.ndarray],
    key: jax.Array,
    draw: Callable[..., Maps],
) -> np.ndarray | None:
    """Unmix images that are simulated from the fit, and return the quantiles of the scores of their truths.

    Of an image with many photons only a slab of the first axis is simulated.

    Parameters
    ----------
    image : SpectrumImage
    endmembers : (chain, draw, K, C) array
    maps : Maps
        Draws of the maps of the image.
    starts : list of (P, K) arrays
        Maps that each chain starts from.
    key : JAX key
    draw : callable (image, starts=, key=) -> Maps
        How the image itself was unmixed: `bayesunmix.engine.sampling.maps.draw_maps` with the rest of its arguments.

    Returns
    -------
    scores : (K, shares, levels) array, or None
        None if the user interrupted.
    """
    count_key, key = jax.random.split(key)
    rng = numpy_generator(count_key)
    rows, grid = slab(image)
    truth = _sharpened(maps.mean[rows])
    starts = [start[rows] for start in starts]
    drawn = endmembers.reshape(-1, *endmembers.shape[2:])
    scores, groups = [], []
    for number, spectra in enumerate(drawn[np.linspace(0, len(drawn) - 1, N_IMAGES).round().astype(int)]):
        known, image_key = simulated_image(grid, spectra, truth, rng), jax.random.fold_in(key, number)
        try:
            again = draw(known, starts=starts, key=image_key)
        except KeyboardInterrupt:
            return None
        if again.interrupted:
            return None
        scores.append(normal_scores(again.draws.reshape(-1, *truth.shape), truth))
        groups.append(_groups(again.mean) * _specimen(truth))
    return learned_scores(np.concatenate(scores), np.concatenate(groups))


def _groups(maps: np.ndarray) -> np.ndarray:
    """Return how many of `SHARES` the fraction of each component in its pixel reaches, for (P, K) maps."""
    return np.digitize(maps / np.maximum(maps.sum(axis=1, keepdims=True), _SMALL), SHARES)


def _specimen(maps: np.ndarray) -> np.ndarray:
    """Select pixels that contain specimen, (P, 1).

    Vacuum is estimated almost without error. Including it would make the whole map look better calibrated than it is.
    """
    total = maps.sum(axis=1, keepdims=True)
    return total > SHARES[0] * (total**2).sum() / max(total.sum(), _SMALL)


def _sharpened(maps: np.ndarray) -> np.ndarray:
    """Remove from each pixel, of (P, K), the components that it hardly contains; its total stays."""
    total, most = maps.sum(axis=1, keepdims=True), maps.max(axis=1, keepdims=True)
    large = np.where(maps >= np.minimum(SHARES[0] * total, most), maps, 0)
    return large * total / np.maximum(large.sum(axis=1, keepdims=True), _SMALL)


def simulated_image(
    grid: Grid, endmembers: np.ndarray, abundances: np.ndarray, rng: np.random.Generator
) -> SpectrumImage:
    """Draw photons of a factorisation, (K, C) and (P, K), on a grid, without dense arrays."""
    photons = rng.poisson(abundances)
    listed = np.where(photons <= _MOST_LISTED, photons, 0)
    pixels, channels = [], []
    for k, spectrum in enumerate(endmembers.astype(np.float64)):
        pixels.append(np.repeat(np.arange(len(photons)), listed[:, k]))
        channels.append(rng.choice(spectrum.size, pixels[-1].size, p=spectrum / spectrum.sum()))
    where = np.concatenate(pixels), np.concatenate(channels)
    counts = sparse.coo_array((np.ones(where[0].size, np.uint32), where), (len(photons), endmembers.shape[1]))
    counts = counts.tocsr()
    if (photons > _MOST_LISTED).any():
        counts += _drawn_at_once(photons - listed, endmembers, rng)
    return trusted_image(counts, *grid)


def _drawn_at_once(photons: np.ndarray, endmembers: np.ndarray, rng: np.random.Generator) -> sparse.csr_array:
    """Draw the channels of (P, K) photons without a number for each of them."""
    counts = sparse.lil_array((len(photons), endmembers.shape[1]), dtype=np.uint64)
    for pixel, k in np.argwhere(photons):
        spectrum = endmembers[k].astype(np.float64)
        drawn = rng.multinomial(photons[pixel, k], spectrum / spectrum.sum()).astype(np.uint64)
        counts[[pixel]] += sparse.csr_array(drawn[None])
    return counts.tocsr()


def normal_scores(draws: np.ndarray, truth: np.ndarray) -> np.ndarray:
    """Return the normal score of each true value, (P, K), among its draws, (draw, P, K)."""
    n = len(draws)
    farthest, scores = ndtri(n / (n + 1)), np.empty(truth.shape)
    for start in range(0, len(truth), _BLOCK):
        rows = slice(start, start + _BLOCK)
        ranked, at = _logarithm(np.sort(draws[:, rows], axis=0)), _logarithm(truth[rows])
        middle = np.median(ranked, axis=0)
        below = (ranked < at).sum(axis=0)
        ends = [np.take_along_axis(ranked, np.clip(below + i, 0, n - 1)[None], axis=0)[0] for i in (-1, 0)]
        between = np.clip((at - ends[0]) / np.maximum(ends[1] - ends[0], _SMALL), 0, 1)
        inside = ndtri(np.clip((below + between) / (n + 1), 1 / (n + 1), n / (n + 1)))
        reach = np.abs(np.where(below == 0, ranked[0], ranked[-1]) - middle)
        beyond = farthest * (at - middle) / np.maximum(reach, _SMALL)
        scores[rows] = np.where((below == 0) | (below == n), beyond, inside)
    return np.clip(scores, -_FARTHEST, _FARTHEST)


def learned_scores(scores: np.ndarray, groups: np.ndarray) -> np.ndarray:
    """Return quantiles of scores (N, K) in each group of `groups` (N, K), counted from 1, (K, shares, levels)."""
    learned = np.tile(ndtri(LEVELS), (scores.shape[1], len(SHARES), 1))
    for k, group in itertools.product(range(scores.shape[1]), range(len(SHARES))):
        found = scores[groups[:, k] == group + 1, k]
        if found.size >= FEWEST:
            learned[k, group] = np.quantile(found, LEVELS)
    return learned


def told(scores: np.ndarray) -> dict[str, list]:
    """Return the scores at the ends of the 90 % interval and in its middle, for each component and group of pixels."""
    return {
        f"{level:g}": scores[..., np.argmin(np.abs(LEVELS - level))].tolist() for level in (0.05, 0.5, 0.95)
    }


def recalibrate_in_place(maps: Maps, scores: np.ndarray) -> Maps:
    """Move draws to where truths of their rank were. The draws of `maps` are overwritten.

    Parameters
    ----------
    maps : Maps
    scores : (K, shares, levels) array
        What `measure_scores` returned.
    """
    n = math.prod(maps.draws.shape[:2])
    of_rank = ndtri(np.arange(1, n + 1) / (n + 1))
    mean, sd = maps.mean.copy(), maps.sd.copy()
    for start in range(0, len(mean), _BLOCK):
        rows = slice(start, start + _BLOCK)
        part = maps.draws[:, :, rows].reshape(n, -1, mean.shape[1])
        groups = _groups(maps.mean[rows])
        for k, group in itertools.product(range(mean.shape[1]), range(len(SHARES))):
            chosen = np.flatnonzero(groups[:, k] == group + 1)
            before = part[:, chosen, k].astype(np.float64)
            after = _read_at(before, np.interp(of_rank, ndtri(LEVELS), scores[k, group]))
            mean[start + chosen, k] *= after.mean(axis=0) / np.maximum(before.mean(axis=0), _SMALL)
            sd[start + chosen, k] *= after.std(axis=0) / np.maximum(before.std(axis=0), _SMALL)
            part[:, chosen, k] = after
        maps.draws[:, :, rows] = part.reshape(maps.draws[:, :, rows].shape)
        mean[rows] = _with_totals(mean[rows], maps.mean[rows].sum(axis=1, keepdims=True), groups > 0)
    return maps._replace(mean=mean, sd=sd)


def _read_at(draws: np.ndarray, scores: np.ndarray) -> np.ndarray:
    """Replace the draw of each rank, in (n, P), by the value of its pixel's draws at a score, (n,)."""
    n = len(draws)
    order = draws.argsort(axis=0)
    ranked = _logarithm(np.take_along_axis(draws, order, axis=0))
    middle, farthest = np.median(ranked, axis=0), ndtri(n / (n + 1))
    position = np.clip(ndtr(scores) * (n + 1) - 1, 0, n - 1)
    low = np.minimum(position.astype(int), max(n - 2, 0))
    part = (position - low)[:, None]
    moved = ranked[low] * (1 - part) + ranked[np.minimum(low + 1, n - 1)] * part
    for end, side in ((ranked[0], -1), (ranked[-1], 1)):
        beyond = np.flatnonzero(side * scores > farthest)
        moved[beyond] = middle + np.abs(scores[beyond, None]) / farthest * (end - middle)
    result = np.empty_like(draws)
    np.put_along_axis(result, order, np.exp(moved), axis=0)
    return result


def _with_totals(mean: np.ndarray, total: np.ndarray, large: np.ndarray) -> np.ndarray:
    """Restore the total of each pixel, (P, K): first from the components that it hardly contains, then from all."""
    little = np.where(large, 0, mean).sum(axis=1, keepdims=True)
    left = np.clip(1 - (mean.sum(axis=1, keepdims=True) - total) / np.maximum(little, _SMALL), _LEAST, 1)
    mean = np.where(large, mean, mean * left)
    return mean * total / np.maximum(mean.sum(axis=1, keepdims=True), _SMALL)


def _logarithm(values: np.ndarray) -> np.ndarray:
    return np.log(np.maximum(values, _SMALL))
