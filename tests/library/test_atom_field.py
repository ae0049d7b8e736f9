"""The field of atoms against an enumeration of all labels of a tiny grid."""

import itertools
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import stats

from bayesunmix.engine.composition.atoms import distances, palette
from bayesunmix.engine.composition.field import couplings, draw_labels, first_field
from bayesunmix.engine.device.threefry import random_key

N, SWEEPS = 20_000, 20


@partial(jax.jit, static_argnames="n")
def many(key, evidence, seen, coupling, field, n):
    flat = evidence.reshape(len(evidence), -1)

    def labels(key):
        return draw_labels(key, lambda at: flat[:, at], seen, coupling, field, SWEEPS).labels

    return jax.lax.map(labels, jax.random.split(key, n), batch_size=2000)


def weight(step):
    """Return 1 / distance of two pixels that touch, else 0; in three dimensions scaled to what it is in two."""
    if max(map(abs, step)) != 1:
        return 0.0
    in_two = 4 + 4 / np.sqrt(2)
    in_three = 6 + 12 / np.sqrt(2) + 8 / np.sqrt(3)
    return (in_two / in_three if len(step) == 3 else 1.0) / np.linalg.norm(step)


@pytest.mark.parametrize(
    "seen",
    [np.ones((2, 3)), np.array([[1, 1, 1], [1, 0, 1]]), np.ones(4), np.ones((1, 2, 3)), np.ones((2, 2, 1))],
)
def test_labels_are_drawn_from_the_enumerated_posterior(seen):
    rng = np.random.default_rng(2)
    seen, n_atoms = seen.astype(bool), 3
    evidence = rng.normal(0, 1, (n_atoms, *seen.shape)).astype(np.float32)
    of_atoms = distances(rng.dirichlet(np.ones(3), n_atoms))
    coupling = couplings(of_atoms, 1.5, 0.3)
    field = first_field(jnp.zeros(seen.shape, jnp.int32), n_atoms, learning=False)
    common = jnp.asarray(np.log(rng.dirichlet(np.ones(n_atoms))), jnp.float32)
    field = field._replace(common=common)
    labels = many(random_key(4), jnp.asarray(evidence), jnp.asarray(seen), jnp.asarray(coupling), field, N)
    places = np.argwhere(seen)
    powers = n_atoms ** np.arange(len(places))
    code = np.asarray(labels)[:, seen] @ powers
    expected = np.zeros(n_atoms ** len(places))
    for chosen in itertools.product(range(n_atoms), repeat=len(places)):
        log = sum(evidence[(m, *p)] + float(field.common[m]) for m, p in zip(chosen, places, strict=True))
        for i, j in itertools.combinations(range(len(places)), 2):
            pair = 1.5 * of_atoms[chosen[i], chosen[j]] + 0.3 * (chosen[i] != chosen[j])
            log -= weight(places[i] - places[j]) * pair
        expected[np.dot(chosen, powers)] = np.exp(log)
    expected *= N / expected.sum()
    counted = np.bincount(code, minlength=len(expected))
    rare = expected < 10
    groups = [np.append(x[~rare], x[rare].sum()) for x in (counted, expected)]
    if groups[1][-1] == 0:
        groups = [x[:-1] for x in groups]
    assert stats.chisquare(*groups).pvalue > 1e-4


def test_the_palette_lists_each_mixture_once_and_pure_components_first():
    for n_components in range(1, 9):
        atoms = palette(n_components).atoms
        np.testing.assert_array_equal(atoms[:n_components], np.eye(n_components))
        np.testing.assert_allclose(atoms.sum(axis=1), 1)
        assert (np.count_nonzero(atoms, axis=1) <= 3).all() and (atoms >= 0).all()
        assert len(np.unique(atoms.round(9), axis=0)) == len(atoms)
    assert len(palette(3).atoms) == 3 + 3 * 9 + 6
    apart = distances(palette(3).atoms)
    assert apart[0, 1] == 1 and np.allclose(apart, apart.T) and (np.diagonal(apart) == 0).all()


def test_how_common_atoms_are_is_learned_from_labels_without_likelihood():
    """Labels from a field without coupling have the frequencies that it is then taught."""
    rng = np.random.default_rng(1)
    frequencies = np.array([0.7, 0.2, 0.08, 0.02])
    labels = jnp.asarray(rng.choice(4, (80, 90), p=frequencies), jnp.int32)
    certain = 1e4 * jax.nn.one_hot(labels.ravel(), 4, axis=0)
    field, coupling = first_field(labels, 4), jnp.zeros((4, 4))
    for number in range(30):
        field = draw_labels(
            random_key(number), lambda at: certain[:, at], jnp.ones(labels.shape, bool), coupling, field, 1
        )
    np.testing.assert_array_equal(field.labels, labels)
    counted = np.bincount(np.asarray(labels).ravel(), minlength=4) / labels.size
    np.testing.assert_allclose(np.exp(field.common), counted, rtol=0.02)
