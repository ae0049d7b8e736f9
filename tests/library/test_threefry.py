"""The unrolled generator against JAX's own: the same numbers from the same seed, whatever is asked for."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from bayesunmix.engine.device.threefry import numbered, random_key

SHAPES = [(), (1,), (2,), (3, 5), (0,), (1024,), (1025,), (3000,), (2, 3, 700)]


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("bits", ["uint8", "uint16", "uint32"])
def test_bits_are_those_of_jax(shape, bits):
    ours, theirs = (jax.random.bits(make(7), shape, bits) for make in (random_key, jax.random.key))
    assert ours.dtype == theirs.dtype and ours.shape == shape
    np.testing.assert_array_equal(ours, theirs)


@pytest.mark.parametrize("shape", SHAPES)
def test_double_precision_is_that_of_jax(shape):
    with jax.enable_x64(True):
        ours, theirs = (jax.random.uniform(make(7), shape, float) for make in (random_key, jax.random.key))
    assert ours.dtype == np.float64
    np.testing.assert_array_equal(ours, theirs)


@given(st.integers(0, 2**32 - 1), st.integers(0, 2**32 - 1), st.sampled_from([1, 2, 7, (2, 3)]))
@settings(max_examples=30)
def test_keys_are_those_of_jax(seed, data, n):
    ours, theirs = random_key(seed), jax.random.key(seed)
    for derive in (
        lambda key: key,
        lambda key: jax.random.fold_in(key, data),
        lambda key: jax.random.split(key, n),
        lambda key: jax.random.split(jax.random.fold_in(key, data), n),
    ):
        np.testing.assert_array_equal(*(jax.random.key_data(derive(key)) for key in (ours, theirs)))


@pytest.mark.parametrize(
    "draw",
    [
        lambda key: jax.random.normal(key, (50, 3)),
        lambda key: jax.random.binomial(key, jnp.full(40, 30.0), 0.3),
        lambda key: jax.random.categorical(key, jnp.zeros((20, 4))),
        lambda key: jax.vmap(lambda one: jax.random.uniform(one, (5,)))(jax.random.split(key, 6)),
        lambda key: jax.lax.map(lambda i: jax.random.uniform(jax.random.fold_in(key, i)), jnp.arange(9)),
    ],
    ids=["normal", "binomial", "categorical", "vmap", "in a loop"],
)
def test_distributions_are_those_of_jax(draw):
    np.testing.assert_array_equal(jax.jit(draw)(random_key(3)), jax.jit(draw)(jax.random.key(3)))


def test_other_devices_have_a_kernel_of_their_own(monkeypatch):
    assert random_key(0).dtype != jax.random.key(0).dtype
    monkeypatch.setattr(jax, "default_backend", lambda: "gpu")
    assert random_key(0).dtype == jax.random.key(0).dtype


def test_numbered_keys_are_distinct_and_draw_independently():
    """Nearby keys differ in a bit or two, and their numbers in half of all."""
    keys = jax.vmap(lambda i: numbered(random_key(0), i))(jnp.arange(2000))
    assert len(np.unique(jax.random.key_data(keys), axis=0)) == 2000
    words = np.asarray(jax.vmap(lambda key: jax.random.bits(key, (40,)))(keys))
    flipped = np.unpackbits((words[1:] ^ words[:-1]).view(np.uint8)).mean()
    assert abs(flipped - 0.5) < 4 * 0.5 / np.sqrt(32 * words.size)
    uniform = words / 2.0**32
    assert stats.kstest(uniform.ravel(), "uniform").pvalue > 1e-4
    lagged = np.corrcoef(uniform[:-1].ravel(), uniform[1:].ravel())[0, 1]
    assert abs(lagged) < 4 / np.sqrt(uniform.size)


def test_too_many_numbers_are_one_sentence():
    with pytest.raises(ValueError, match="at most 4294967295 random numbers can be drawn at once"):
        jax.jit(lambda key: jax.random.bits(key, (2**16, 2**16))).lower(random_key(0))
