r"""Run simulation-based calibration: the truth must rank among the draws of its posterior as one of them [1]_.

Parameters are drawn from the prior, counts given them, and a sampler draws from the posterior of these counts. If it
draws from the right one, the rank of the truth is uniform, for every quantity. All quantities are independent of how
components are numbered: a right sampler may number them otherwise than the truth does.

Prior and counts come from NumPy, so that the library's own generators are on one side only. Chains start from a
fresh draw of the prior, not from the truth. The samplers named after a fault are
`gibbs` with another prior than the one the truth comes from; they, and the mean-field `bayes_cavi`, must fail.

References
----------
.. [1] S. Talts, M. Betancourt, D. Simpson, A. Vehtari and A. Gelman, "Validating Bayesian inference algorithms with
   simulation-based calibration", arXiv:1804.06788 (2018).
"""

from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import pandas as pd
from jax import Array
from scipy import stats

import bayesunmix as bu
from bayesunmix.engine.device.events import Chunks
from bayesunmix.engine.device.threefry import random_key
from bayesunmix.engine.sampling import gibbs
from bayesunmix.engine.sampling.gamma_poisson import Prior
from bayesunmix.models.abundance_priors.gamma import Gamma
from bayesunmix.models.endmember_models.blind import Blind
from benchmarks.calibration import CALIBRATIONS, Calibration
from benchmarks.scoring.proportion import proportion_interval

N_PIXELS, N_CHANNELS, N_COMPONENTS = 6, 8, 2
PRIOR = Prior(shape=1.5, rate=0.3, concentration=0.7)
RANK_BINS = 20
PER_SEED = 100  # simulations
QUANTITIES = (
    "log_likelihood",
    "total",
    "purity",
    "log_abundance",
    "gram_trace",
    "gram_overlap",
    "log_endmember",
    "one_rate",
)
_WIDTH, _CHUNKS = 8, 10  # photons of a pixel, at most the product
_SMALL = 1e-30


class State(NamedTuple):
    """One draw: abundances (K, P) and endmembers (K, C), which sum to one."""

    abundances: Array
    endmembers: Array


class Length(NamedTuple):
    """Sweeps before the first draw, sweeps for each draw, and draws: one less than a multiple of `RANK_BINS`."""

    warmup: int = 200
    thin: int = 10
    draws: int = 199


LONG = Length()


class Simulations(NamedTuple):
    """True abundances (n, K, P) and endmembers (n, K, C), and counts (n, P, C)."""

    truth: tuple[np.ndarray, np.ndarray]
    counts: np.ndarray


def draw_trials(rng: np.random.Generator, n: int) -> Simulations:
    """Draw parameters from the prior, and counts given them."""
    truth = _from_prior(rng, n)
    return Simulations(truth, rng.poisson(np.einsum("nkp,nkc->npc", *truth)))


def quantities(state: State, counts: Array) -> Array:
    """Compute `QUANTITIES` of one state (K, P), (K, C), given counts (P, C)."""
    a, e = state
    gram, rate = e @ e.T, a.T @ e
    shares = a / a.sum(axis=0)
    return jnp.stack(
        [
            (counts * jnp.log(rate)).sum() - rate.sum(),
            a.sum(),
            (shares**2).sum(axis=0).mean(),
            jnp.log(jnp.maximum(a, _SMALL)).mean(),
            jnp.trace(gram),
            gram[0, 1],
            jnp.log(jnp.maximum(e, _SMALL)).mean(),
            rate[0, 0],
        ]
    )


