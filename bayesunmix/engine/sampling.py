"""Draw endmembers and abundances together: chains from starts of their own, numbered alike afterwards.

A posterior of several modes holds a chain in the one where it began. So chains begin in two ways in turn: at the
corners of the image (`bayesunmix.engine.corners`), which show a material that few pixels hold, and at the likeliest of
a few binned fits (`bayesunmix.engine.starts`), which is better where materials overlap. After three quarters of the
warm-up a chain whose log-likelihood is lower than another's by more than it fluctuates goes on from where that one is.
"""

from functools import partial
from threading import Event
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from bayesunmix.abundance_prior import AbundancePrior
from bayesunmix.alignment import relabel_chains
from bayesunmix.endmember_model import EndmemberModel, Prepared
from bayesunmix.engine.chains import Checkpoint, blocks, side_by_side
from bayesunmix.engine.corners import corner_start
from bayesunmix.engine.events import Occupied, occupied
from bayesunmix.engine.gamma_poisson import log_volume
from bayesunmix.engine.gibbs import Chain, advance, lay_out
from bayesunmix.engine.starts import best_start
from bayesunmix.image import SpectrumImage
from bayesunmix.posterior import Posterior

MOST_R_HAT = 1.05
STAGES = ("warmup", "endmembers")  # of checkpoints
FEWEST_DRAWS = 20  # after which an interrupted run has a result
N_STARTS = 4  # of the binned fits
CLEARLY = 1.0  # standard deviations of a chain's log-likelihood
FLOOR = 1e-3  # counts: no component starts from nothing


class Schedule(NamedTuple):
    """Sweeps in a block, sweeps from one draw of the endmembers to the next (it divides a block), and blocks."""

    block: int
    thin: int
    n_warmup: int
    n_blocks: int


class Sampled(NamedTuple):
    """What was drawn.

    Attributes
    ----------
    posterior : Posterior
        Abundances are those at the beginning of every block, or at the end.
    prepared : Prepared
        What the model made of the image.
    warnings : list of str
        Its own, and of chains that began again.
    n_relabelled : int
        Chains whose numbering differed from the first one's.
    interrupted : bool
    """

    posterior: Posterior
    prepared: Prepared
    warnings: list[str]
    n_relabelled: int
    interrupted: bool


