"""Every registered abundance prior keeps the contract; those that learn, learn."""

import dataclasses
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import optimize, stats

from bayesunmix.contracts.abundance_prior import ABUNDANCE_PRIORS, weighs
from bayesunmix.engine.device.events import Chunks
from bayesunmix.engine.device.heavy import Heavy
from bayesunmix.engine.device.threefry import random_key
from bayesunmix.engine.sampling.gibbs import Events

SHAPE = (5, 1, 3)
EXPOSURE = np.ones(SHAPE, np.float32)
EXPOSURE[1, 0, 2] = EXPOSURE[4] = 0
FROM_COUNTS = [name for name in ABUNDANCE_PRIORS if not weighs(ABUNDANCE_PRIORS[name]())]
WEIGHING = [name for name in ABUNDANCE_PRIORS if name not in FROM_COUNTS]
every = pytest.mark.parametrize("name", ABUNDANCE_PRIORS)
from_counts = pytest.mark.parametrize("name", FROM_COUNTS)
weighing = pytest.mark.parametrize("name", WEIGHING)


@partial(jax.jit, static_argnames="prior")
def run(prior, counts, exposure, keys):
    """Draw in turn, as the samplers do: what is learned must keep its form. Returns all draws."""
    evidence = prior.weigh(*distinct(counts, exposure)) if weighs(prior) else counts

    def step(learned, key):
        rates, learned = prior.draw(key, evidence, exposure, learned)
        return learned, (rates, learned)

    return jax.lax.scan(step, prior.start(exposure, counts), keys)[1]


def distinct(counts, exposure):
    """Make events of components that each have a channel of their own, so that every photon tells its component."""
    pixels, channels = counts[0].size, len(counts)
    row, column = jnp.divmod(jnp.arange(pixels * channels), channels)
    heavy = Heavy(row, column, counts.reshape(channels, -1).T.ravel())
    nothing = Chunks(jnp.zeros((1, 1), int), jnp.zeros((1, 1)), jnp.zeros(1, int))
    return Events(nothing, exposure, heavy), jnp.eye(channels)


def drawn(prior, counts, exposure=EXPOSURE, key=0, n=4):
    keys = jax.random.split(random_key(key), n)
    rates, learned = run(prior, jnp.asarray(counts, jnp.float32), jnp.asarray(exposure, jnp.float32), keys)
    return np.asarray(rates, float), jax.tree.map(lambda x: np.asarray(x, float), learned)


@every
def test_it_is_a_setting_that_code_is_compiled_for(name):
    prior = ABUNDANCE_PRIORS[name]()
    assert hash(prior) == hash(ABUNDANCE_PRIORS[name]())
    with pytest.raises(dataclasses.FrozenInstanceError):
        prior.shape = 3.0


@from_counts
def test_many_counts_outweigh_it_and_maps_are_exchangeable(name):
    """Each cell gets its counts back within counting noise, a masked one nothing; permuted maps come out permuted."""
    rng = np.random.default_rng(0)
    counts = rng.choice([0, 400, 10_000, 10**6], (2, *SHAPE)) * EXPOSURE
    for maps in (counts, counts[::-1]):
        rates, _ = drawn(ABUNDANCE_PRIORS[name](), maps)
        assert (rates[..., EXPOSURE == 0] == 0).all() and (rates[..., EXPOSURE == 1] > 0).all()
        assert np.abs((rates[1:] - maps) / np.sqrt(maps + 10)).max() < 6


@weighing
def test_a_prior_of_compositions_gives_back_totals_and_pure_pixels_exactly(name):
    """A pixel of one component contains exactly nothing of the other; a masked one contains nothing."""
    rng = np.random.default_rng(0)
    which = rng.integers(0, 2, SHAPE)
    counts = np.stack([which == 0, which == 1]) * rng.choice([400, 10_000, 10**6], SHAPE) * EXPOSURE
    for maps in (counts, counts[::-1]):
        rates, _ = drawn(ABUNDANCE_PRIORS[name](), maps)
        assert ((rates > 0) == (maps > 0)).all()
        assert np.abs((rates[1:] - maps) / np.sqrt(maps + 10)).max() < 6


@every
def test_no_counts_at_all_leave_rates_that_are_small_and_finite(name):
    rates, learned = drawn(ABUNDANCE_PRIORS[name](), np.zeros((2, *SHAPE)))
    assert np.isfinite(rates).all() and (rates >= 0).all() and (rates < 50).all()
    assert all(np.isfinite(leaf).all() for leaf in jax.tree.leaves(learned))


@every
def test_draws_follow_the_key(name):
    counts = np.full((2, *SHAPE), 9.0) * EXPOSURE
    first, same, other = (drawn(ABUNDANCE_PRIORS[name](), counts, key=key)[0] for key in (1, 1, 2))
    np.testing.assert_array_equal(first, same)
    assert (first != other).any(axis=1)[..., EXPOSURE > 0].all()


@pytest.mark.parametrize(
    ("prior", "shape", "rate"),
    [
        (ABUNDANCE_PRIORS["jeffreys"](), 0.5, 0.0),
        (ABUNDANCE_PRIORS["gamma"](shape=2.0, rate=0.25), 2.0, 0.25),
        (ABUNDANCE_PRIORS["gamma"](shape=0.1, rate=3.0), 0.1, 3.0),
    ],
)
@pytest.mark.parametrize("n", [0, 7])
def test_a_prior_that_learns_nothing_is_conjugate(prior, shape, rate, n):
    rates, _ = drawn(prior, np.full((2, 5000), n), np.ones(5000, np.float32), n=1)
    posterior = stats.gamma(n + shape, scale=1 / (1 + rate))
    assert stats.kstest(rates.ravel(), posterior.cdf).pvalue > 1e-4


