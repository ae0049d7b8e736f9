"""Regions that are turned over at once: the field's distribution stays, and a region in the wrong atom comes free."""

import itertools
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import stats

from bayesunmix.engine.composition.regions import turn_regions
from bayesunmix.engine.device.threefry import random_key

NEIGHBOURS = [
    (step, 1 / float(np.hypot(*step))) for step in itertools.product((-1, 0, 1), repeat=2) if any(step)
]
N_ATOMS = 3


def log_probability(labels, evidence, seen, coupling, common):
    """Logarithm of the field's probability, up to a constant, in plain loops."""
    log = 0.0
    for place in np.argwhere(seen):
        here = labels[tuple(place)]
        log += evidence[(here, *place)] + common[here]
        for step, weight in NEIGHBOURS:
            there = place + step
            if (there >= 0).all() and (there < labels.shape).all() and seen[tuple(there)]:
                log -= 0.5 * weight * coupling[here, labels[tuple(there)]]
    return log


def field(rng, shape):
    evidence = rng.normal(0, 0.8, (N_ATOMS, *shape)).astype(np.float32)
    distance = rng.uniform(0.1, 0.4, (N_ATOMS, N_ATOMS))
    coupling = (distance + distance.T) * (1 - np.eye(N_ATOMS))
    return evidence, coupling, np.log(rng.dirichlet(np.full(N_ATOMS, 3.0)))


@partial(jax.jit, static_argnames="n")
def turned(key, labels, evidence, seen, coupling, common, n):
    def of_pixels(numbers):
        return evidence.reshape(N_ATOMS, -1)[:, numbers]

    def several(pair):
        keys = jax.random.split(pair[0], n)
        return jax.lax.fori_loop(
            0,
            n,
            lambda i, at: turn_regions(keys[i], at, of_pixels, seen, coupling, common, NEIGHBOURS),
            pair[1],
        )

    return jax.lax.map(several, (jax.random.split(key, len(labels)), labels), batch_size=4000)


@pytest.mark.parametrize(
    "seen", [np.ones((2, 3)), np.array([[1, 1, 1], [1, 0, 1]]), np.ones((1, 6)), np.ones((4, 2))]
)
def test_the_enumerated_distribution_stays_what_it_is(seen):
    rng = np.random.default_rng(4)
    seen = seen.astype(bool)
    evidence, coupling, common = field(rng, seen.shape)
    places = np.argwhere(seen)
    states = []
    for chosen in itertools.product(range(N_ATOMS), repeat=len(places)):
        labels = np.zeros(seen.shape, np.int32)
        labels[seen] = chosen
        states.append(labels)
    logs = np.array([log_probability(labels, evidence, seen, coupling, common) for labels in states])
    chances = np.exp(logs - logs.max())
    chances /= chances.sum()
    n = 40_000
    begun = np.array(states)[rng.choice(len(states), n, p=chances)]
    given = (jnp.asarray(part) for part in (begun, evidence, seen, coupling, common))
    ended = np.asarray(turned(random_key(3), *given, 5))
    assert (ended != begun).any(axis=(1, 2)).mean() > 0.2
    code = ended[:, seen] @ N_ATOMS ** np.arange(len(places))[::-1]
    counted, expected = np.bincount(code, minlength=len(states)), n * chances
    rare = expected < 10
    groups = [np.append(x[~rare], x[rare].sum()) for x in (counted, expected)]
    assert stats.chisquare(*groups).pvalue > 1e-4


def test_a_large_region_in_the_wrong_atom_comes_free():
    rng = np.random.default_rng(0)
    truth = np.zeros((40, 50), np.int32)
    truth[8:30, 10:40] = 1
    evidence = np.where(np.arange(N_ATOMS)[:, None, None] == truth, 0.4, 0) + rng.normal(
        0, 0.3, (N_ATOMS, 40, 50)
    )
    coupling = 6.0 * (1 - np.eye(N_ATOMS))
    wrong = jnp.asarray(np.where(truth == 1, 2, 0)[None])
    given = (
        jnp.asarray(evidence, jnp.float32),
        jnp.ones((40, 50), bool),
        jnp.asarray(coupling),
        jnp.zeros(N_ATOMS),
    )
    ended = np.asarray(turned(random_key(1), wrong, *given, 200))[0]
    assert (ended == truth).mean() > 0.98


def test_what_is_not_seen_stays_and_counts_for_nothing():
    rng = np.random.default_rng(1)
    evidence, coupling, common = field(rng, (9, 11))
    seen = rng.random((9, 11)) < 0.7
    labels = jnp.asarray(rng.integers(0, N_ATOMS, (1, 9, 11)), jnp.int32)
    other = jnp.where(jnp.asarray(seen), labels, (labels + 1) % N_ATOMS)
    rest = [jnp.asarray(part) for part in (evidence, seen, coupling, common)]
    first, second = (np.asarray(turned(random_key(2), of, *rest, 30)) for of in (labels, other))
    np.testing.assert_array_equal(first[0][seen], second[0][seen])
    np.testing.assert_array_equal(first[0][~seen], np.asarray(labels[0])[~seen])
