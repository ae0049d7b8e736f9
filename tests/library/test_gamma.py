"""Our Gamma variates against SciPy's distribution."""

import jax.numpy as jnp
import numpy as np
import pytest
from scipy import stats

from bayesunmix.engine.device.gamma import gamma_variates, log_gamma_variates
from bayesunmix.engine.device.threefry import random_key


@pytest.mark.parametrize("shape", [0.05, 0.5, 0.999, 1.0, 1.5, 30.0, 1e5])
def test_distribution(shape):
    logs = log_gamma_variates(random_key(7), jnp.full(40_000, shape, jnp.float32))
    draws = np.exp(np.asarray(logs, float))
    assert stats.kstest(draws, stats.gamma(shape).cdf).pvalue > 1e-3
    off = stats.gamma(shape * 1.1 if shape < 100 else shape + 6 * np.sqrt(shape) / 20)
    assert stats.kstest(draws, off.cdf).pvalue < 1e-6, "the test could not see a shape that is 10 % off"


def test_logarithm_stays_finite_where_the_number_underflows():
    logs = np.asarray(log_gamma_variates(random_key(1), jnp.full(10_000, 0.005, jnp.float32)))
    assert np.isfinite(logs).all() and logs.min() < -100
    assert (np.asarray(gamma_variates(random_key(1), jnp.full(10_000, 0.005, jnp.float32))) > 0).all()


def test_entries_are_independent_of_their_neighbours():
    shapes = jnp.asarray(np.tile([0.5, 50.0], 20_000), jnp.float32)
    draws = np.log(np.asarray(gamma_variates(random_key(2), shapes), float))
    assert abs(np.corrcoef(draws[::2], draws[1::2])[0, 1]) < 4 / np.sqrt(20_000)
