"""A dyadic pyramid over a grid of any shape: which two halves each node has, and which parent.

Pairs of cells begin at an offset that is chosen for every level. There is no padding to a power of two: a row of n
cells becomes n // 2 + 1 pairs, of which the first and the last may have a half outside.
"""

import math
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array


class Level(NamedTuple):
    """One level of the pyramid: the axis along which `n` cells become `pairs`."""

    axis: int
    n: int
    pairs: int


class Nodes(NamedTuple):
    """Values in the two halves of nodes; of all levels one after the other, finest first, they are (..., nodes)."""

    first: Array
    second: Array


def levels_of(shape: tuple[int, ...]) -> tuple[Level, ...]:
    """Return the levels that lead from the cells of a grid to one node: axes in turn, the last axis first."""
    cells, extent, levels = list(shape), [1] * len(shape), []
    while max(cells) > 1:
        axis = min((a for a in range(len(cells)) if cells[a] > 1), key=lambda a: (extent[a], -a))
        n = cells[axis]
        cells[axis] = 1 if n == 2 else n // 2 + 1
        extent[axis] *= 2
        levels.append(Level(axis, n, cells[axis]))
    return tuple(levels)


class Tree:
    """The pyramid of one grid. The halves of a node are nodes of the level below, or cells.

    Parameters
    ----------
    shape : tuple of int
        Of the grid.
    offsets : (levels,) array of 0 or 1
        Where the pairs of each level begin.
    """

    def __init__(self, shape: tuple[int, ...], offsets: Array):
        self.levels, self.offsets = levels_of(shape), offsets
        self.node_shapes, cells = [], list(shape)
        for level in self.levels:
            cells[level.axis] = level.pairs
            self.node_shapes.append(tuple(cells))
        self.sizes = [math.prod(nodes) for nodes in self.node_shapes]

    def level_of_node(self) -> Array:
        """Return the number of the level of each node, (nodes,)."""
        return jnp.asarray(np.repeat(np.arange(len(self.levels)), self.sizes))

    def by_level(self, values: Array) -> list[Array]:
        """Take (K, nodes) values apart: (K, *nodes of a level), finest first."""
        ends = np.cumsum(self.sizes)
        return [
            values[:, end - size : end].reshape(-1, *nodes)
            for end, size, nodes in zip(ends, self.sizes, self.node_shapes, strict=True)
        ]

    def halves(self, cells: Array, i: int, outside: float = 0) -> Nodes:
        """Return the two halves of every node of level i from the (K, *shape) below, and what has none there."""
        level = self.levels[i]
        axis = level.axis + 1
        room = list(cells.shape)
        room[axis] = 2 * level.pairs
        start: list[Array | int] = [0] * cells.ndim
        start[axis] = self._begin(i)
        padded = jax.lax.dynamic_update_slice(jnp.full(room, outside, cells.dtype), cells, start)
        paired = padded.reshape(*room[:axis], level.pairs, 2, *room[axis + 1 :])
        return Nodes(*(jax.lax.index_in_dim(paired, half, axis + 1, keepdims=False) for half in (0, 1)))

    def cells(self, halves: Nodes, i: int) -> Array:
        """Put the halves of the nodes of level i side by side again, and leave out what lies outside."""
        level = self.levels[i]
        axis = level.axis + 1
        paired = jnp.stack(halves, axis=axis + 1)
        cells = paired.reshape(*paired.shape[:axis], 2 * level.pairs, *paired.shape[axis + 2 :])
        return jax.lax.dynamic_slice_in_dim(cells, self._begin(i), level.n, axis)

    def sums(self, cells: Array) -> tuple[Nodes, Array]:
        """Sum (K, *shape) cells up the pyramid: the two halves of every node, (K, nodes), and the whole, (K,)."""
        first, second = [], []
        for i in range(len(self.levels)):
            halves = self.halves(cells, i)
            cells = halves.first + halves.second
            first.append(halves.first.reshape(len(cells), -1))
            second.append(halves.second.reshape(len(cells), -1))
        return Nodes(jnp.concatenate(first, axis=1), jnp.concatenate(second, axis=1)), cells.ravel()

    def _begin(self, i: int) -> Array | int:
        return 0 if self.levels[i].pairs == 1 else self.offsets[i]
