"""Abundances of every pixel, given draws of the endmembers from elsewhere: a cut posterior.

Endmembers that were inferred from pooled counts are handed to the full resolution, which does not talk back. Given
one draw of them every pixel stands by itself; its abundances are drawn by photon allocation
(`bayesunmix.engine.gamma_poisson`), a few sweeps for each draw of the endmembers.
"""

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from bayesunmix.engine.events import Chunks, draw_allocation, occupied, photon_chunks
from bayesunmix.engine.gamma import gamma_variates
from bayesunmix.engine.gamma_poisson import Prior, draw_empty
from bayesunmix.image import SpectrumImage

SWEEPS = 5  # for each draw of the endmembers
FIRST_BLOCKS = 10  # of as many, before the first


def abundances_given(image: SpectrumImage, endmembers: np.ndarray, prior: Prior, key: Array) -> np.ndarray:
    """Draw the abundances of all pixels for each draw of the endmembers.

    Parameters
    ----------
    image : SpectrumImage
    endmembers : (chain, draw, K, C) array
    prior : Prior
    key : JAX key

    Returns
    -------
    abundances : (chain, draw, P, K) float32 array
    """
    pixels = occupied(image)
    n_chains, n_draws, n_components, _ = endmembers.shape
    photons = jax.device_put(photon_chunks(pixels.counts))
    totals = np.zeros(pixels.padded, np.float32)
    totals[: pixels.pixels.size] = pixels.counts.sum(axis=1)
    start = jnp.asarray(np.tile(totals / n_components, (n_components, 1)))
    empty = np.setdiff1d(np.arange(image.n_pixels), pixels.pixels)
    drawn = np.empty((n_chains, n_draws, image.n_pixels, n_components), np.float32)
    empty_key, *chain_keys = jax.random.split(key, 1 + n_chains)
    drawn[:, :, empty] = draw_empty(prior, (n_chains, n_draws, empty.size, n_components), empty_key)
    for chain, chain_key in enumerate(chain_keys):
        spectra, maps = jnp.asarray(endmembers[chain], jnp.float32), start
        for block, block_key in enumerate(jax.random.split(chain_key, FIRST_BLOCKS + n_draws)):
            draw = max(block - FIRST_BLOCKS, 0)
            maps = _sweeps(photons, prior, maps, spectra[draw], block_key)
            drawn[chain, draw, pixels.pixels] = np.asarray(maps).T[: pixels.pixels.size]
    return drawn


@jax.jit
def _sweeps(photons: Chunks, prior: Prior, maps: Array, endmembers: Array, key: Array) -> Array:
    def step(maps: Array, key: Array) -> tuple[Array, None]:
        allocation_key, abundance_key = jax.random.split(key)
        by_pixel, _, _ = draw_allocation(photons, maps, endmembers, allocation_key)
        return gamma_variates(abundance_key, prior.shape + by_pixel) / (prior.rate + 1), None

    return jax.lax.scan(step, maps, jax.random.split(key, SWEEPS))[0]
