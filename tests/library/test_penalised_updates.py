"""Penalised EM: each update lowers what it says it lowers, and its parts are what a slow way finds."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import optimize

import bayesunmix as bu
from bayesunmix.engine.device.layout import lay_out
from bayesunmix.engine.fits import em, relevance
from bayesunmix.engine.fits.majoriser import minimiser, minimiser_of_sum
from bayesunmix.engine.fits.neighbours import neighbours
from bayesunmix.methods import nmf_minvol, nmf_smooth

ROUNDING = 2e-6  # of the objective, in float32
SHAPE, N_CHANNELS, K = (4, 5), 8, 2


def small(seed, dose):
    """An image with one empty pixel, laid out, and a random start; all of about one size, to compile once."""
    rng = np.random.default_rng(seed)
    counts = rng.poisson(dose * rng.gamma(0.6, 1.0, (*SHAPE, 1)) * rng.dirichlet(np.ones(N_CHANNELS), SHAPE))
    counts[..., 0] += 1
    counts[1, 2] = 0
    image = bu.SpectrumImage(counts, 1.0 + np.arange(N_CHANNELS))
    data, pixels = lay_out(image)
    abundances = rng.gamma(1.0, 1.0, (K, pixels.padded)) + 1e-3
    abundances[:, pixels.pixels.size :] = 1e-12
    abundances *= image.n_photons / abundances.sum()
    endmembers = rng.dirichlet(np.ones(N_CHANNELS), K) + 1e-6
    endmembers /= endmembers.sum(axis=1, keepdims=True)
    return image, data, pixels, jnp.asarray(abundances, jnp.float32), jnp.asarray(endmembers, jnp.float32)


def assert_falls(update, value, abundances, endmembers, steps=6):
    before = value(abundances, endmembers)
    for _ in range(steps):
        abundances, endmembers = update(abundances, endmembers)
        after = value(abundances, endmembers)
        assert after <= before + ROUNDING * (abs(before) + 100)
        before = after
    np.testing.assert_allclose(np.asarray(endmembers).sum(axis=1), 1, rtol=1e-5)
    assert np.isfinite(abundances).all()


smooth_update, minvol_update, ard_update = map(
    jax.jit, (nmf_smooth.smooth_step, nmf_minvol.volume_step, relevance.relevance_step)
)


@given(st.integers(0, 10**6), st.sampled_from([0.5, 4.0, 100.0]), st.sampled_from([1e-3, 0.3, 30.0]))
@settings(max_examples=10)
def test_every_smooth_update_lowers_deviance_plus_roughness(seed, dose, weight):
    image, data, pixels, *start = small(seed, dose)
    around = neighbours(image, pixels)
    assert_falls(
        lambda a, e: smooth_update(data, around, weight, a, e),
        lambda a, e: em.deviance(data, a, e) + weight * around.roughness(a),
        *start,
    )


@given(st.integers(0, 10**6), st.sampled_from([0.5, 4.0, 100.0]), st.sampled_from([0.01, 3.0, 300.0]))
@settings(max_examples=10)
def test_every_minvol_update_lowers_deviance_plus_volume(seed, dose, weight):
    image, data, _, *start = small(seed, dose)
    unit = float(((image.sum_spectrum() / image.n_photons) ** 2).sum())
    assert_falls(
        lambda a, e: minvol_update(data, unit, weight, a, e),
        lambda a, e: em.deviance(data, a, e) + weight * nmf_minvol.log_volume(e, unit),
        *start,
    )


@given(st.integers(0, 10**6), st.sampled_from([0.5, 4.0, 100.0]), st.sampled_from([0.1, 30.0]))
@settings(max_examples=10)
def test_every_ard_update_lowers_deviance_plus_relevance(seed, dose, price):
    _, data, _, *start = small(seed, dose)
    assert_falls(
        lambda a, e: ard_update(data, price, 0.5, a, e),
        lambda a, e: em.deviance(data, a, e) + 2 * price * relevance.relevance_penalty(a, 0.5),
        *start,
    )


@given(st.floats(0, 1e4, width=32), st.floats(-1e3, 1e3, width=32), st.floats(0.015625, 1e3, width=32))
def test_the_minimiser_is_that_of_scipy(z, slope, curvature):
    def falls(x):  # the derivative, which rises through zero at the minimum
        return -z / x + slope + curvature * x

    upper = (abs(slope) + np.sqrt(slope**2 + 4 * curvature * z)) / curvature + 1
    expected = optimize.brentq(falls, 1e-30, upper, xtol=1e-12) if falls(1e-30) < 0 else 0.0
    found = float(minimiser(*(jnp.float32(v) for v in (z, slope, curvature))))
    assert found == pytest.approx(expected, rel=1e-4, abs=1e-6)


@given(st.integers(0, 10**6), st.sampled_from([0.01, 1.0, 50.0]))
@settings(max_examples=20)
def test_the_minimiser_of_a_sum_is_that_of_a_constrained_solver(seed, strength):
    rng = np.random.default_rng(seed)
    z, slope = rng.gamma(0.5, 5.0, 6) + 0.01, 1 + strength * rng.normal(size=6)
    curvature, total = strength * rng.gamma(1.0, 1.0, 6) + 0.01, rng.gamma(3.0, 3.0)
    found = minimiser_of_sum(
        *(jnp.asarray(v[None], jnp.float32) for v in (z, slope, curvature)), jnp.full((1, 1), total)
    )[0]
    assert float(found.sum()) == pytest.approx(total, rel=1e-5)
    # At the constrained minimum all derivatives equal minus the multiplier.
    multiplier = optimize.brentq(
        lambda m: (
            ((np.sqrt((slope + m) ** 2 + 4 * curvature * z) - slope - m) / (2 * curvature)).sum() - total
        ),
        -1e6,
        1e6,
        xtol=1e-10,
    )
    expected = (np.sqrt((slope + multiplier) ** 2 + 4 * curvature * z) - slope - multiplier) / (2 * curvature)
    np.testing.assert_allclose(found, expected, rtol=2e-3, atol=1e-4)


@pytest.mark.parametrize("shape", [(7,), (3, 4), (2, 3, 4), (1, 1), (1, 5)])
def test_neighbours_are_the_pairs_a_double_loop_finds(shape):
    rng = np.random.default_rng(3)
    counts = rng.poisson(0.9, (*shape, 3))
    counts.reshape(-1, 3)[0, 0] += 1
    image = bu.SpectrumImage(counts, [1.0, 2.0, 3.0])
    _, pixels = lay_out(image)
    around = neighbours(image, pixels)
    maps = rng.gamma(1.0, 1.0, (K, pixels.padded)).astype(np.float32)
    where = np.array(np.unravel_index(pixels.pixels, shape)).T
    adjacent = np.abs(where[:, None] - where[None]).sum(axis=2) == 1
    n = len(where)
    np.testing.assert_array_equal(around.degree()[:n], adjacent.sum(axis=1))
    np.testing.assert_allclose(
        np.asarray(around.sums(maps))[:, :n], maps[:, :n] @ adjacent, rtol=1e-5, atol=1e-6
    )
    expected = (adjacent * (maps[:, :n, None] - maps[:, None, :n]) ** 2).sum() / 2
    assert around.roughness(jnp.asarray(maps)) == pytest.approx(expected, rel=1e-5)
