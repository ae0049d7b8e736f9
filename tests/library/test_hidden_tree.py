"""Messages and states of a hidden Markov tree against an enumeration of all states in plain NumPy."""

import itertools
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import stats

from bayesunmix.engine.device.threefry import random_key
from bayesunmix.engine.multiscale.hidden_tree import draw_states, messages
from bayesunmix.engine.multiscale.pyramid import Tree

N = 40_000
TREES = [((5,), (1, 0, 0)), ((5,), (0, 1, 0)), ((3, 2), (1, 1, 0)), ((3, 2), (0, 0, 1))]
every_tree = pytest.mark.parametrize(("shape", "offsets"), TREES)


def numbered_parents(tree, offsets):
    """The number of the parent of every node and its level, finest first; the uppermost has none."""
    ends = np.cumsum(tree.sizes)
    parents, levels = [], []
    for i, shape in enumerate(tree.shapes[1:-1]):
        above = tree.levels[i + 1]
        place = list(np.indices(shape))
        place[above.axis] = (place[above.axis] + (offsets[i + 1] if above.pairs > 1 else 0)) // 2
        number = np.ravel_multi_index(place, tree.shapes[i + 2])
        parents += (ends[i] + number).ravel().tolist()
        levels += [i] * tree.sizes[i]
    return parents, levels


def enumerated(tree, offsets, evidence, moves):
    """All states of all nodes, (2^nodes, nodes), and their probabilities given the evidence."""
    parents, levels = numbered_parents(tree, offsets)
    states = np.array(list(itertools.product([0, 1], repeat=sum(tree.sizes))))
    probability = np.exp(states @ evidence)
    for node, (parent, level) in enumerate(zip(parents, levels, strict=True)):
        probability *= moves[level, states[:, parent], states[:, node]]
    return states, probability / probability.sum()


def setting(shape, offsets):
    rng = np.random.default_rng(3)
    tree = Tree(shape, jnp.asarray(offsets))
    moves = rng.dirichlet([0.7, 0.7], (len(tree.levels), 2))
    evidence = rng.normal(0, 2, sum(tree.sizes))
    return tree, evidence, moves


@partial(jax.jit, static_argnames="shape")
def messages_of(shape, offsets, flat, log_moves):
    return messages(Tree(shape, offsets), flat, log_moves)


@partial(jax.jit, static_argnames="shape")
def states_of(shape, offsets, *given):
    return draw_states(Tree(shape, offsets), *given)


def said_by(tree, evidence, moves, n=1):
    flat = jnp.asarray(np.broadcast_to(np.exp(evidence), (n, evidence.size)), jnp.float32)
    log_moves = jnp.asarray(np.broadcast_to(np.log(moves), (n, *moves.shape)), jnp.float32)
    return messages_of(tree.shapes[0], tree.offsets, flat, log_moves), log_moves


@every_tree
def test_messages_give_every_state_given_the_parents(shape, offsets):
    """All that is said below a node, and nothing else, is in its message."""
    tree, evidence, moves = setting(shape, offsets)
    said = np.asarray(said_by(tree, evidence, moves)[0]).ravel()
    states, probability = enumerated(tree, offsets, evidence, moves)
    parents, levels = numbered_parents(tree, offsets)
    for node, (parent, level) in enumerate(zip(parents, levels, strict=True)):
        for state in (0, 1):
            given = states[:, parent] == state
            expected = probability[given & (states[:, node] == 1)].sum() / probability[given].sum()
            odds = said[node] * moves[level, state, 1] / moves[level, state, 0]
            np.testing.assert_allclose(odds / (1 + odds), expected, rtol=2e-5)
    top = probability[states[:, -1] == 1].sum()
    np.testing.assert_allclose(said[-1] / (1 + said[-1]), top, rtol=2e-5)


@every_tree
def test_states_are_drawn_jointly(shape, offsets):
    tree, evidence, moves = setting(shape, offsets)
    said, log_moves = said_by(tree, evidence, moves, N)
    uniform = jax.random.uniform(random_key(1), (N, evidence.size))
    drawn, of_parents = map(np.asarray, states_of(tree.shapes[0], tree.offsets, uniform, said, log_moves))
    parents, _ = numbered_parents(tree, offsets)
    np.testing.assert_array_equal(of_parents[:, :-1], drawn[:, parents])
    _, probability = enumerated(tree, offsets, evidence, moves)
    number = drawn @ 2 ** np.arange(evidence.size)[::-1]
    found = np.bincount(number, minlength=probability.size)
    often = N * probability > 5
    chi2 = ((found - N * probability)[often] ** 2 / (N * probability)[often]).sum()
    assert stats.chi2(often.sum() - 1).sf(chi2) > 1e-4
    assert found[~often].sum() < 10 + 2 * N * probability[~often].sum()


def test_without_evidence_nothing_is_said():
    tree, evidence, moves = setting(*TREES[0])
    assert np.abs(said_by(tree, 0 * evidence, moves)[0] - 1).max() < 1e-6


def test_extreme_evidence_stays_finite():
    """A certain node, and moves that almost never happen, in float32."""
    tree, evidence, _ = setting(*TREES[2])
    moves = np.tile([[1 - 1e-12, 1e-12], [1e-12, 1 - 1e-12]], (len(tree.levels), 1, 1))
    for log_strength in (80.0, -80.0):
        said, log_moves = said_by(tree, np.full(evidence.size, log_strength), moves)
        assert np.isfinite(said).all() and (said > 0).all()
        half = jnp.full((1, evidence.size), 0.5)
        states, _ = states_of(tree.shapes[0], tree.offsets, half, said, log_moves)
        assert (states == (log_strength > 0)).all()
