"""Where a factorisation starts decides where it ends: a binned fit from several random starts, compared.

At a few counts per pixel the likelihood has optima in which two materials share one endmember. Pixels summed
over blocks hold enough counts to tell materials apart, and are so few that several starts cost little. Each start
takes K superpixels that differ from one another (k-means++ seeding [1]_ under the Hellinger distance), runs EM,
and the best becomes the start at full resolution.

References
----------
.. [1] D. Arthur and S. Vassilvitskii, "k-means++: the advantages of careful seeding", SODA (2007).
"""

import math
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from scipy import sparse

from bayesunmix import em
from bayesunmix.alignment import match, spectral_angles
from bayesunmix.events import Occupied
from bayesunmix.image import SpectrumImage

ENOUGH_COUNTS = 1000  # per superpixel, so that its spectrum shows what it is made of
MOST_SUPERPIXELS = 1024
ITERATIONS = 100
SAME_OPTIMUM_DEG = 5.0


class Start(NamedTuple):
    """A start in component-major arrays, and how far the random starts agreed on it."""

    abundances: np.ndarray
    endmembers: np.ndarray
    agreement: dict[str, float]
    warnings: list[str]


def best_start(
    image: SpectrumImage, pixels: Occupied, n_components: int, key: jax.Array, n_starts: int
) -> Start:
    """Fit the binned image from `n_starts` random starts and spread the best over the pixels.

    Parameters
    ----------
    image : SpectrumImage
    pixels : Occupied
        The pixels of `image` that hold counts.
    n_components : int
    key : JAX key
    n_starts : int

    Returns
    -------
    Start
        abundances (K, padded pixels), endmembers (K, C).
    """
    block = block_size(image, n_components)
    coarse = image.rebin(block)
    data, superpixels = em.lay_out(coarse)
    rng = np.random.default_rng(np.asarray(jax.random.bits(key, (4,))))
    seeds = np.stack([_seed(superpixels.counts, n_components, rng) for _ in range(n_starts)])
    maps = np.zeros((n_components, superpixels.padded), np.float32)
    maps[:, : superpixels.pixels.size] = superpixels.counts.sum(1) / n_components
    ends = [em.advance(data, jnp.asarray(maps), jnp.asarray(seed, jnp.float32), ITERATIONS) for seed in seeds]
    best = int(np.argmin([em.deviance(data, *end) for end in ends]))
    abundances, endmembers = map(np.asarray, ends[best])
    agreement, warnings = _compare(np.array([end[1] for end in ends]), best)
    shares = superpixels.restore(abundances, coarse.n_pixels)
    return Start(_spread(image, pixels, shares, block), endmembers, agreement, warnings)


def block_size(image: SpectrumImage, n_components: int) -> tuple[int, ...]:
    """Pixels per superpixel along each navigation axis: a power of two that gathers enough counts."""
    n_occupied = np.count_nonzero(np.diff(image.counts.indptr))
    mean = image.n_photons / n_occupied
    sides = np.array(image.navigation_shape)
    size = 1
    while (mean * size**sides.size < ENOUGH_COUNTS or n_occupied / size**sides.size > MOST_SUPERPIXELS) and (
        math.prod(np.ceil(sides / (2 * size)).astype(int)) >= 8 * n_components
    ):
        size *= 2
    return tuple(int(min(size, side)) for side in sides)


def _seed(counts: sparse.csr_array, n_components: int, rng: np.random.Generator) -> np.ndarray:
    """Spectra of K superpixels drawn far apart, each mixed with the mean spectrum so that no channel is locked."""
    spectra = counts.toarray().astype(np.float64)
    spectra /= spectra.sum(axis=1, keepdims=True)
    roots = np.sqrt(spectra)
    chosen = [int(rng.integers(len(roots)))]
    distance = np.full(len(roots), np.inf)
    for _ in range(n_components - 1):
        distance = np.minimum(distance, ((roots - roots[chosen[-1]]) ** 2).sum(axis=1))
        total = distance.sum()
        weights = distance / total if total > 0 else np.full(len(roots), 1 / len(roots))
        chosen.append(int(rng.choice(len(roots), p=weights)))
    mean = np.asarray(counts.sum(axis=0), np.float64) / counts.sum()
    jitter = rng.gamma(1.0, size=(n_components, mean.size)) * mean
    return 0.7 * spectra[chosen] + 0.2 * mean + 0.1 * jitter / jitter.sum(axis=1, keepdims=True) + em.FLOOR


def _compare(endmembers: np.ndarray, best: int) -> tuple[dict[str, float], list[str]]:
    """Count the starts that reached the same endmembers as the best one."""
    reference = endmembers[best]
    angles = np.array(
        [np.diagonal(spectral_angles(reference, e[match(reference, e)])).max() for e in endmembers]
    )
    agreeing = int((angles < SAME_OPTIMUM_DEG).sum())
    agreement = {
        "starts": len(endmembers),
        "starts_agreeing": agreeing,
        "starts_angle_deg": float(np.median(angles)),
    }
    if agreeing * 2 > len(endmembers) or len(endmembers) == 1:
        return agreement, []
    return agreement, [
        f"only {agreeing} of {len(endmembers)} random starts reached the endmembers of the best one within "
        f"{SAME_OPTIMUM_DEG:g} deg; the solution may not be unique: compare other seeds, or ask for fewer components"
    ]


def _spread(image: SpectrumImage, pixels: Occupied, shares: np.ndarray, block: tuple[int, ...]) -> np.ndarray:
    """Give every pixel the composition of its superpixel and its own total."""
    shares = shares / np.maximum(shares.sum(axis=1, keepdims=True), em.FLOOR)
    of_pixel = 0.95 * shares[image.blocks(block)[pixels.pixels]] + 0.05 / shares.shape[1]
    maps = np.full((shares.shape[1], pixels.padded), em.FLOOR, np.float32)
    maps[:, : pixels.pixels.size] = of_pixel.T * pixels.counts.sum(axis=1)
    return maps