def histograms(sampler: str, seed: int, n: int = PER_SEED, length: Length = LONG) -> np.ndarray:
    """Count the ranks of the true quantities among the draws of one of `SAMPLERS`: (quantities, bins)."""
    rng = np.random.default_rng(seed)
    simulations = draw_trials(rng, n)
    drawn = SAMPLERS[sampler](simulations, rng, length)
    truth = State(*(jnp.asarray(part, jnp.float32) for part in simulations.truth))
    true = jax.vmap(quantities)(truth, jnp.asarray(simulations.counts, jnp.float32))
    ranks = (drawn < np.asarray(true)[:, None]).sum(axis=1)
    return np.stack(
        [np.bincount(rank * RANK_BINS // (length.draws + 1), minlength=RANK_BINS) for rank in ranks.T]
    )


def p_values(histogram: np.ndarray) -> np.ndarray:
    """Test whether ranks are uniform, by chi-square, for each row of (quantities, bins)."""
    return stats.chisquare(histogram, axis=1).pvalue


def _chains(
    simulations: Simulations,
    rng: np.random.Generator,
    length: Length,
    sweep: Callable[[Chunks, State, Array, Prior], State],
    prior: Prior = PRIOR,
) -> np.ndarray:
    """Run one chain for each simulation, side by side: quantities of the draws, (n, draws, quantities)."""
    n = len(simulations.counts)
    keys = jax.random.split(random_key(int(rng.integers(2**31))), n)
    start = State(*(jnp.asarray(part, jnp.float32) for part in _from_prior(rng, n)))
    counts = jnp.asarray(simulations.counts, jnp.float32)
    return np.asarray(_run(sweep, length, chunks_of(simulations.counts), counts, start, keys, prior))


@partial(jax.jit, static_argnames=("sweep", "length"))
def _run(
    sweep: Callable, length: Length, photons: Chunks, counts: Array, start: State, keys: Array, prior: Prior
) -> Array:
    def chain(index: Array, weight: Array, counts: Array, state: State, key: Array) -> Array:
        laid_out = Chunks(index, weight, photons.row)

        def once(state: State, key: Array) -> tuple[State, None]:
            return sweep(laid_out, state, key, prior), None

        def draw(state: State, key: Array) -> tuple[State, Array]:
            state, _ = jax.lax.scan(once, state, jax.random.split(key, length.thin))
            return state, quantities(state, counts)

        n_warmup = -(-length.warmup // length.thin)
        drawn = jax.lax.scan(draw, state, jax.random.split(key, n_warmup + length.draws))[1]
        return drawn[n_warmup:]

    return jax.vmap(chain)(photons.index, photons.weight, counts, start, keys)


def _gibbs_sweep(photons: Chunks, state: State, key: Array, prior: Prior) -> State:
    """Run one sweep of `engine.sampling.gibbs` with the fixed `gamma` prior and the `blind` model."""
    fixed = jnp.full(N_COMPONENTS, prior.shape), jnp.full(N_COMPONENTS, prior.rate)
    abundance_prior, model = Gamma(PRIOR.shape, PRIOR.rate), Blind(prior.concentration)
    events = gibbs.Events(photons, jnp.ones(N_PIXELS))
    chain, _ = gibbs.sweep(events, (), gibbs.Chain(*state, fixed, ()), key, abundance_prior, model)
    return State(chain.abundances, chain.endmembers)


def _bayes_cavi(simulations: Simulations, rng: np.random.Generator, length: Length) -> np.ndarray:
    settings: dict[str, Any] = {
        "abundance_shape": PRIOR.shape,
        "abundance_rate": PRIOR.rate,
        "endmember_concentration": PRIOR.concentration,
    }
    of_draws = jax.jit(jax.vmap(quantities, in_axes=(0, None)))
    found = []
    for counts in simulations.counts:
        image = bu.SpectrumImage(counts, np.arange(float(N_CHANNELS)))
        seed = int(rng.integers(2**31))
        posterior = bu.unmix(
            image, N_COMPONENTS, "bayes_cavi", seed=seed, n_starts=2, n_draws=length.draws, **settings
        ).posterior
        assert posterior is not None
        maps = jnp.asarray(posterior.abundances[0].swapaxes(-1, -2))
        draws = State(maps, jnp.asarray(posterior.endmembers[0]))
        found.append(np.asarray(of_draws(draws, jnp.asarray(counts, jnp.float32))))
    return np.stack(found)


_faulty = partial(_chains, sweep=_gibbs_sweep)
SAMPLERS: dict[str, Callable[[Simulations, np.random.Generator, Length], np.ndarray]] = {
    "gibbs": partial(_chains, sweep=_gibbs_sweep),
    "shape x 1.5": partial(_faulty, prior=PRIOR._replace(shape=1.5 * PRIOR.shape)),
    "concentration x 1.4": partial(_faulty, prior=PRIOR._replace(concentration=1.4 * PRIOR.concentration)),
    "bayes_cavi": _bayes_cavi,
}
RIGHT = ("gibbs",)  # all others must be found out


def _from_prior(rng: np.random.Generator, n: int) -> tuple[np.ndarray, np.ndarray]:
    abundances = rng.gamma(PRIOR.shape, 1 / PRIOR.rate, (n, N_COMPONENTS, N_PIXELS))
    return abundances, rng.dirichlet(np.full(N_CHANNELS, PRIOR.concentration), (n, N_COMPONENTS))


def chunks_of(counts: np.ndarray) -> Chunks:
    """Put the photons of (n, P, C) counts into as many chunks for every pixel, with a leading axis over simulations."""
    capacity = _WIDTH * _CHUNKS
    totals = counts.sum(axis=-1)
    if totals.max() > capacity:
        raise ValueError(
            f"a pixel holds {totals.max()} photons, and there is room for {capacity}; raise _CHUNKS"
        )
    slot = np.arange(capacity)
    channel = (slot[:, None] >= counts.cumsum(axis=-1)[:, :, None]).sum(axis=-1).clip(max=N_CHANNELS - 1)

    def chunked(of_pixel: np.ndarray) -> np.ndarray:
        return of_pixel.reshape(len(counts), N_PIXELS * _CHUNKS, _WIDTH).swapaxes(1, 2)

    weight = chunked(slot < totals[..., None]).astype(np.float32)
    row = np.repeat(np.arange(N_PIXELS, dtype=np.int32), _CHUNKS)
    return Chunks(chunked(channel).astype(np.int32), weight, row)


def measure(sampler: str, seed: int) -> dict[str, str]:
    """Rank `PER_SEED` simulations: for each quantity, how many ranks fall into each bin."""
    counted = histograms(sampler, seed)
    return {name: " ".join(map(str, row)) for name, row in zip(QUANTITIES, counted, strict=True)}


def pooled(rows: pd.DataFrame) -> dict[str, np.ndarray]:
    """Count the ranks of all simulations of each sampler in bins, (quantities, bins)."""
    return {
        str(sampler): np.array([[row.split() for row in some[name]] for name in QUANTITIES], int).sum(axis=1)
        for sampler, some in rows.groupby("sampler", sort=False)
    }


def summarise(rows: pd.DataFrame) -> pd.DataFrame:
    """Test each sampler and quantity for uniform ranks, and give the coverage of its 90 % intervals."""
    table = []
    for sampler, counted in pooled(rows).items():
        for name, histogram in zip(QUANTITIES, counted, strict=True):
            n, covered = histogram.sum(), histogram[1:-1].sum()
            p_value = p_values(histogram[None])[0]
            table.append((sampler, name, n, p_value, covered / n, *proportion_interval(covered, n)))
    columns = ["sampler", "quantity", "simulations", "p_value", "coverage_90", "low", "high"]
    return pd.DataFrame(table, columns=columns)


CALIBRATIONS.register("sbc")(Calibration({"sampler": tuple(SAMPLERS)}, measure, summarise))
