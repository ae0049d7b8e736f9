"""Where chains begin: at the ends of short chains that are held near one commonest component at first.

A posterior of several modes holds a chain in the one where it began, for longer than anyone waits. On a foil with
precipitates the way from most starts leads to a matrix that is split in two, which fits its noise. So short chains
begin with endmembers at the corners of the image (`bayesunmix.engine.subspace.corners`), which show a material that
few pixels hold, or at the likeliest of a few binned fits (`bayesunmix.engine.fits.starts`), in turn; and for their
first sweeps the prior of compositions (`bayesunmix.models.abundance_priors.dirichlet`) is held at concentrations
under which pixels are mostly of the commonest component. What differs from it gathers in the other endmembers before
noise finds a use for them. Afterwards the prior is learned. Where no component turns out to prevail, a chain begins
again with free compositions.

Twice as many are run as chains are asked for, and the likelier half is taken. The log-likelihood of *draws* may choose:
what a mode gains by fitting noise with more freedom is what its draws lose by scattering.
"""

from threading import Event
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from bayesunmix.contracts.abundance_prior import AbundancePrior
from bayesunmix.contracts.endmember_model import EndmemberModel, Prepared
from bayesunmix.data.image import SpectrumImage
from bayesunmix.engine.device.events import Occupied, occupied, padded_size
from bayesunmix.engine.device.threefry import numpy_generator
from bayesunmix.engine.fits.starts import best_start
from bayesunmix.engine.fits.superpixels import Coarse, block_size, coarsen
from bayesunmix.engine.sampling.chains import side_by_side
from bayesunmix.engine.sampling.gibbs import Chain, advance_chain, place_photons
from bayesunmix.engine.subspace.corners import COUNTS_PER_CORNER, coarsen_for_corners, corner_start

N_STARTS = 4  # of the binned fits
MOST_SHORT_CHAIN_PHOTONS = 500_000  # more tell modes apart no better
SWEEPS, N_HELD, N_FREE = 20, 4, 8  # in a block, and blocks
PREVAILS = 0.6  # of all counts
N_TRIED = 2  # short chains for each one asked for
FAR_BELOW = 3.0  # standard deviations of the log-likelihood of draws: no mode to draw from
LEAST_START = 1e-3  # counts: no component starts from nothing
# Concentrations: of the commonest component and the others, about those that `trace_precipitates` has; and of all.
_MOSTLY, _RARELY, _FREE = 5.0, 0.03, 0.5


class Beginning(NamedTuple):
    """Where a chain begins: maps (K, P) and endmembers (K, C)."""

    maps: np.ndarray
    endmembers: np.ndarray


def find_modes(
    image: SpectrumImage,
    prepared: Prepared,
    model: EndmemberModel,
    *,
    compositions: AbundancePrior,
    key: jax.Array,
    n_chains: int,
) -> list[Beginning]:
    """Run short chains on superpixels, and return where the likelier ones end: one a chain.

    One that ends far below the likeliest begins where that one does.

    Parameters
    ----------
    image : SpectrumImage
    prepared : Prepared
    model : EndmemberModel
    compositions : AbundancePrior
        The Dirichlet prior, whose concentrations are held at first.
    key : JAX key
    n_chains : int

    Raises
    ------
    KeyboardInterrupt
    """
    n_components = prepared.n_components
    size = block_size(image, n_components, COUNTS_PER_CORNER, most=image.n_pixels)
    pooled = image.rebin(size)
    pixels = occupied(pooled)
    choice_key, start_key, chain_key = jax.random.split(key, 3)
    some = _some(pixels, choice_key)
    coarse = coarsen_for_corners(pooled, n_components), coarsen(pooled, n_components)
    part = some.line(pooled)
    events, prior = place_photons(part), compositions

    def begin(number: int) -> tuple[Chain, list[jax.Array]]:
        number_key = jax.random.fold_in(start_key, number)
        start = _start(pooled, pixels, n_components, number_key, number, coarse)
        maps = jnp.asarray(some.along_line(start.maps), jnp.float32)
        endmembers, learned = model.start(prepared.given, start.endmembers)
        begun = prior.start(events.exposure, maps.reshape(-1, *part.navigation_shape))
        return Chain(maps, endmembers, begun, learned), _ways(start.maps)

    def step(chain: Chain, key: jax.Array) -> tuple[Chain, jax.Array]:
        chain, (_, log_likelihood) = advance_chain(events, prepared.given, chain, key, prior, model, SWEEPS)
        return chain, log_likelihood

    def run(number: int, stop: Event) -> tuple[Chain, np.ndarray]:
        (begun, ways), drawn = begins[number], jnp.zeros(SWEEPS)
        for way, concentrations in enumerate(ways):
            chain = begun._replace(
                prior=begun.prior._replace(concentrations=concentrations, learning=jnp.asarray(False))
            )
            way_key = jax.random.fold_in(jax.random.fold_in(chain_key, number), way)
            for block, block_key in enumerate(jax.random.split(way_key, N_HELD + N_FREE)):
                if stop.is_set():
                    break
                learning = jnp.asarray(block >= N_HELD)
                chain, drawn = step(chain._replace(prior=chain.prior._replace(learning=learning)), block_key)
            shares = chain.abundances.sum(axis=1)
            if shares.max() > PREVAILS * shares.sum():
                break
        return chain, np.asarray(drawn, np.float64)

    n_tried = N_TRIED * n_chains
    begins = [begin(number) for number in range(n_tried)]
    step(begins[0][0], key)  # compiles, once for all threads
    ends, interrupted = side_by_side(run, n_tried)
    if interrupted:
        raise KeyboardInterrupt
    chosen = likelier([drawn for _, drawn in ends], n_chains)
    return [_spread(image, size, pooled, some, ends[number][0]) for number in chosen]


