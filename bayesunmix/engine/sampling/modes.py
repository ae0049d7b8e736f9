"""Choose starting points for the chains: the ends of short chains with the higher mean log-likelihood.

The posterior has several modes, and a chain rarely leaves its own. On a foil with precipitates most starts lead to a
matrix that is split in two, which fits its noise. So twice as many short chains as needed are run, and the half with
the higher mean log-likelihood is kept. The log-likelihood of *draws* is a fair criterion: a mode that fits noise with
more freedom gains likelihood, but its draws scatter more and lose it again.

Short chains start in turn from the corners of the image (`bayesunmix.engine.subspace.corners`), which show a material
that is in few pixels, and from the best of a few binned fits (`bayesunmix.engine.fits.starts`). In their first sweeps
the prior of compositions (`bayesunmix.models.abundance_priors.dirichlet`) has fixed concentrations, under which pixels
consist mostly of the commonest component. What differs from it collects in the other endmembers, before these fit
noise. Afterwards the concentrations are learned. If no component prevails in the end, the chain starts again with
equal concentrations.
"""

from threading import Event
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from bayesunmix.contracts.abundance_prior import AbundancePrior
from bayesunmix.contracts.endmember_model import EndmemberModel, Prepared
from bayesunmix.data.image import SpectrumImage, sum_blocks
from bayesunmix.engine.device.events import Occupied, occupied, padded_size
from bayesunmix.engine.device.threefry import numpy_generator
from bayesunmix.engine.fits.starts import best_start
from bayesunmix.engine.fits.superpixels import Coarse, block_size, coarsen
from bayesunmix.engine.sampling.chains import run_side_by_side
from bayesunmix.engine.sampling.gibbs import Chain, advance_chain, place_photons
from bayesunmix.engine.subspace.corners import COUNTS_PER_CORNER, coarsen_for_corners, corner_start
from bayesunmix.running.progress import stage

N_STARTS = 4  # random starts of a binned fit
MOST_SHORT_CHAIN_PHOTONS = 500_000  # more do not help to distinguish modes
SWEEPS, N_FIXED, N_FREE = 20, 4, 8  # sweeps in a block; blocks with fixed and with free concentrations
PREVAILS = 0.6  # fraction of all counts
N_TRIED = 2  # short chains for each long one
FAR_BELOW = 3.0  # standard deviations of the log-likelihood of draws
LEAST_START = 1e-3  # counts: no component starts from nothing
# Concentrations of the commonest component and of the others, as in a foil with few precipitates; and equal ones.
_MOSTLY, _RARELY, _FREE = 5.0, 0.03, 0.5


class Beginning(NamedTuple):
    """Hold the start of a chain: maps (K, P) and endmembers (K, C)."""

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
    """Run short chains on superpixels, and return the ends with the higher mean log-likelihood, one for each chain.

    An end far below the best is replaced by the best.

    Parameters
    ----------
    image : SpectrumImage
    prepared : Prepared
    model : EndmemberModel
    compositions : AbundancePrior
        The Dirichlet prior, whose concentrations are fixed at first.
    key : JAX key
    n_chains : int

    Raises
    ------
    KeyboardInterrupt
    """
    n_components = prepared.n_components
    size = block_size(image, n_components, COUNTS_PER_CORNER, most=image.n_pixels)
    pooled = sum_blocks(image, size)
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
            for block, block_key in enumerate(jax.random.split(way_key, N_FIXED + N_FREE)):
                if stop.is_set():
                    break
                learning = jnp.asarray(block >= N_FIXED)
                chain, drawn = step(chain._replace(prior=chain.prior._replace(learning=learning)), block_key)
            shares = chain.abundances.sum(axis=1)
            if shares.max() > PREVAILS * shares.sum():
                break
        return chain, np.asarray(drawn, np.float64)

    n_tried = N_TRIED * n_chains
    begins = [begin(number) for number in range(n_tried)]
    with stage("compiling the sampler, once for each image size"):  # and not in every thread
        step(begins[0][0], key)
    ends, interrupted = run_side_by_side(run, n_tried)
    if interrupted:
        raise KeyboardInterrupt
    chosen = likelier([drawn for _, drawn in ends], n_chains)
    return [_spread(image, size, pooled, some, ends[number][0]) for number in chosen]


def likelier(drawn: list[np.ndarray], n: int) -> list[int]:
    """Choose the n with the highest mean log-likelihood, best first; the best again instead of one far below."""
    means = np.array([np.mean(values) for values in drawn])
    order = np.argsort(-means, kind="stable")[:n]
    best = order[0]
    near = means[order] >= means[best] - FAR_BELOW * np.std(drawn[best])
    return np.where(near, order, best).tolist()


def _spread(
    image: SpectrumImage, size: tuple[int, ...], pooled: SpectrumImage, some: Occupied, chain: Chain
) -> Beginning:
    """Give the pixels of a superpixel equal parts of its maps. Superpixels left out get the mean composition."""
    of_block, found = image.block_of_pixel(size), np.asarray(chain.abundances)[:, : some.pixels.size]
    maps = found.sum(axis=1, keepdims=True) / found.sum() * np.asarray(pooled.counts.sum(axis=1)).ravel()
    maps[:, some.pixels] = found
    n_pixels = np.maximum(np.bincount(of_block, image.takes_part), 1)
    return Beginning((maps / n_pixels)[:, of_block] + LEAST_START, np.asarray(chain.endmembers))


def _some(pixels: Occupied, key: jax.Array) -> Occupied:
    """Choose superpixels with counts at random, up to `MOST_SHORT_CHAIN_PHOTONS`; all of them if they have no more.

    Then the long chains of `bayes` use the same compiled code.
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
    """Start at corners if `number` is even, else at a binned fit; `coarse` has the coarse image of each."""
    if number % 2 == 0:
        abundances, endmembers = corner_start(
            pooled, pixels, n_components, key, 0.5 if number else 1.0, coarse=coarse[0]
        )
    else:
        fit = best_start(pooled, pixels, n_components, key, N_STARTS, coarse=coarse[1])
        abundances, endmembers = fit.abundances, fit.endmembers
    return Beginning(pixels.restore(abundances, pooled.n_pixels).T + LEAST_START, endmembers)


def _ways(maps: np.ndarray) -> list[jax.Array]:
    """Return concentrations (K,) to begin with: first those under which one component prevails, then equal ones."""
    mostly, free = (np.full(len(maps), value, np.float32) for value in (_RARELY, _FREE))
    mostly[np.argmax(maps.sum(axis=1))] = _MOSTLY
    return [jnp.asarray(mostly), jnp.asarray(free)]
