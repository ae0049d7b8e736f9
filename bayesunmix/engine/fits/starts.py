"""Choose where a factorisation starts: the best of several fits of the binned image from random starts.

At a few counts per pixel the likelihood has optima in which two materials share one endmember, and the start decides
which optimum is reached. Superpixels have enough counts to tell materials apart, and are so few that several starts
cost little: they run side by side as one dense problem, with channels no finer than peaks need. Each start takes K
superpixels that differ from one another (k-means++ seeding [1]_ under the Hellinger distance) and runs extrapolated EM
until it settles. The best becomes the start at full resolution.

References
----------
.. [1] D. Arthur and S. Vassilvitskii, "k-means++: the advantages of careful seeding", SODA (2007).
"""

import math
from functools import partial
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from scipy import sparse

from bayesunmix.data.alignment import match, spectral_angles
from bayesunmix.data.image import SpectrumImage
from bayesunmix.data.info import ASK_RANK
from bayesunmix.data.result import Info
from bayesunmix.engine.device.events import LEAST_RATE, Occupied, padded_size
from bayesunmix.engine.device.threefry import numpy_generator
from bayesunmix.engine.fits.convergence import ITERATIONS_PER_LOOK
from bayesunmix.engine.fits.extrapolation import LEAST_ENTRY, Moving, at_rest, extrapolate
from bayesunmix.engine.fits.superpixels import Coarse, coarsen, resolve, spread

MOST_LOOKS = 60  # at the objective
SETTLED = 2e-6  # relative gain between two looks; float32 resolves no less
SAME_OPTIMUM_DEG = 5.0


class Start(NamedTuple):
    """Hold a start in component-major arrays, and how far the random starts agreed on it."""

    abundances: np.ndarray
    endmembers: np.ndarray
    agreement: Info
    warnings: list[str]


def best_start(
    image: SpectrumImage,
    pixels: Occupied,
    n_components: int,
    key: Array,
    n_starts: int,
    given: np.ndarray | None = None,
    *,
    coarse: Coarse | None = None,
) -> Start:
    """Fit the binned image from `n_starts` random starts, and spread the best fit over the pixels.

    Parameters
    ----------
    image : SpectrumImage
    pixels : Occupied
        The pixels of `image` that have counts.
    n_components : int
    key : JAX key
    n_starts : int
    given : (M, C) array, optional
        The first M endmembers, which sum to one and stay fixed.
    coarse : Coarse, optional
        The binned image, ``coarsen(image, n_components)``. Pass it if you fit it more than once.

    Returns
    -------
    Start
        abundances (K, padded pixels), endmembers (K, C).
    """
    coarse = coarse or coarsen(image, n_components)
    superpixels = coarse.superpixels
    known = np.zeros((0, image.n_channels)) if given is None else given
    pooled = np.add.reduceat(known, np.flatnonzero(np.diff(coarse.group, prepend=-1)), axis=1)
    seen = np.flatnonzero(superpixels.counts.sum(axis=0))
    rng = numpy_generator(key)
    seeds = np.stack([_seed(superpixels.counts, pooled, n_components, rng) for _ in range(n_starts)])
    counts = np.zeros((superpixels.padded, padded_size(seen.size)), np.float32)
    counts[: superpixels.pixels.size, : seen.size] = superpixels.counts[:, seen].toarray()
    narrow = np.full((*seeds.shape[:2], counts.shape[1]), LEAST_ENTRY, np.float32)
    narrow[..., : seen.size] = seeds[..., seen]
    shares, spectra, deviances = map(np.asarray, _settle(counts, narrow, len(known)))
    best = int(np.argmin(deviances))
    found = np.full(seeds.shape, LEAST_ENTRY, np.float32)
    found[..., seen] = spectra[..., : seen.size]
    agreement, warnings = _compare(found, best)
    endmembers = resolve(found[best], image.sum_spectrum(), coarse.group)
    endmembers[: len(known)] = known
    of_superpixels = superpixels.restore(shares[best], coarse.image.n_pixels)
    return Start(spread(of_superpixels, coarse.block, pixels), endmembers, agreement, warnings)


