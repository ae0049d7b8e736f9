"""Going up and down a pyramid against plain NumPy, with few levels of a shape of their own and with many."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from bayesunmix.engine.multiscale import pyramid
from bayesunmix.engine.multiscale.pyramid import Nodes, Tree, levels_of

SHAPES = [(9,), (5, 4), (3, 1, 6)]
K = 2


def paired(cells, level, offset, outside):
    """The halves of the nodes of a level, (K, *nodes, 2)."""
    axis, begin = level.axis + 1, offset if level.pairs > 1 else 0
    room = [(0, 0)] * cells.ndim
    room[axis] = (begin, 2 * level.pairs - level.n - begin)
    padded = np.moveaxis(np.pad(cells, room, constant_values=outside), axis, -1)
    return np.moveaxis(padded.reshape(*padded.shape[:-1], level.pairs, 2), -2, axis)


def apart(halves, level, offset):
    """The inverse of `paired`."""
    axis, begin = level.axis + 1, offset if level.pairs > 1 else 0
    joined = np.moveaxis(halves, axis, -2)
    joined = joined.reshape(*joined.shape[:-2], -1)[..., begin : begin + level.n]
    return np.moveaxis(joined, -1, axis)


@pytest.fixture(params=[(shape, few) for shape in SHAPES for few in (0, 6, 1000)], ids=str)
def setting(request, monkeypatch):
    """A tree with its levels, where their pairs begin, and random numbers."""
    shape, few = request.param
    monkeypatch.setattr(pyramid, "FEW", few)
    rng = np.random.default_rng(len(shape))
    levels = levels_of(shape)
    offsets = rng.integers(0, 2, len(levels))
    return Tree(shape, jnp.asarray(offsets)), levels, offsets, rng


def test_halves_and_nodes_are_those_of_numpy(setting):
    tree, levels, offsets, rng = setting
    cells = rng.integers(1, 9, (K, *tree.shapes[0]))
    own = rng.integers(0, 5, (K, sum(tree.sizes)))

    def step(level, halves, own):
        return halves.first + 2 * halves.second + own * (level + 1), (halves, own)

    up = jax.jit(lambda offsets, *given: Tree(tree.shapes[0], offsets).up(step, *given, outside=1))
    top, (found, same) = up(tree.offsets, jnp.asarray(cells), jnp.asarray(own))
    np.testing.assert_array_equal(same, own)
    ends, expected = np.cumsum(tree.sizes), cells
    for i, (level, offset) in enumerate(zip(levels, offsets, strict=True)):
        halves = paired(expected, level, offset, outside=1)
        here = slice(ends[i] - tree.sizes[i], ends[i])
        for half in (0, 1):
            np.testing.assert_array_equal(found[half][:, here], halves[..., half].reshape(K, -1))
        of_nodes = own[:, here].reshape(halves.shape[:-1])
        expected = halves @ [1, 2] + of_nodes * (i + 1)
    np.testing.assert_array_equal(top, expected.ravel())


def test_cells_and_parents_are_those_of_numpy(setting):
    tree, levels, offsets, rng = setting
    own, top = rng.integers(0, 5, (K, sum(tree.sizes))), rng.integers(0, 5, K)

    def step(level, value, own):
        return Nodes(value + own, 2 * value + level), value

    down = jax.jit(lambda offsets, *given: Tree(tree.shapes[0], offsets).down(step, *given))
    cells, found = down(tree.offsets, jnp.asarray(top), jnp.asarray(own))
    ends, expected = np.cumsum(tree.sizes), top.reshape(K, *tree.shapes[-1])
    for i in reversed(range(len(levels))):
        here = slice(ends[i] - tree.sizes[i], ends[i])
        np.testing.assert_array_equal(found[:, here], expected.reshape(K, -1))
        halves = [expected + own[:, here].reshape(expected.shape), 2 * expected + i]
        expected = apart(np.stack(halves, axis=-1), levels[i], offsets[i])
    np.testing.assert_array_equal(cells, expected)
    assert cells.shape == (K, *tree.shapes[0])


def test_levels_are_one_after_the_other():
    tree = Tree((5, 4), jnp.zeros(6, int))
    np.testing.assert_array_equal(np.bincount(tree.level_of_node()), tree.sizes)
