"""Draw endmembers and abundances together, from the starts of `modes`, with one component order for all chains."""

from dataclasses import replace
from threading import Event
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from bayesunmix.contracts.abundance_prior import AbundancePrior
from bayesunmix.contracts.endmember_model import EndmemberModel, Prepared
from bayesunmix.data.agreement import MOST_R_HAT
from bayesunmix.data.alignment import relabel_chains
from bayesunmix.data.image import SpectrumImage
from bayesunmix.data.info import Modes
from bayesunmix.data.posterior import Posterior
from bayesunmix.engine.device.events import occupied
from bayesunmix.engine.fits.starts import best_start
from bayesunmix.engine.sampling.chains import Checkpoint, advance_in_blocks, run_side_by_side
from bayesunmix.engine.sampling.gamma_poisson import of_gram_matrix
from bayesunmix.engine.sampling.gibbs import Chain, advance_chain, place_photons
from bayesunmix.engine.sampling.modes import LEAST_START, Beginning, find_modes
from bayesunmix.engine.sampling.solutions import (
    held_out_scores,
    pooled_order,
    solution_of_chain,
    weigh,
)
from bayesunmix.running.progress import stage

LONGER = 2  # factor for chains that disagree
FEWEST_DRAWS = 20  # an interrupted run with as many has a result


class Schedule(NamedTuple):
    """Say how long chains are.

    Attributes
    ----------
    block : int
        Sweeps in a block.
    thin : int
        Sweeps from one draw of the endmembers to the next; divides a block.
    n_warmup, n_blocks : int
        Blocks of warm-up, and blocks of draws.
    again : bool
        Continue chains that disagree: all draws so far become warm-up, and as many are made `LONGER` times as far
        apart.
    every : int
        Keep one of so many draws.
    """

    block: int
    thin: int
    n_warmup: int
    n_blocks: int
    again: bool
    every: int = 1


def stages_of(name: str) -> tuple[str, str]:
    """Name the stages of a run for its checkpoints: the first chains, and their continuation."""
    return name, f"{name}_again"


class Sampled(NamedTuple):
    """Hold what was drawn.

    Attributes
    ----------
    posterior : Posterior
        Abundances are those at the beginning of every block, or at the end.
    n_relabelled : int
        Number of chains whose component order differed from that of the first.
    n_sweeps : int
        Sweeps of each chain, warm-up included.
    interrupted : bool
    modes : Modes or None
        The solutions that chains which disagree have found. The draws are pooled over them, while the statistics stay
        those of the chains as they were.
    """

    posterior: Posterior
    n_relabelled: int
    n_sweeps: int
    interrupted: bool
    modes: Modes | None = None


