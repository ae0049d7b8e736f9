"""Bayesian Poisson NMF by Gibbs sampling over photons: exact draws from the Gamma-Poisson posterior.

Each sweep draws the component of every photon (multinomial augmentation), after which abundances and endmembers
have closed-form conditionals (see `bayesunmix.engine.gamma_poisson`). Chains start from separate random binned fits, so
that R-hat can see a posterior with several modes; their components are numbered alike afterwards. R-hat and the
effective sample size are computed on quantities that do not depend on that numbering.
"""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from bayesunmix.alignment import relabel_chains
from bayesunmix.engine.events import Chunks, occupied, photon_chunks
from bayesunmix.engine.gamma_poisson import Prior, State, draw_empty, log_volume, prior_for, sweep
from bayesunmix.engine.starts import best_start
from bayesunmix.factorization import Factorization
from bayesunmix.image import SpectrumImage
from bayesunmix.method import METHODS, Unmixing
from bayesunmix.posterior import Posterior, affordable_draws
from bayesunmix.progress import track
from bayesunmix.settings import require_positive

MOST_R_HAT = 1.05


@METHODS.register("bayes_gibbs")
@dataclass(frozen=True)
class BayesGibbs:
    """Gibbs sampling of the blind Gamma-Poisson model (Cemgil 2009).

    Parameters
    ----------
    n_chains, n_warmup, n_draws : int
        Chains, discarded sweeps a chain, and kept sweeps a chain.
    abundance_shape : float
        Shape of the Gamma prior of an abundance.
    abundance_rate : float or None
        Its rate, 1/counts; by default the prior mean equals the mean counts of the image's occupied pixels.
    endmember_concentration : float
        Dirichlet concentration of each channel.
    n_starts : int
        Random starts of the binned fit that each chain begins from.
    most_draws_mib : float
        Memory for abundance draws; beyond it evenly spaced draws are kept, at least 20 a chain.
    """

    n_chains: int = 2
    n_warmup: int = 100
    n_draws: int = 200
    abundance_shape: float = 0.5
    abundance_rate: float | None = None
    endmember_concentration: float = 0.5
    n_starts: int = 4
    most_draws_mib: float = 256

    def __post_init__(self) -> None:
        require_positive(self)

    def fit(self, image: SpectrumImage, n_components: int, key: jax.Array) -> Unmixing:
        """Draw from the posterior of `n_components` endmembers and abundances."""
        pixels = occupied(image)
        prior = prior_for(
            pixels, n_components, self.abundance_shape, self.abundance_rate, self.endmember_concentration
        )
        photons = jax.device_put(photon_chunks(pixels.counts))
        kept = affordable_draws(
            self.n_draws, self.n_chains * image.n_pixels * n_components, self.most_draws_mib
        )
        stride = -(-self.n_draws // kept)
        start_key, empty_key, *chain_keys = jax.random.split(key, 2 + self.n_chains)
        starts = [
            best_start(image, pixels, n_components, chain_start, self.n_starts)
            for chain_start in jax.random.split(start_key, self.n_chains)
        ]
        states = [State(jnp.asarray(start.abundances), jnp.asarray(start.endmembers)) for start in starts]
        advance = partial(_advance, photons, prior, n=stride)
        advance(states[0], key)  # compiles: threads would each do so for themselves
        sample = partial(self._run_chain, advance, stride)
        # A sweep keeps one core busy; chains in threads use the others.
        with ThreadPoolExecutor(self.n_chains) as pool:
            chains = list(pool.map(sample, states, chain_keys, range(self.n_chains)))

        draws = np.stack([chain.abundances for chain in chains])
        abundances = pixels.restore(draws, image.n_pixels)
        empty = np.setdiff1d(np.arange(image.n_pixels), pixels.pixels)
        abundances[:, :, empty] = draw_empty(prior, (*draws.shape[:2], empty.size, n_components), empty_key)
        endmembers = np.stack([chain.endmembers for chain in chains])
        statistics = {
            "log_likelihood": np.stack([chain.log_likelihood for chain in chains]),
            "endmember_overlap": log_volume(endmembers),
        }
        posterior, n_relabelled = relabel_chains(Posterior(endmembers, abundances, statistics))
        return Unmixing(Factorization(*posterior.mean()), posterior, self._info(posterior, n_relabelled))

    def _run_chain(
        self, advance: Callable, stride: int, state: State, key: jax.Array, chain: int
    ) -> "_Chain":
        n_warmup, n_kept = (-(-n // stride) for n in (self.n_warmup, self.n_draws))
        keys = jax.random.split(key, n_warmup + n_kept)
        for warmup_key in keys[:n_warmup]:
            state, _ = advance(state, warmup_key)
        kept, endmembers, log_likelihood = [], [], []
        for block_key in track(keys[n_warmup:], f"Gibbs chain {chain}", n_kept):
            kept.append(np.asarray(state.abundances))
            state, (block_endmembers, block_log_likelihood) = advance(state, block_key)
            endmembers.append(np.asarray(block_endmembers))
            log_likelihood.append(np.asarray(block_log_likelihood))
        return _Chain(np.stack(kept), np.concatenate(endmembers), np.concatenate(log_likelihood))

    def _info(self, posterior: Posterior, n_relabelled: int) -> dict:
        diagnostics = posterior.diagnostics()
        converged = diagnostics["r_hat"] < MOST_R_HAT
        warnings = []
        if not converged:
            warnings.append(
                f"chains disagree: R-hat {diagnostics['r_hat']:.3f} is not under {MOST_R_HAT}; intervals are not "
                "trustworthy. Raise n_warmup and n_draws; if it stays, the image may allow several solutions"
            )
        return {
            "converged": converged,
            "iterations": self.n_warmup + self.n_draws,
            "objective": posterior.statistics["log_likelihood"].mean(axis=0).tolist(),
            "objective_name": "log-likelihood, mean over chains",
            "warnings": warnings,
            "chains_relabelled": n_relabelled,
            **diagnostics,
        }


class _Chain(NamedTuple):
    """Draws of one chain: abundances (kept, K, pixels), endmembers (draw, K, C), log-likelihood (draw,)."""

    abundances: np.ndarray
    endmembers: np.ndarray
    log_likelihood: np.ndarray


@partial(jax.jit, static_argnames="n")
def _advance(photons: Chunks, prior: Prior, state: State, key: jax.Array, n: int) -> tuple[State, tuple]:
    """Do n sweeps; also return the endmembers and the log-likelihood that each of them started from."""

    def step(state: State, key: jax.Array) -> tuple[State, tuple]:
        following, log_likelihood = sweep(photons, state, prior, key)
        return following, (state.endmembers, log_likelihood)

    return jax.lax.scan(step, state, jax.random.split(key, n))
