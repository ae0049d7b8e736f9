"""The way from a start to a result: extrapolation, the stopping rule, the certificate, and the interrupt."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import optimize

import bayesunmix as bu
from bayesunmix.engine.device.layout import lay_out
from bayesunmix.engine.fits import em
from bayesunmix.engine.fits.convergence import ITERATIONS_PER_LOOK, until_settled
from bayesunmix.engine.fits.extrapolation import at_rest, extrapolate
from bayesunmix.unmixing import unmix

step = jax.jit(em.em_step)


def image_of(seed, n_pixels=12, n_channels=9, k=2, mean=15.0):
    rng = np.random.default_rng(seed)
    endmembers = rng.dirichlet(np.full(n_channels, 0.4), k)
    counts = rng.poisson(rng.gamma(0.6, mean / 0.6 / k, (n_pixels, k)) @ endmembers)
    counts[0, 0] += 1  # an image without counts is refused
    return bu.SpectrumImage(counts, np.arange(float(n_channels)))


def random_point(image, pixels, k, seed):
    rng = np.random.default_rng(seed)
    abundances = rng.gamma(1.0, 5.0, (k, pixels.padded)) + 0.01
    endmembers = rng.dirichlet(np.ones(image.n_channels), k) + 1e-6
    endmembers /= endmembers.sum(axis=1, keepdims=True)
    return jnp.asarray(abundances, jnp.float32), jnp.asarray(endmembers, jnp.float32)


def least_deviance(image, pixels, endmembers):
    """Lowest deviance with these endmembers, pixel by pixel, from SciPy."""
    counts = pixels.counts.toarray().astype(float)
    endmembers = np.asarray(endmembers, float)
    total = 0.0
    for x in counts:
        seen = x > 0

        def value(a, x=x, seen=seen):
            rate = np.maximum(a @ endmembers[:, seen], 1e-300)
            return 2 * ((x[seen] * np.log(x[seen] / rate)).sum() - x.sum() + a @ endmembers.sum(axis=1))

        starts = [np.full(len(endmembers), x.sum() / len(endmembers))]
        found = [optimize.minimize(value, a, bounds=[(0, None)] * len(a), method="L-BFGS-B") for a in starts]
        total += min(f.fun for f in found)
    return total


@given(st.integers(0, 10**6))
@settings(max_examples=6, deadline=None)
def test_every_plain_step_lowers_the_deviance(seed):
    image = image_of(seed)
    data, pixels = lay_out(image)
    point = random_point(image, pixels, 2, seed)
    for _ in range(3):
        later = step(data, *point)
        assert em.deviance(data, *later) <= em.deviance(data, *point) * (1 + 1e-6) + 1e-4
        point = later


@given(st.integers(0, 10**6))
@settings(max_examples=6, deadline=None)
def test_the_duality_gap_bounds_what_is_left_to_gain(seed):
    image = image_of(seed)
    data, pixels = lay_out(image)
    abundances, endmembers = random_point(image, pixels, 2, seed)
    reached = em.deviance(data, *step(data, abundances, endmembers)[:1], endmembers)
    bound = em.duality_gap(data, abundances, endmembers) * em.deviance(data, abundances, endmembers)
    assert reached - least_deviance(image, pixels, endmembers) <= bound * (1 + 1e-4) + 1e-3


def test_the_duality_gap_vanishes_at_the_optimum_and_not_before():
    image = image_of(3, n_pixels=40)
    data, pixels = lay_out(image)
    abundances, endmembers = random_point(image, pixels, 2, 0)
    assert em.duality_gap(data, abundances, endmembers) > 1e-2
    for _ in range(3000):
        abundances, _ = step(data, abundances, endmembers)
    assert em.duality_gap(data, abundances, endmembers) < 1e-3


def test_one_extrapolated_step_from_rest_is_a_plain_step():
    image = image_of(1)
    data, pixels = lay_out(image)
    point = random_point(image, pixels, 2, 1)
    moving = em.advance_em(data, at_rest(*point), 1)
    for ours, plain in zip(moving[:2], step(data, *point), strict=True):
        np.testing.assert_allclose(ours, plain, rtol=1e-5)
    np.testing.assert_array_equal(moving.abundances_before, point[0])


def test_extrapolation_needs_far_fewer_steps_on_a_slow_map():
    """A linear map in the logarithm with rate 0.99: momentum must beat the plain iteration, not just equal it."""

    def update(a, e):
        return a**0.99, e

    start = at_rest(jnp.full((1, 3), 50.0), jnp.ones((1, 1)))
    fast = extrapolate(update, start, 60).abundances
    assert np.abs(np.log(fast)).max() < 0.3 * np.log(50) * 0.99**60


def test_held_endmembers_stay():
    image = image_of(5)
    data, pixels = lay_out(image)
    point = random_point(image, pixels, 2, 5)
    moving = em.advance_em(data, at_rest(*point), 20, jnp.asarray([[True], [False]]))
    np.testing.assert_allclose(moving.endmembers[0], point[1][0], rtol=1e-5)
    assert np.abs(moving.endmembers[1] - point[1][1]).max() > 1e-3


def settle(values, tolerance=1e-3, max_iterations=1000, **more):
    """Iterate along a list of objectives: the state is the position in it."""
    calls = []

    def advance(state, n):
        calls.append(n)
        return state + 1

    return until_settled(
        0, advance, lambda i: values[min(i, len(values) - 1)], tolerance, max_iterations, "x", **more
    ), calls


def test_a_geometric_decrease_stops_when_its_rest_is_small():
    values = [1 + 0.5**i for i in range(60)]
    run, _ = settle(values)
    assert run.converged
    left = (run.objective[-1] - 1) / run.objective[-1]
    assert left < 2e-3
    assert left > 1e-5, "it went on long after it had converged"


def test_a_single_small_gain_between_large_ones_is_not_convergence():
    values = [100, 90, 80, 79.9999, 70, 60, 50, *[40] * 10]
    run, _ = settle(values)
    assert run.objective[-1] == 40


def test_a_rise_is_undone_and_the_momentum_taken_out():
    rested = []
    run, calls = settle(
        [10.0, 9.0, 12.0, *[8.0] * 20], at_rest=lambda state: rested.append(state) or state + 1
    )
    assert rested == [1]
    assert calls[:4] == [
        ITERATIONS_PER_LOOK,
        ITERATIONS_PER_LOOK,
        ITERATIONS_PER_LOOK // 3,
        ITERATIONS_PER_LOOK,
    ]
    assert 12.0 not in run.objective
    assert run.objective[-1] == 8.0


def test_a_rise_that_only_rounding_can_explain_ends_the_run():
    values = [10.0, 9.0, *[12.0] * 100]
    run, calls = settle(values, at_rest=lambda state: state)
    assert run.converged
    assert run.state == 1
    assert calls[-1] == 1


def test_iterations_that_run_out_are_not_convergence():
    run, _ = settle([1000.0 - i for i in range(500)], max_iterations=5 * ITERATIONS_PER_LOOK)
    assert not run.converged
    assert "Raise max_iterations" in run.info("deviance", [])["warnings"][0]


def test_an_interrupt_returns_the_best_so_far_marked_not_converged(monkeypatch):
    image = image_of(7, n_pixels=60, n_channels=20, k=3)
    plain, looks = em.deviance, []

    def interrupted(*args):
        looks.append(1)
        if len(looks) == 4:
            raise KeyboardInterrupt
        return plain(*args)

    monkeypatch.setattr(em, "deviance", interrupted)
    result = unmix(image, 3, "nmf", tolerance=1e-12)
    assert not result.info["converged"]
    assert result.info["interrupted"]
    assert result.info["iterations"] == 2 * ITERATIONS_PER_LOOK
    assert any("interrupted after 20 iterations" in w for w in result.info["warnings"])
    assert np.isfinite(result.estimate.abundances).all()


@pytest.mark.parametrize(("name", "stage"), [("nmf_smooth", "choosing"), ("nmf_ard", "relevance")])
def test_an_interrupt_in_an_early_stage_ends_the_later_ones(monkeypatch, name, stage):
    image = image_of(7, n_pixels=60, n_channels=20, k=3)
    plain, looks = em.deviance, []

    def interrupted(*args):
        looks.append(1)
        if len(looks) == 3:
            raise KeyboardInterrupt
        return plain(*args)

    monkeypatch.setattr(em, "deviance", interrupted)
    result = unmix(image, 3, name)
    assert result.info["interrupted"], stage
    assert not result.info["converged"]
    assert any("interrupted after" in w for w in result.info["warnings"])
    assert len(looks) < 8
    assert result.estimate.abundances.sum() == pytest.approx(image.n_photons, rel=1e-3)


def test_the_certificate_is_reported():
    info = bu.unmix(image_of(2, n_pixels=80, n_channels=20, k=3, mean=200), 3, "nmf").info
    assert info["converged"]
    assert 0 <= info["duality_gap"] < 1e-2
    assert 0 <= info["stationarity"] < 1e-3
    assert 0 <= info["relative_gap"] <= 1e-6
    assert info["starts"] >= info["starts_agreeing"] >= 1