def sample_jointly(
    image: SpectrumImage,
    prepared: Prepared,
    model: EndmemberModel,
    *,
    prior: AbundancePrior,
    compositions: AbundancePrior,
    key: jax.Array,
    n_chains: int,
    schedule: Schedule,
    keep_maps: bool,
    occupied_only: bool,
    kept: Checkpoint,
    name: str = "endmembers",
    begins: list[Beginning] | None = None,
    pool: bool = True,
) -> Sampled:
    """Sample the joint posterior of endmembers and abundances.

    Parameters
    ----------
    image : SpectrumImage
    prepared : Prepared
        What the model prepared from the image, or from the image whose pixels were summed to this one.
    model : EndmemberModel
    prior : AbundancePrior
    compositions : AbundancePrior
        The Dirichlet prior, for the short chains that find the starts of the long ones (`find_modes`).
    key : JAX key
    n_chains : int
    schedule : Schedule
    keep_maps : bool
        Keep the abundances at the beginning of every block; otherwise those at the end.
    occupied_only : bool
        Leave out pixels without counts, which saves time for a needle in vacuum. Use it with a prior that learns
        nothing from them and does not look at neighbours. Their abundances are 0.
    kept : Checkpoint
    name : str
        Name of the run, for its checkpoints.
    begins : list of Beginning, optional
        Where the chains start; found by `find_modes` where not given.
    pool : bool
        Pool chains that disagree (`bayesunmix.engine.sampling.solutions`).

    Returns
    -------
    Sampled

    Raises
    ------
    KeyboardInterrupt
        If it comes before every chain has `FEWEST_DRAWS` draws.
    """
    filled = occupied(image) if occupied_only else None
    part = image if filled is None else filled.line(image)
    events = place_photons(part)
    start_key, key = jax.random.split(key)
    chains = []
    for maps, spectra in begins or _begin(image, prepared, model, compositions, start_key, n_chains):
        begun = jnp.asarray(maps if filled is None else filled.along_line(maps), jnp.float32)
        endmembers, learned = model.start(prepared.given, spectra)
        of_grid = begun.reshape(-1, *part.navigation_shape)
        chains.append(Chain(begun, endmembers, prior.start(events.exposure, of_grid), learned))

    def draw(stage: str, chains: list[Chain], n_warmup: int, n_blocks: int, run_key: jax.Array) -> tuple:
        def step(chain: Chain, block_key: jax.Array, block: int) -> tuple[Chain, tuple]:
            maps = (np.asarray(chain.abundances).T,) if keep_maps and block >= n_warmup else ()
            chain, found = advance_chain(
                events, prepared.given, chain, block_key, prior, model, schedule.block
            )
            return chain, (*(np.asarray(part)[:: schedule.thin] for part in found), *maps)

        def run(number: int, stop: Event) -> tuple[Chain, list[tuple]]:
            keys = jax.random.split(jax.random.fold_in(run_key, number), n_warmup + n_blocks)
            return advance_in_blocks(step, chains[number], keys, stop, "endmembers", kept, f"{stage}{number}")

        results, interrupted = run_side_by_side(run, n_chains)
        return [chain for chain, _ in results], [found[n_warmup:] for _, found in results], interrupted

    with stage("compiling the sampler, once for each image size"):  # and not in every thread
        advance_chain(events, prepared.given, chains[0], key, prior, model, schedule.block)
    chains, found, interrupted = draw(stages_of(name)[0], chains, schedule.n_warmup, schedule.n_blocks, key)
    # All chains as long as the shortest one.
    n_blocks = min(map(len, found))
    if interrupted and n_blocks * (schedule.block // schedule.thin) // schedule.every < FEWEST_DRAWS:
        raise KeyboardInterrupt
    n_sweeps = schedule.block * (schedule.n_warmup + n_blocks)
    posterior = _posterior(chains, found, n_blocks, schedule.every)
    if schedule.again and not interrupted and not agree(posterior):
        n_longer, run_key = LONGER * schedule.n_blocks, jax.random.fold_in(key, n_chains)
        chains, found, interrupted = draw(stages_of(name)[1], chains, 0, n_longer, run_key)
        if not interrupted:
            posterior = _posterior(chains, found, n_longer, LONGER * schedule.every)
            n_sweeps += schedule.block * n_longer
    if filled is not None:
        maps = filled.restore(np.swapaxes(posterior.abundances, -1, -2), image.n_pixels)
        posterior = replace(posterior, abundances=maps)
    posterior, n_relabelled = relabel_chains(posterior)
    solution = solution_of_chain(posterior.endmembers)
    if not pool or interrupted or agree(posterior) or not solution.any():
        return Sampled(posterior, n_relabelled, n_sweeps, interrupted)
    score_key = jax.random.fold_in(key, n_chains + 1)
    scores = held_out_scores(
        part, prepared.given, model, prior=prior, chains=chains, block=schedule.block, key=score_key
    )
    if scores is None:
        return Sampled(posterior, n_relabelled, n_sweeps, interrupted=True)
    modes = weigh(solution, scores)
    return Sampled(_pooled(posterior, modes), n_relabelled, n_sweeps, interrupted, modes)


def agree(posterior: Posterior) -> bool:
    """Say whether the chains agree in every statistic."""
    return posterior.diagnostics()["r_hat"] < MOST_R_HAT  # not where it is NaN


def _pooled(posterior: Posterior, modes: Modes) -> Posterior:
    """Take draws from the chains by the weights of their solutions, maps together with their endmembers."""
    endmembers, abundances = posterior.endmembers, posterior.abundances
    (n_chains, n_draws), n_maps = endmembers.shape[:2], abundances.shape[1]
    per_map = n_draws // n_maps if n_maps > 1 else 1
    chain, number = pooled_order(modes, n_chains, n_draws // per_map)
    draw = (number[..., None] * per_map + np.arange(per_map)).reshape(n_chains, -1)
    maps = abundances[chain, number] if n_maps > 1 else abundances[chain[:, 0]]
    return replace(posterior, endmembers=endmembers[np.repeat(chain, per_map, axis=1), draw], abundances=maps)


def sampling_warnings(r_hat: float, *, interrupted: bool, modes: Modes | None = None) -> list[str]:
    """Return a sentence if the run was interrupted, and one if the chains disagree."""
    sentences = []
    if modes is not None:
        shares = ", ".join(f"{100 * weight:.0f} %" for weight in modes["weights"])
        sentences.append(
            f"The chains found {len(modes['weights'])} solutions, and all draws are pooled over them, weighted by "
            f"photons held out: {shares}. More chains (n_chains) would show whether there are others."
        )
    if interrupted:
        sentences.append("The run was interrupted, so there are fewer draws than requested. Run it again.")
    if not r_hat < MOST_R_HAT:  # nor NaN
        sentences.append(
            f"The chains disagree: R-hat is {r_hat:.3f} and should be below {MOST_R_HAT}. Raise n_warmup and n_draws; "
            "if it stays high, several solutions may fit the image (see bayesunmix.identify)."
        )
    return sentences


def _posterior(chains: list[Chain], found: list[list[tuple]], n_blocks: int, every: int) -> Posterior:
    """Join blocks of draws (endmembers, log-likelihoods, perhaps maps), one of `every`, in each chain's own order."""
    spectra, log_likelihood = (
        np.stack(
            [np.concatenate([block[part] for block in of_chain[:n_blocks]])[::every] for of_chain in found]
        )
        for part in (0, 1)
    )
    with_maps, per_block = len(found[0][0]) > 2, len(found[0][0][0])
    if with_maps:
        abundances = np.stack(
            [np.stack([block[2] for block in of_chain[:n_blocks:every]]) for of_chain in found]
        )
        partners = np.arange(abundances.shape[1]) * per_block
    else:
        abundances = np.stack([np.asarray(chain.abundances).T[None] for chain in chains])
        partners = np.array([spectra.shape[1] - 1])
    statistics = {"log_likelihood": log_likelihood}
    for statistic, values in of_gram_matrix(spectra).items():
        if np.ptp(values) > 0:  # known spectra stay as they are
            statistics[statistic] = values
    return Posterior(spectra, abundances, statistics, partners=partners)


def _begin(
    image: SpectrumImage,
    prepared: Prepared,
    model: EndmemberModel,
    compositions: AbundancePrior,
    key: jax.Array,
    n_chains: int,
) -> list[Beginning]:
    if prepared.spectra is None:
        return find_modes(image, prepared, model, compositions=compositions, key=key, n_chains=n_chains)
    pixels = occupied(image)
    start = best_start(image, pixels, prepared.n_components, key, 1, prepared.spectra)
    maps = pixels.restore(start.abundances, image.n_pixels).T + LEAST_START
    return [Beginning(maps, start.endmembers)] * n_chains
