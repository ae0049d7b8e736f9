r"""Draw abundance maps given draws of the endmembers, under a prior of the whole map (the second half of a cut).

The endmembers are fixed at one of their draws for a few sweeps, then at the next, and so is the block grid of the
prior. Means and standard deviations come from the second half of these sweeps. Draws are kept as memory allows, so that
nothing grows with draws x pixels.

The number of sweeps follows from the spectra. A photon's component is drawn given the maps, so each sweep passes on
only a part of what a pixel's counts say about its maps. That part is the smallest eigenvalue of
:math:`\sqrt{w_k w_l} \sum_c e_{kc} e_{lc} / \sum_j w_j e_{jc}`, which is one minus the largest fraction of missing
information [1]_. A prior that compares whole compositions needs no such assignment, and so the fewest sweeps.

References
----------
.. [1] A. P. Dempster et al., "Maximum likelihood from incomplete data via the EM algorithm", J. R. Stat. Soc. B 39, 1
   (1977).
"""

from functools import partial
from threading import Event
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from bayesunmix.contracts.abundance_prior import AbundancePrior, weighs
from bayesunmix.data.image import SpectrumImage
from bayesunmix.data.posterior import affordable_draws
from bayesunmix.engine.sampling.chains import Checkpoint, advance_in_blocks, run_side_by_side
from bayesunmix.engine.sampling.gibbs import Chain, Sums, advance_maps, place_photons
from bayesunmix.running.progress import stage

NOWHERE = Checkpoint(None, "")
FEWEST_SWEEPS, MOST_SWEEPS = 4, 40


class Maps(NamedTuple):
    """Hold what was drawn.

    Attributes
    ----------
    draws : (chain, kept draw, P, K) float32 array
    mean, sd : (P, K) float64 arrays
        Mean and standard deviation over all sweeps.
    partners : (kept draw,) int array
        Number of the endmember draw that each kept draw belongs to.
    interrupted : bool
        True if there are fewer draws than wanted.
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
    *,
    prior: AbundancePrior,
    key: jax.Array,
    n_maps: int,
    sweeps_per_map: int | None,
    most_mib: float,
    kept: Checkpoint = NOWHERE,
    name: str = "maps",
    whole: SpectrumImage | None = None,
) -> Maps:
    """Draw maps given evenly spaced draws of the endmembers, chains side by side.

    Parameters
    ----------
    image : SpectrumImage
    endmembers : (chain, draw, K, C) array
        (chain, 1, K, C) for endmembers that are known.
    starts : list of (P, K) arrays
        Maps that each chain starts from.
    prior : AbundancePrior
    key : JAX key
    n_maps : int
        Draws per chain that are counted; a quarter as many come before them as warm-up.
    sweeps_per_map : int or None
        With None as many as the spectra need, from `FEWEST_SWEEPS` to `MOST_SWEEPS`.
    most_mib : float
        Memory for the draws that are kept, in MiB.
    kept : Checkpoint
    name : str
        Name of this stage, for the checkpoint.
    whole : SpectrumImage or None
        An image with about as many photons, or more: both then share compiled code.

    Returns
    -------
    Maps

    Raises
    ------
    KeyboardInterrupt
        If it comes before every chain has two draws.
    """
    events = place_photons(image, whole)
    n_chains, n_draws, n_components, _ = endmembers.shape
    chosen = np.linspace(0, n_draws - 1, n_maps).round().astype(int)
    n_kept = affordable_draws(n_maps, n_chains * image.n_pixels * n_components, most_mib)
    keep = set(np.linspace(0, n_maps - 1, n_kept).round().astype(int).tolist())
    n_warmup = max(n_maps // 4, 10)
    n_sweeps = sweeps_per_map or (
        FEWEST_SWEEPS if weighs(prior) else _sweeps_to_follow(endmembers.mean((0, 1)))
    )

    def begin(number: int) -> _State:
        maps = jnp.asarray(starts[number].T, jnp.float32)
        spectra = jnp.asarray(endmembers[number, 0], jnp.float32)
        nothing = jnp.zeros_like(maps)
        learned = prior.start(events.exposure, maps.reshape(-1, *image.navigation_shape))
        chain = Chain(maps, spectra, learned, ())
        return _State(chain, Sums(nothing, nothing))

    def advance(number: int, state: _State, block_key: jax.Array, block: int) -> tuple[Any, tuple]:
        draw = block - n_warmup
        spectra = jnp.asarray(endmembers[number, chosen[max(draw, 0)]], jnp.float32)
        chain, sums = advance_maps(
            events, state.chain._replace(endmembers=spectra), state.sums, block_key, prior, n_sweeps
        )
        if draw < 0:
            return _State(chain, state.sums), ()
        return _State(chain, sums), (np.asarray(chain.abundances).T,) if draw in keep else ()

    def run(number: int, stop: Event) -> tuple[_State, list[tuple]]:
        keys = jax.random.split(jax.random.fold_in(key, number), n_warmup + n_maps)
        step = partial(advance, number)
        return advance_in_blocks(step, begin(number), keys, stop, "maps", kept, f"{name}{number}")

    with stage("compiling the sampler of maps, once for each image size"):  # and not in every thread
        advance_maps(events, *begin(0), key, prior, 0)
    results, interrupted = run_side_by_side(run, n_chains)
    n = (n_sweeps - n_sweeps // 2) * sum(max(len(found) - n_warmup, 0) for _, found in results)
    draws = [[arrays[0] for arrays in found if arrays] for _, found in results]
    states = [state for state, _ in results]
    del results  # which holds every draw as well
    fewest = min(map(len, draws))
    if interrupted and fewest < 2:
        raise KeyboardInterrupt
    first, second = (
        np.sum([np.asarray(state.sums[moment], np.float64).T for state in states], axis=0) / n
        for moment in (0, 1)
    )
    kept_draws = np.empty((n_chains, fewest, *first.shape), np.float32)
    for chain, drawn in zip(kept_draws, draws, strict=True):
        for number in reversed(range(len(drawn))):
            draw = drawn.pop()  # let go of at once: never two copies of all
            if number < fewest:
                chain[number] = draw
    sd = np.sqrt(np.maximum(second - first**2, 0))
    return Maps(kept_draws, first, sd, chosen[sorted(keep)[:fewest]], interrupted)


def _sweeps_to_follow(endmembers: np.ndarray) -> int:
    """Return the sweeps in which photons of similar spectra, (K, C), in equal parts, exchange components twice over."""
    weighted = endmembers / np.sqrt(np.maximum(endmembers.mean(axis=0), np.finfo(float).tiny))
    arrives = np.linalg.eigvalsh(weighted @ weighted.T / len(endmembers))[0]
    return int(np.clip(2 / max(arrives, 1e-9), FEWEST_SWEEPS, MOST_SWEEPS))
