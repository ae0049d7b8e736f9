"""Geweke's joint test of the Gibbs sampler: two ways to draw parameters and counts together must agree.

One way draws parameters from the prior and counts given them, independently each time. The other alternates one
sweep of the sampler with fresh counts given its state. Every moment agrees if the sweep leaves the posterior
invariant; a sampler with a wrong shape does not, which the second test proves.

J. Geweke, "Getting it right: joint distribution tests of posterior simulators", JASA 99, 799 (2004).
"""

import arviz_stats
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.scipy.special import gammaln

from bayesunmix.engine.device.events import Chunks
from bayesunmix.engine.device.gamma import gamma_variates
from bayesunmix.engine.device.threefry import random_key
from bayesunmix.engine.sampling.gibbs import Chain, Events, sweep
from bayesunmix.models.abundance_priors.gamma import Gamma
from bayesunmix.models.endmember_models.blind import Blind

N_PIXELS, N_CHANNELS, N_COMPONENTS, CAPACITY = 4, 5, 2, 48
PRIOR, MODEL = Gamma(shape=2.0, rate=0.7), Blind(concentration=0.7)
EXPOSURE = jnp.ones(N_PIXELS)
N_DRAWS = 12_000


def draw_prior(key):
    a_key, e_key = jax.random.split(key)
    abundances = gamma_variates(a_key, jnp.full((N_COMPONENTS, N_PIXELS), PRIOR.shape)) / PRIOR.rate
    endmembers = gamma_variates(e_key, jnp.full((N_COMPONENTS, N_CHANNELS), MODEL.concentration))
    learned = PRIOR.start(EXPOSURE, abundances)
    return Chain(abundances, endmembers / endmembers.sum(axis=1, keepdims=True), learned, ())


def draw_counts(key, state):
    return poisson(key, state.abundances.T @ state.endmembers, CAPACITY)


def poisson(key, rate, capacity):
    """Poisson counts by inversion: JAX's own take ten seconds to compile."""
    rate, n = rate[..., None], jnp.arange(capacity)
    at_most = jnp.cumsum(jnp.exp(n * jnp.log(rate) - rate - gammaln(n + 1.0)), axis=-1)
    return (jax.random.uniform(key, rate.shape) * at_most[..., -1:] > at_most).sum(axis=-1)


def lay_out(counts):
    """Photons in fixed-size chunks, one a pixel, so that new counts need no new compilation."""
    ends = jnp.cumsum(counts, axis=1)
    slots = jnp.arange(CAPACITY)[:, None]
    channel = (slots[..., None] >= ends).sum(axis=-1).clip(0, N_CHANNELS - 1).astype(jnp.int32)
    return Chunks(channel, (slots < ends[:, -1]).astype(jnp.float32), jnp.arange(N_PIXELS))


def moments(state, counts):
    """Seven quantities that do not depend on how components are numbered."""
    a, e, *_ = state
    gram = e @ e.T
    rate = a.T @ e
    return jnp.stack(
        [
            a.mean(),
            (a**2).mean(),
            jnp.log(a).mean(),
            jnp.trace(gram),
            gram[0, 1],
            (counts * jnp.log(rate)).sum() - rate.sum(),
            (counts.astype(jnp.float32) ** 2).mean(),
        ]
    )


@jax.jit
def z_scores_inputs(key, shape_error):
    def independent(key):
        prior_key, count_key = jax.random.split(key)
        state = draw_prior(prior_key)
        return moments(state, draw_counts(count_key, state))

    def alternate(carry, key):
        state, counts = carry
        sweep_key, count_key = jax.random.split(key)
        # What a fixed prior has learned is its shape and rate.
        shape, rate = PRIOR.start(EXPOSURE, state.abundances)
        state = state._replace(prior=(shape * shape_error, rate))
        events = Events(lay_out(counts), EXPOSURE)
        state, _ = sweep(events, (), state, sweep_key, PRIOR, MODEL)
        counts = draw_counts(count_key, state)
        return (state, counts), moments(state, counts)

    first, second, third = jax.random.split(key, 3)
    state = draw_prior(third)
    marginal = jax.lax.map(independent, jax.random.split(first, N_DRAWS), batch_size=1000)
    _, successive = jax.lax.scan(
        alternate, (state, draw_counts(third, state)), jax.random.split(second, N_DRAWS)
    )
    return marginal, successive


def z_scores(key, shape_error=1.0):
    marginal, successive = (np.asarray(m, float) for m in z_scores_inputs(key, shape_error))
    effective = np.array(
        [arviz_stats.ess(column[None], chain_axis=0, draw_axis=1) for column in successive.T]
    )
    variance = marginal.var(axis=0) / len(marginal) + successive.var(axis=0) / effective
    return (successive.mean(axis=0) - marginal.mean(axis=0)) / np.sqrt(variance)


@pytest.mark.parametrize("seed", [0, 1])
def test_sweep_leaves_the_joint_distribution_invariant(seed):
    assert np.abs(z_scores(random_key(seed))).max() < 4


def test_a_shape_ten_percent_off_is_found():
    assert np.abs(z_scores(random_key(0), shape_error=1.1)).max() > 6


def test_photons_fit_the_fixed_layout():
    counts = jnp.array([[3, 0, 2, 0, 1], [0, 0, 0, 0, 0], [0, 9, 0, 0, 0], [1, 1, 1, 1, 1]])
    layout = lay_out(counts)
    back = np.zeros(counts.shape)
    np.add.at(
        back, (np.broadcast_to(layout.row, layout.index.shape), np.asarray(layout.index)), layout.weight
    )
    np.testing.assert_array_equal(back, counts)