def sample(
    image: SpectrumImage,
    n_components: int | None,
    model: EndmemberModel,
    prior: AbundancePrior,
    key: jax.Array,
    n_chains: int,
    schedule: Schedule,
    keep_maps: bool,
    kept: Checkpoint,
) -> Sampled:
    """Sample the joint posterior of endmembers and abundances.

    Parameters
    ----------
    image : SpectrumImage
    n_components : int or None
        None where the model knows it.
    model : EndmemberModel
    prior : AbundancePrior
    key : JAX key
    n_chains : int
    schedule : Schedule
    keep_maps : bool
        Keep the abundances at the beginning of every block; otherwise those at the end.
    kept : Checkpoint

    Returns
    -------
    Sampled

    Raises
    ------
    KeyboardInterrupt
        If it comes before every chain has `FEWEST_DRAWS` draws.
    """
    prepared = model.prepare(image, n_components)
    events, pixels = lay_out(image), occupied(image)
    start_keys, chain_keys = (jax.random.split(k, n_chains) for k in jax.random.split(key))
    chains = []
    for number, start_key in enumerate(start_keys):
        abundances, spectra = _begin(image, pixels, prepared, start_key, number)
        maps = pixels.restore(abundances, image.n_pixels).T + FLOOR
        endmembers, learned = model.start(prepared.given, spectra)
        begin = prior.start(events.exposure, prepared.n_components)
        chains.append(Chain(jnp.asarray(maps, jnp.float32), endmembers, begin, learned))

    n_first = -(-3 * schedule.n_warmup // 4)
    n_more = schedule.n_warmup - n_first

    def run(first: int, last: int | None, stage: str, number: int, stop: Event) -> tuple[Chain, list[tuple]]:
        def step(chain: Chain, block_key: jax.Array, block: int) -> tuple[Chain, tuple]:
            maps = (
                (np.asarray(chain.abundances).T,) if keep_maps and first + block >= schedule.n_warmup else ()
            )
            chain, drawn = advance(events, prepared.given, chain, block_key, prior, model, schedule.block)
            return chain, (*(np.asarray(part)[:: schedule.thin] for part in drawn), *maps)

        keys = jax.random.split(chain_keys[number], schedule.n_warmup + schedule.n_blocks)[first:last]
        return blocks(step, chains[number], keys, stop, "endmembers", kept, f"{stage}{number}")

    # Compiles, once for all threads.
    advance(events, prepared.given, chains[0], key, prior, model, schedule.block)
    begun, interrupted = side_by_side(partial(run, 0, n_first, STAGES[0]), n_chains)
    if interrupted:
        raise KeyboardInterrupt
    of_chain = _likeliest(
        [np.concatenate([block[1] for block in found[n_first // 2 :]]) for _, found in begun]
    )
    chains = [begun[i][0] for i in of_chain]
    results, interrupted = side_by_side(partial(run, n_first, None, STAGES[1]), n_chains)
    # All chains as long as the shortest one.
    n_blocks = min(len(found) for _, found in results) - n_more
    if interrupted and n_blocks * (schedule.block // schedule.thin) < FEWEST_DRAWS:
        raise KeyboardInterrupt
    counted = slice(n_more, n_more + n_blocks)
    spectra, log_likelihood = (
        np.stack([np.concatenate([block[part] for block in found[counted]]) for _, found in results])
        for part in (0, 1)
    )
    abundances = np.stack(
        [
            np.stack(
                [block[2] for block in found[counted]] if keep_maps else [np.asarray(chain.abundances).T]
            )
            for chain, found in results
        ]
    )
    statistics = {"log_likelihood": log_likelihood}
    if np.ptp(overlap := log_volume(spectra)) > 0:  # known spectra stay as they are
        statistics["endmember_overlap"] = overlap
    last = spectra.shape[1] - 1
    partners = np.arange(n_blocks) * (schedule.block // schedule.thin) if keep_maps else np.array([last])
    posterior, n_relabelled = relabel_chains(Posterior(spectra, abundances, statistics, partners=partners))
    return Sampled(posterior, prepared, prepared.warnings + _about(of_chain), n_relabelled, interrupted)


def _begin(
    image: SpectrumImage, pixels: Occupied, prepared: Prepared, key: jax.Array, number: int
) -> tuple[np.ndarray, np.ndarray]:
    """Abundances (K, padded pixels) and endmembers (K, C) that a chain begins with."""
    if prepared.spectra is None and number % 2 == 0:
        return corner_start(image, pixels, prepared.n_components, key, 0.5 if number else 1.0)
    n_starts = N_STARTS if prepared.spectra is None else 1
    start = best_start(image, pixels, prepared.n_components, key, n_starts, prepared.spectra)
    return start.abundances, start.endmembers


def _likeliest(log_likelihoods: list[np.ndarray]) -> list[int]:
    """For each chain, which one to go on from: itself, or the likeliest if it is clearly less likely."""
    means = [values.mean() for values in log_likelihoods]
    spread = float(np.sqrt(np.mean([values.var() for values in log_likelihoods])))
    best = int(np.argmax(means))
    return [best if means[best] - mean > CLEARLY * spread else i for i, mean in enumerate(means)]


def _about(of_chain: list[int]) -> list[str]:
    n_again = sum(i != number for number, i in enumerate(of_chain))
    if not n_again:
        return []
    return [
        f"{n_again} of {len(of_chain)} chains began with endmembers that the counts make less likely, and went on from "
        "where the likeliest chain was; there may be other solutions: try more chains and seeds"
    ]
