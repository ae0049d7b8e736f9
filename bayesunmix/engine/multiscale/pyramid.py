"""Build a dyadic pyramid over a grid of any shape: the two halves of each node, and its parent.

Pairs of cells begin at an offset that is chosen for every level. There is no padding to a power of two: a row of n
cells becomes n // 2 + 1 pairs, and the first and the last pair may have a half outside the grid.

Every level has a shape of its own, which takes long to compile however small it is. So the upper levels, which have few
cells, are one loop over tables of the halves of each node.
"""

import math
from collections.abc import Callable
from functools import cache
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

FEW = 512  # cells


class Level(NamedTuple):
    """Describe one level of the pyramid: the axis along which `n` cells become `pairs`."""

    axis: int
    n: int
    pairs: int

    def begin(self, offset: Any) -> Any:
        """Return where the pairs begin; a single pair cannot move."""
        return 0 if self.pairs == 1 else offset


class Nodes(NamedTuple):
    """Hold values in the two halves of nodes, (..., nodes) each."""

    first: Array
    second: Array


def levels_of(shape: tuple[int, ...]) -> tuple[Level, ...]:
    """Return the levels from the cells of a grid to a single node: axes in turn, the last axis first."""
    cells, extent, levels = list(shape), [1] * len(shape), []
    while max(cells) > 1:
        axis = min((a for a in range(len(cells)) if cells[a] > 1), key=lambda a: (extent[a], -a))
        n = cells[axis]
        cells[axis] = 1 if n == 2 else n // 2 + 1
        extent[axis] *= 2
        levels.append(Level(axis, n, cells[axis]))
    return tuple(levels)


class Tree:
    """Represent the pyramid of one grid. The halves of a node are nodes of the level below, or cells.

    Values of nodes are (K, nodes) arrays, one level after the other, finest first.

    Parameters
    ----------
    shape : tuple of int
        Shape of the grid.
    offsets : (levels,) array of 0 or 1
        Where the pairs of each level begin.
    levels : tuple of Level, optional
        Levels of this grid. The default is those of `levels_of`; a part of a larger pyramid has others.
    """

    def __init__(self, shape: tuple[int, ...], offsets: Array, levels: tuple[Level, ...] | None = None):
        self.levels, self.offsets = levels_of(shape) if levels is None else levels, offsets
        self.shapes = [shape]  # of the cells below each level, and of what is above all
        for level in self.levels:
            cells = list(self.shapes[-1])
            cells[level.axis] = level.pairs
            self.shapes.append(tuple(cells))
        self.sizes = [math.prod(nodes) for nodes in self.shapes[1:]]
        self.n_lower = sum(math.prod(cells) > FEW for cells in self.shapes[:-1])
        self.tables = _tables(self.levels[self.n_lower :], self.shapes[self.n_lower])

    def level_of_node(self) -> Array:
        """Return the number of the level of each node, (nodes,)."""
        return jnp.asarray(np.repeat(np.arange(len(self.levels)), self.sizes))

    def up(
        self, step: Callable[[Any, Nodes, Any], tuple[Array, Any]], cells: Array, own: Any, outside: float = 0
    ) -> tuple[Array, Any]:
        """Go from the halves of nodes to the nodes, level by level.

        Parameters
        ----------
        step : callable
            ``(number of the level, halves, own) -> (value, found)``, arrays (K, nodes of the level) or trees of them.
            Values of nodes are those of the halves of the next level.
        cells : (K, *shape) array
            Values of the cells.
        own : tree of (K, nodes) arrays
            Passed to `step`, a level at a time.
        outside : float
            Value of a half outside the grid.

        Returns
        -------
        value : (K,) array
            Value of the uppermost node.
        found : tree of (K, nodes) arrays
        """
        found = []
        for i in range(self.n_lower):
            value, of_level = step(i, self._halves(cells, i, outside), self._of_level(own, i))
            cells = value.reshape(-1, *self.shapes[i + 1])
            found.append(of_level)

        def loop(cells: Array, given: tuple[Array, Array, Any]) -> tuple[Array, Any]:
            number, halves, own = given
            whole = jnp.pad(cells, ((0, 0), (0, 1)), constant_values=outside)
            return step(number, Nodes(whole[:, halves[0]], whole[:, halves[1]]), own)

        cells = cells.reshape(len(cells), -1)
        cells, of_levels = jax.lax.scan(loop, cells, self._upper(self.tables.halves, own))
        return cells[:, 0], _concatenated([*found, self._joined(of_levels)])

    def down(
        self, step: Callable[[Any, Array, Any], tuple[Nodes, Any]], top: Array, own: Any
    ) -> tuple[Array, Any]:
        """Go from nodes to their halves, level by level.

        Parameters
        ----------
        step : callable
            ``(number of the level, value, own) -> (halves, found)``, arrays (K, nodes of the level) or trees of them.
            Halves are the values of the nodes of the next level down.
        top : (K,) array
            Value of the uppermost node.
        own : tree of (K, nodes) arrays
            Passed to `step`, a level at a time.

        Returns
        -------
        cells : (K, *shape) array
            Halves of the lowest nodes.
        found : tree of (K, nodes) arrays
        """

        def loop(value: Array, given: tuple[Array, Array, Any]) -> tuple[Array, Any]:
            number, whence, own = given
            halves, of_level = step(number, value, own)
            return jnp.concatenate(halves, axis=1)[:, whence], of_level

        value = jnp.pad(top[:, None], ((0, 0), (0, math.prod(self.shapes[self.n_lower]) - 1)))
        value, of_levels = jax.lax.scan(loop, value, self._upper(self.tables.whence, own), reverse=True)
        found = [self._joined(of_levels)]
        for i in reversed(range(self.n_lower)):
            halves, of_level = step(i, value, self._of_level(own, i))
            value = self._cells(halves, i)
            found.append(of_level)
        return value.reshape(-1, *self.shapes[0]), _concatenated(found[::-1])

    def _of_level(self, values: Any, i: int) -> Any:
        end = sum(self.sizes[: i + 1])
        return jax.tree.map(lambda part: part[:, end - self.sizes[i] : end], values)

    def _halves(self, cells: Array, i: int, outside: float) -> Nodes:
        """Return the two halves of every node of level i from the (K, *shape) below, `outside` beyond the grid."""
        level = self.levels[i]
        axis = level.axis + 1
        room = list(cells.shape)
        room[axis] = 2 * level.pairs
        start: list[Array | int] = [0] * cells.ndim
        start[axis] = level.begin(self.offsets[i])
        padded = jax.lax.dynamic_update_slice(jnp.full(room, outside, cells.dtype), cells, start)
        paired = padded.reshape(*room[:axis], level.pairs, 2, *room[axis + 1 :])
        halves = (jax.lax.index_in_dim(paired, half, axis + 1, keepdims=False) for half in (0, 1))
        return Nodes(*(half.reshape(len(cells), -1) for half in halves))

    def _cells(self, halves: Nodes, i: int) -> Array:
        """Put the halves of the nodes of level i side by side again, and drop what lies outside the grid."""
        level = self.levels[i]
        axis = level.axis + 1
        paired = jnp.stack([half.reshape(-1, *self.shapes[i + 1]) for half in halves], axis=axis + 1)
        cells = paired.reshape(*paired.shape[:axis], 2 * level.pairs, *paired.shape[axis + 2 :])
        cells = jax.lax.dynamic_slice_in_dim(cells, level.begin(self.offsets[i]), level.n, axis)
        return cells.reshape(len(cells), -1)

    def _upper(self, table: np.ndarray, own: Any) -> tuple[Array, Array, Any]:
        """Prepare a loop over the upper levels: their numbers, their part of a table, and their own values."""
        numbers = np.arange(self.n_lower, len(self.levels))
        of_levels = jnp.asarray(table)[numbers - self.n_lower, self.offsets[self.n_lower :]]
        slots = self.tables.slots + sum(self.sizes[: self.n_lower])
        return (
            jnp.asarray(numbers),
            of_levels,
            jax.tree.map(lambda part: jnp.moveaxis(part[:, slots], 1, 0), own),
        )

    def _joined(self, of_levels: Any) -> Any:
        """Join what a loop over the upper levels found, (levels, K, width) arrays."""
        return jax.tree.map(
            lambda part: jnp.moveaxis(part, 0, 1).reshape(part.shape[1], -1)[:, self.tables.places], of_levels
        )


