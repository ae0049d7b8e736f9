r"""Do sweeps of Gibbs sampling over photons, for any abundance prior and any endmember model.

.. math:: x_{pc} \sim \mathrm{Poisson}\Big(\sum_k a_{pk} e_{kc}\Big)

A sweep draws the component of every photon, then the abundances given the photons of each component in each pixel, then
the endmembers given those in each channel [1]_. With `model` None the endmembers stay fixed. A prior that compares
whole compositions (`bayesunmix.contracts.abundance_prior.weighs`) draws the abundances first, without components of
photons.

References
----------
.. [1] A. T. Cemgil, "Bayesian inference for nonnegative matrix factorisation models", Comput. Intell.
   Neurosci. 785152 (2009).
"""

from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from bayesunmix.contracts.abundance_prior import AbundancePrior, renewed, weighs
from bayesunmix.contracts.endmember_model import EndmemberModel
from bayesunmix.data.image import SpectrumImage
from bayesunmix.engine.device.events import Chunks, draw_allocation, padded_size, photon_chunks
from bayesunmix.engine.device.heavy import Heavy, draw_heavy, split_heavy
from bayesunmix.engine.device.threefry import numbered


class Events(NamedTuple):
    """Hold photons by pixel, and the exposure of each pixel on the grid of the image: 0 where it is masked, else 1.

    Entries with too many photons to be listed stand by themselves, None where there are none. `occupied` are the
    numbers of the pixels with photons, (n,), padded by the number beyond the last pixel; None stands for all pixels.
    """

    photons: Chunks
    exposure: Array
    heavy: Heavy | None = None
    occupied: Array | None = None


class Chain(NamedTuple):
    """Hold the state of a chain: abundances (K, P), endmembers (K, C), and what prior and model have learned."""

    abundances: Array
    endmembers: Array
    prior: Any
    model: Any


def place_photons(image: SpectrumImage, whole: SpectrumImage | None = None) -> Events:
    """Bring the photons of an image to the device, in arrays as large as those of the `whole`, or larger if need be."""
    exposure = jnp.asarray(image.takes_part.reshape(image.navigation_shape), jnp.float32)
    listed, heavy = split_heavy(image.counts)
    chunks = photon_chunks(listed, None if whole is None else split_heavy(whole.counts)[0])
    pixels = np.flatnonzero(np.diff(image.counts.indptr))
    most = pixels.size if whole is None else int(np.count_nonzero(np.diff(whole.counts.indptr)))
    extra = padded_size(max(pixels.size, most)) - pixels.size
    occupied = np.pad(pixels.astype(np.int32), (0, extra), constant_values=image.n_pixels)
    return Events(jax.device_put(chunks), exposure, heavy, jnp.asarray(occupied))


def sweep(
    events: Events, given: Any, chain: Chain, key: Array, prior: AbundancePrior, model: EndmemberModel | None
) -> tuple[Chain, Array]:
    """Draw everything once.

    Returns
    -------
    chain : Chain
    log_likelihood : scalar
        Poisson log-likelihood of the state that the photons were assigned under, without the term of the counts alone:
        of the state that the sweep *started* from, unless the prior compares whole compositions.
    """
    allocation_key, abundance_key, endmember_key = jax.random.split(key, 3)
    if weighs(prior):
        evidence = prior.weigh(events, chain.endmembers)
        chain = draw_abundances(events, evidence, chain, abundance_key, prior)
    by_pixel, by_channel, log_rate = assign(events, chain, allocation_key)
    log_likelihood = log_rate - chain.abundances.sum()
    if not weighs(prior):
        counts = by_pixel.reshape(-1, *events.exposure.shape)
        chain = draw_abundances(events, counts, chain, abundance_key, prior)
    if model is not None:
        endmembers, learned = model.draw(endmember_key, by_channel, given, chain.model)
        chain = chain._replace(endmembers=endmembers, model=learned)
    return chain, log_likelihood


def assign(events: Events, chain: Chain, key: Array) -> tuple[Array, Array, Array]:
    """Draw the component of every photon.

    Returns
    -------
    by_pixel : (K, P) array
        Photons of each component in each pixel.
    by_channel : (K, C) array
    log_rate : scalar
        Sum over photons of the logarithm of their expected counts.
    """
    found = draw_allocation(events.photons, chain.abundances, chain.endmembers, key)
    if events.heavy is None:
        return found
    more = draw_heavy(events.heavy, chain.abundances, chain.endmembers, jax.random.fold_in(key, 1))
    return found[0] + more[0], found[1] + more[1], found[2] + more[2]


def draw_abundances(events: Events, counts: Any, chain: Chain, key: Array, prior: AbundancePrior) -> Chain:
    """Draw the abundances given counts of each component in each pixel, or the evidence of a prior that weighs."""
    abundances, learned = prior.draw(key, counts, events.exposure, chain.prior)
    return chain._replace(abundances=abundances.reshape(chain.abundances.shape), prior=learned)


@partial(jax.jit, static_argnames=("prior", "model", "n"))
def advance_chain(
    events: Events,
    given: Any,
    chain: Chain,
    key: Array,
    prior: AbundancePrior,
    model: EndmemberModel | None,
    n: int,
) -> tuple[Chain, tuple[Array, Array]]:
    """Do n sweeps under one arbitrary choice of prior and model.

    Also return the endmembers (n, K, C) and the log-likelihood (n,) that each sweep started from.
    """

    def step(chain: Chain, key: Array) -> tuple[Chain, tuple[Array, Array]]:
        moved, log_likelihood = sweep(events, given, chain, key, prior, model)
        return moved, (chain.endmembers, log_likelihood)

    *renew_keys, key = jax.random.split(key, 3)
    return jax.lax.scan(step, _renew(chain, renew_keys, prior, model), jax.random.split(key, n))


class Sums(NamedTuple):
    """Hold sums over sweeps of the abundances and of their squares, (K, P) each."""

    first: Array
    second: Array


@partial(jax.jit, static_argnames="prior")
def advance_maps(
    events: Events, chain: Chain, sums: Sums, key: Array, prior: AbundancePrior, n: int
) -> tuple[Chain, Sums]:
    """Do n sweeps with fixed endmembers, and sum the abundances over the second half of them."""
    # The endmembers are fixed, so what whole compositions weigh stays the same.
    evidence = prior.weigh(events, chain.endmembers) if weighs(prior) else None

    def step(i: Array, state: tuple[Chain, Sums]) -> tuple[Chain, Sums]:
        if evidence is None:
            chain, _ = sweep(events, (), state[0], numbered(key, i), prior, None)
        else:
            chain = draw_abundances(events, evidence, state[0], numbered(key, i), prior)
        is_late = i >= n // 2
        first, second = state[1]
        return chain, Sums(first + is_late * chain.abundances, second + is_late * chain.abundances**2)

    *renew_keys, key = jax.random.split(key, 3)
    return jax.lax.fori_loop(0, n, step, (_renew(chain, renew_keys, prior, None), sums))


def _renew(chain: Chain, keys: list[Array], prior: AbundancePrior, model: EndmemberModel | None) -> Chain:
    return chain._replace(
        prior=renewed(prior, keys[0], chain.prior), model=renewed(model, keys[1], chain.model)
    )