def gamma_z(scale=1.0, n_maps=32, n_cells=200):
    """Simulate maps of many shapes and means; return (true - learned) / sd of log shape and log mean, (2, maps)."""
    rng = np.random.default_rng(4)
    shape, mean = np.exp(rng.uniform(np.log(0.15), np.log(2), n_maps)), np.exp(rng.uniform(0, 3, n_maps))
    rates = rng.gamma(shape[:, None], mean[:, None] / shape[:, None], (n_maps, n_cells))
    counts = scale * rng.poisson(rates)
    _, (shapes, betas) = drawn(ABUNDANCE_PRIORS["gamma"](), counts, np.ones(n_cells, np.float32), n=400)
    learned = np.log(np.stack([shapes, shapes / betas])[:, 100:])
    return (np.log(np.stack([shape, mean])) - learned.mean(axis=1)) / learned.std(axis=1)


def test_the_gamma_prior_learns_the_shape_and_mean_that_maps_were_simulated_with():
    z = gamma_z()
    bound = 4 / np.sqrt(z.shape[1])
    assert np.abs(z.mean(axis=1)).max() < bound and np.abs(z.std(axis=1) - 1).max() < bound
    assert np.abs(gamma_z(scale=1.5).mean(axis=1)).max() > 2 * bound, "the test could not see a wrong mean"


def dirichlet_z(concentrations, scale=1.0, n_sets=32, n_cells=300, n_empty=0):
    """Simulate maps of these concentrations; return (true - learned) / sd of their logarithms, (sets, K)."""
    rng = np.random.default_rng(5)
    truth = np.exp(rng.uniform(-0.5, 0.5, (n_sets, len(concentrations)))) * concentrations
    z = []
    for number, alpha in enumerate(truth):
        totals = rng.gamma(3.0, 30.0, n_cells)
        counts = rng.poisson(totals[:, None] * rng.dirichlet(scale * alpha, n_cells)).T
        counts = np.pad(counts, ((0, 0), (0, n_empty)))
        exposure = np.ones(counts.shape[1], np.float32)
        _, learned = drawn(ABUNDANCE_PRIORS["dirichlet"](), counts, exposure, key=number, n=300)
        logs = np.log(learned.concentrations[100:])
        z.append((np.log(alpha) - logs.mean(axis=0)) / logs.std(axis=0))
    return np.array(z)


@pytest.mark.parametrize("n_empty", [0, 600])
def test_the_dirichlet_prior_learns_what_compositions_were_simulated_with(n_empty):
    """Whatever the vacuum: pixels without counts say nothing of compositions."""
    z = dirichlet_z(np.array([2.0, 0.5, 0.2]), n_empty=n_empty)
    bound = 4 / np.sqrt(len(z))
    assert np.abs(z.mean(axis=0)).max() < bound and np.abs(z.std(axis=0) - 1).max() < bound
    if not n_empty:
        wrong = dirichlet_z(np.array([2.0, 0.5, 0.2]), scale=1.5)
        assert np.abs(wrong.mean(axis=0)).max() > 2 * bound, "the test could not see wrong concentrations"


def test_a_dirichlet_prior_that_does_not_learn_is_conjugate():
    """Totals are independent of compositions; shares of one component follow its Beta distribution."""
    prior, counts = (
        ABUNDANCE_PRIORS["dirichlet"](),
        jnp.asarray(np.full((3, 5000), [[4], [0], [1]]), jnp.float32),
    )
    exposure, alpha = jnp.ones(5000), np.array([0.3, 1.5, 5.0])
    learned = prior.start(exposure, counts)._replace(
        concentrations=jnp.asarray(alpha, jnp.float32),
        shape=jnp.full(1, 2.0),
        rate=jnp.full(1, 0.5),
        learning=jnp.asarray(False),
    )
    rates, after = jax.jit(prior.draw)(random_key(0), counts, exposure, learned)
    np.testing.assert_array_equal(after.concentrations, learned.concentrations)
    rates = np.asarray(rates, float)
    assert stats.kstest(rates.sum(axis=0), stats.gamma(5 + 2.0, scale=1 / 1.5).cdf).pvalue > 1e-4
    for share, own in zip(rates / rates.sum(axis=0), alpha + np.array([4, 0, 1]), strict=True):
        assert stats.kstest(share, stats.beta(own, alpha.sum() + 5 - own).cdf).pvalue > 1e-4


def test_the_dirichlet_prior_begins_like_the_maps_it_is_given():
    """At the density's greatest, against a general optimiser."""
    rng = np.random.default_rng(2)
    shares = rng.dirichlet([3.0, 0.4, 1.0], 2000).T
    learned = ABUNDANCE_PRIORS["dirichlet"]().start(jnp.ones(2000), jnp.asarray(50 * shares, jnp.float32))

    def less_likely(log_alpha):
        alpha = np.exp(log_alpha)
        prior = stats.norm(np.log(0.5), 1.5).logpdf(log_alpha).sum()
        return -stats.dirichlet(alpha).logpdf(np.maximum(shares, 1e-300)).sum() - prior

    best = np.exp(optimize.minimize(less_likely, np.zeros(3)).x)
    np.testing.assert_allclose(learned.concentrations, best, rtol=0.03)
