"""Abundance maps given draws of the endmembers, under a prior of the whole map: the second half of a cut posterior.

Endmembers are held at one of their draws for a few sweeps, then at the next. Means and spreads come from all sweeps,
draws are kept as memory allows, so nothing grows with draws x pixels.
"""

from functools import partial
from threading import Event
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from bayesunmix.abundance_prior import AbundancePrior
from bayesunmix.engine.chains import Checkpoint, blocks, side_by_side
from bayesunmix.engine.gibbs import Chain, Sums, advance_maps, lay_out
from bayesunmix.image import SpectrumImage
from bayesunmix.posterior import affordable_draws

NOWHERE = Checkpoint(None, "")


class Maps(NamedTuple):
    """What was drawn.

    Attributes
    ----------
    draws : (chain, kept draw, P, K) float32 array
    mean, sd : (P, K) float64 arrays
        Over all sweeps.
    partners : (kept draw,) int array
        The draw of the endmembers that each kept draw belongs to.
    interrupted : bool
        Whether there are fewer than asked for.
    """

    draws: np.ndarray
    mean: np.ndarray
    sd: np.ndarray
    partners: np.ndarray
    interrupted: bool


class _State(NamedTuple):
    chain: Chain
    sums: Sums


def draw_maps(
    image: SpectrumImage,
    endmembers: np.ndarray,
    starts: list[np.ndarray],
    prior: AbundancePrior,
    key: jax.Array,
    n_maps: int,
    sweeps_per_map: int,
    most_mib: float,
    kept: Checkpoint = NOWHERE,
    name: str = "maps",
) -> Maps:
    """Draw maps given evenly spaced draws of the endmembers, chains side by side.

    Parameters
    ----------
    image : SpectrumImage
    endmembers : (chain, draw, K, C) array
        For endmembers that are known, (chain, 1, K, C).
    starts : list of (P, K) arrays
        One a chain.
    prior : AbundancePrior
    key : JAX key
    n_maps : int
        Draws a chain that are counted; a quarter as many come before them.
    sweeps_per_map : int
    most_mib : float
        For the draws that are kept.
    kept : Checkpoint
    name : str
        Of this stage, for the checkpoint.

    Returns
    -------
    Maps

    Raises
    ------
    KeyboardInterrupt
        If it comes before every chain has two draws.
    """
    events = lay_out(image)
    n_chains, n_draws, n_components, _ = endmembers.shape
    chosen = np.linspace(0, n_draws - 1, n_maps).round().astype(int)
    n_kept = affordable_draws(n_maps, n_chains * image.n_pixels * n_components, most_mib)
    keep = set(np.linspace(0, n_maps - 1, n_kept).round().astype(int).tolist())
    n_warmup = max(n_maps // 4, 10)

    def begin(number: int) -> _State:
        maps = jnp.asarray(starts[number].T, jnp.float32)
        spectra = jnp.asarray(endmembers[number, 0], jnp.float32)
        nothing = jnp.zeros_like(maps)
        chain = Chain(maps, spectra, prior.start(events.exposure, n_components), ())
        return _State(chain, Sums(nothing, nothing))

    def advance(number: int, state: _State, block_key: jax.Array, block: int) -> tuple[Any, tuple]:
        draw = block - n_warmup
        spectra = jnp.asarray(endmembers[number, chosen[max(draw, 0)]], jnp.float32)
        chain, sums = advance_maps(
            events, state.chain._replace(endmembers=spectra), state.sums, block_key, prior, sweeps_per_map
        )
        if draw < 0:
            return _State(chain, state.sums), ()
        return _State(chain, sums), (np.asarray(chain.abundances).T,) if draw in keep else ()

    def run(number: int, stop: Event) -> tuple[_State, list[tuple]]:
        keys = jax.random.split(jax.random.fold_in(key, number), n_warmup + n_maps)
        step = partial(advance, number)
        return blocks(step, begin(number), keys, stop, "maps", kept, f"{name}{number}")

    advance(0, begin(0), key, 0)  # compiles, once for all threads
    results, interrupted = side_by_side(run, n_chains)
    draws = [[arrays[0] for arrays in found if arrays] for _, found in results]
    fewest = min(map(len, draws))
    if interrupted and fewest < 2:
        raise KeyboardInterrupt
    n = sweeps_per_map * sum(max(len(found) - n_warmup, 0) for _, found in results)
    first, second = (
        np.sum([np.asarray(state.sums[moment], np.float64).T for state, _ in results], axis=0) / n
        for moment in (0, 1)
    )
    kept_draws = np.stack([np.stack(chain[:fewest]) for chain in draws])
    sd = np.sqrt(np.maximum(second - first**2, 0))
    return Maps(kept_draws, first, sd, chosen[sorted(keep)[:fewest]], interrupted)