class _Tables(NamedTuple):
    """Hold the halves of each node at levels of few cells. All levels are as wide as there are cells below them.

    Attributes
    ----------
    halves : (levels, 2, 2, width) int array
        For either offset, the cell that is the first half of each node and the one that is the second; `width` where
        there is none.
    whence : (levels, 2, width) int array
        For either offset, the place of each cell among the first halves followed by the second halves.
    slots : (levels, width) int array
        The node at each place; arbitrary where there is none.
    places : (nodes,) int array
        The place of each node among those of all levels.
    """

    halves: np.ndarray
    whence: np.ndarray
    slots: np.ndarray
    places: np.ndarray


@cache
def _tables(levels: tuple[Level, ...], shape: tuple[int, ...]) -> _Tables:
    width, cells = math.prod(shape), list(shape)
    halves = np.full((len(levels), 2, 2, width), width)
    whence, slots = np.zeros((len(levels), 2, width), int), np.zeros((len(levels), width), int)
    places: list[int] = []
    for i, level in enumerate(levels):
        place = list(np.indices(cells).reshape(len(cells), -1))
        along, n = place[level.axis], math.prod(cells)
        cells[level.axis] = level.pairs
        for offset in (0, 1):
            half = along + level.begin(offset)
            place[level.axis] = half // 2
            node = np.ravel_multi_index(place, cells)
            halves[i, offset, half % 2, node] = np.arange(n)
            whence[i, offset, :n] = half % 2 * width + node
        n_nodes = math.prod(cells)
        slots[i, :n_nodes] = len(places) + np.arange(n_nodes)
        places += range(i * width, i * width + n_nodes)
    return _Tables(halves, whence, slots, np.array(places, int))


def _concatenated(parts: list[Any]) -> Any:
    return jax.tree.map(lambda *arrays: jnp.concatenate(arrays, axis=1), *parts)