def _seed(
    counts: sparse.csr_array, given: np.ndarray, n_components: int, rng: np.random.Generator
) -> np.ndarray:
    """Return the spectra of superpixels that are drawn far from one another and from those given.

    Each is mixed with the mean spectrum, so that no channel stays at zero.
    """
    spectra = counts.toarray().astype(np.float64)
    spectra /= spectra.sum(axis=1, keepdims=True)
    roots = np.sqrt(spectra)
    seeds, distance = list(np.sqrt(given)), np.full(len(roots), np.inf)
    for seed in seeds:
        distance = np.minimum(distance, ((roots - seed) ** 2).sum(axis=1))
    chosen: list[int] = []
    while len(given) + len(chosen) < n_components:
        total = distance.sum()
        known = math.isfinite(total) and total > 0
        chosen.append(int(rng.choice(len(roots), p=distance / total if known else None)))
        distance = np.minimum(distance, ((roots - roots[chosen[-1]]) ** 2).sum(axis=1))
    mean = np.asarray(counts.sum(axis=0), np.float64) / counts.sum()
    jitter = rng.gamma(1.0, size=(len(chosen), mean.size)) * mean
    jitter /= np.maximum(jitter.sum(axis=1, keepdims=True), LEAST_RATE)
    return np.vstack([given, 0.7 * spectra[chosen] + 0.2 * mean + 0.1 * jitter]) + LEAST_ENTRY


@partial(jax.jit, static_argnames="n_given")
def _settle(counts: Array, seeds: Array, n_given: int) -> tuple[Array, Array, Array]:
    """Run EM on dense counts (B, C) from seeds (S, K, C): abundances (S, K, B), endmembers and deviances (S,)."""
    n_components = seeds.shape[1]
    fixed = (jnp.arange(n_components) < n_given)[:, None]
    share = jnp.broadcast_to(
        jnp.maximum(counts.sum(1) / n_components, LEAST_ENTRY), (n_components, len(counts))
    )

    def dense_step(abundances: Array, endmembers: Array) -> tuple[Array, Array]:
        ratio = counts / jnp.maximum(_product(abundances.T, endmembers), LEAST_RATE)
        abundances = jnp.maximum(abundances * _product(endmembers, ratio.T), LEAST_ENTRY)
        ratio = counts / jnp.maximum(_product(abundances.T, endmembers), LEAST_RATE)
        spectra = jnp.maximum(endmembers * _product(abundances, ratio), LEAST_ENTRY)
        return abundances, jnp.where(fixed, endmembers, spectra / spectra.sum(1, keepdims=True))

    def deviance(moving: Moving) -> Array:
        rate = jnp.maximum(_product(moving.abundances.T, moving.endmembers), LEAST_RATE)
        return 2 * jnp.where(counts > 0, counts * jnp.log(jnp.maximum(counts, 1) / rate), 0).sum(1).sum()

    def look(state: tuple) -> tuple:
        moving, least, _, looks = state
        ahead = extrapolate(dense_step, moving, ITERATIONS_PER_LOOK)
        reached = deviance(ahead)
        rose = reached > least
        rested = at_rest(moving.abundances, moving.endmembers)
        chosen = jax.tree.map(partial(jnp.where, rose), rested, ahead)
        settled = (least - reached <= SETTLED * least) & ~(rose & (moving.theta > 1))
        return chosen, jnp.minimum(least, reached), settled, looks + 1

    def run(seed: Array) -> tuple[Array, Array, Array]:
        moving = at_rest(share, seed)
        state = (moving, deviance(moving), jnp.asarray(False), 0)
        moving, least, _, _ = jax.lax.while_loop(lambda s: ~s[2] & (s[3] < MOST_LOOKS), look, state)
        return moving.abundances, moving.endmembers, least

    return jax.vmap(run)(seeds)


def _product(a: Array, b: Array) -> Array:
    return jnp.matmul(a, b, precision="highest")


def _compare(endmembers: np.ndarray, best: int) -> tuple[Info, list[str]]:
    """Count the starts that reached the same endmembers as the best one."""
    reference = endmembers[best]
    angles = np.array(
        [np.diagonal(spectral_angles(reference, e[match(reference, e)])).max() for e in endmembers]
    )
    agreeing = int((angles < SAME_OPTIMUM_DEG).sum())
    agreement: Info = {
        "starts": len(endmembers),
        "starts_agreeing": agreeing,
        "starts_angle_deg": float(np.median(angles)),
    }
    if agreeing * 2 > len(endmembers) or len(endmembers) == 1:
        return agreement, []
    return agreement, [
        f"Only {agreeing} of {len(endmembers)} random starts reached the endmembers of the best one within "
        f"{SAME_OPTIMUM_DEG:g} deg, so the solution may not be unique. Compare other seeds. {ASK_RANK}"
    ]
