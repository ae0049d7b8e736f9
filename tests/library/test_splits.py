"""Splits of nodes without counts, and the random numbers they are made of."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import stats

from bayesunmix.engine.device.threefry import random_key
from bayesunmix.engine.multiscale.splits import KINDS, draw_from_prior, randoms


@pytest.mark.parametrize("word", [0, 2**32 - 1, 2**16 - 1, 2**32 - 2**16])
def test_the_most_extreme_random_bits_give_shares(word):
    """In a million nodes a day every word comes up: no 0 / 0 may hide among them."""
    lively = jnp.asarray([[False, True, True]])
    uniform = randoms(jnp.full((2, *lively.shape), word, jnp.uint32))
    assert all(((part >= 0) & (part < 1)).all() for part in uniform)
    for kind in range(KINDS):
        log_weights = jnp.log(jax.nn.one_hot(jnp.asarray([[[kind, kind]]]), KINDS))
        kinds, share = draw_from_prior(uniform, jnp.zeros(3, jnp.int32), lively, log_weights)
        assert ((share >= 0) & (share <= 1)).all() and (kinds == kind).all()
        assert kind != 0 or (share == 0.5).all()


def test_four_random_numbers_of_two_words_are_uniform_and_independent():
    numbers = np.array(randoms(jax.random.bits(random_key(3), (2, 1, 10**5)))).reshape(4, -1)
    for part in numbers:
        assert stats.kstest(part, "uniform").pvalue > 1e-4
    z = stats.norm.ppf(np.clip(numbers, 1e-6, 1 - 1e-6))
    for values in (z, z**2, np.log(numbers + 1e-9)):
        r = np.corrcoef(values)[np.triu_indices(4, 1)]
        assert np.abs(r).max() < 4 / np.sqrt(10**5)