def likelier(drawn: list[np.ndarray], n: int) -> list[int]:
    """Choose the n likeliest by log-likelihoods of draws, best first; the best again instead of one far below."""
    means = np.array([np.mean(values) for values in drawn])
    order = np.argsort(-means, kind="stable")[:n]
    best = order[0]
    near = means[order] >= means[best] - FAR_BELOW * np.std(drawn[best])
    return np.where(near, order, best).tolist()


def _spread(
    image: SpectrumImage, size: tuple[int, ...], pooled: SpectrumImage, some: Occupied, chain: Chain
) -> Beginning:
    """Give the pixels of a superpixel equal parts of its maps; those left out have the composition of the others."""
    of_block, found = image.block_of_pixel(size), np.asarray(chain.abundances)[:, : some.pixels.size]
    maps = found.sum(axis=1, keepdims=True) / found.sum() * np.asarray(pooled.counts.sum(axis=1)).ravel()
    maps[:, some.pixels] = found
    n_pixels = np.maximum(np.bincount(of_block, image.takes_part), 1)
    return Beginning((maps / n_pixels)[:, of_block] + LEAST_START, np.asarray(chain.endmembers))


def _some(pixels: Occupied, key: jax.Array) -> Occupied:
    """Choose superpixels with counts at random, up to `MOST_SHORT_CHAIN_PHOTONS`; all of them where they hold no more.

    Then the long chains of `bayes` need the same compiled code.
    """
    rng = numpy_generator(key)
    order = rng.permutation(pixels.pixels.size)
    totals = np.asarray(pixels.counts.sum(axis=1)).ravel()
    enough = np.searchsorted(np.cumsum(totals[order]), MOST_SHORT_CHAIN_PHOTONS, side="right")
    chosen = np.sort(order[: max(int(enough), 1)])
    return Occupied(pixels.counts[chosen], pixels.pixels[chosen], padded_size(chosen.size))


def _start(
    pooled: SpectrumImage,
    pixels: Occupied,
    n_components: int,
    key: jax.Array,
    number: int,
    coarse: tuple[Coarse, Coarse],
) -> Beginning:
    """Start at corners, with an even number, or at a binned fit; `coarse` has the image that each of them looks at."""
    if number % 2 == 0:
        abundances, endmembers = corner_start(
            pooled, pixels, n_components, key, 0.5 if number else 1.0, coarse=coarse[0]
        )
    else:
        fit = best_start(pooled, pixels, n_components, key, N_STARTS, coarse=coarse[1])
        abundances, endmembers = fit.abundances, fit.endmembers
    return Beginning(pixels.restore(abundances, pooled.n_pixels).T + LEAST_START, endmembers)


def _ways(maps: np.ndarray) -> list[jax.Array]:
    """Concentrations (K,) to begin with: one component prevails, or none."""
    mostly, free = (np.full(len(maps), value, np.float32) for value in (_RARELY, _FREE))
    mostly[np.argmax(maps.sum(axis=1))] = _MOSTLY
    return [jnp.asarray(mostly), jnp.asarray(free)]
