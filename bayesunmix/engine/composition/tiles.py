"""Cut the lower levels of a pyramid into tiles: each is a small tree of its own, and many hold no photons at all.

Pairs of each level begin at an offset of 0 or 1, so the nodes of one level are tiles of one size, all with the same
shift. In a tile, cells are ordered so that the first halves of all nodes of a level come before all second halves.
"""

import math

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from bayesunmix.engine.multiscale.pyramid import levels_of

CELLS = 256  # of a tile, at most
AT_ONCE = 4096  # cells of all tiles that are looked at together, so that they fit in the cache


class Tiles:
    """Represent the tiles of a grid.

    Parameters
    ----------
    shape : tuple of int
        Shape of the grid of cells.
    offsets : (levels,) array of 0 or 1
        Where the pairs of each level begin.

    Attributes
    ----------
    n_levels : int
        Levels inside a tile.
    shape : tuple of int
        Shape of the grid of tiles.
    n, n_cells, at_once : int
        Tiles, cells of one, and tiles that are looked at together.
    """

    def __init__(self, shape: tuple[int, ...], offsets: Array):
        levels = levels_of(shape)
        self.n_levels = min(len(levels), int(math.log2(CELLS)))
        self.n_cells = 2**self.n_levels
        self.cells, tiles = shape, list(shape)
        self.sides = [1] * len(shape)  # in cells
        self.local = np.zeros((len(shape), self.n_cells), np.int32)
        self.shifts: list[Array | int] = [0] * len(shape)
        for i, level in enumerate(levels[: self.n_levels]):
            half = np.arange(self.n_cells) >> (self.n_levels - 1 - i) & 1
            self.local[level.axis] += half * self.sides[level.axis]
            self.shifts[level.axis] += level.begin(offsets[i]) * self.sides[level.axis]
            self.sides[level.axis] *= 2
            tiles[level.axis] = level.pairs
        self.shape = tuple(tiles)
        self.n = math.prod(tiles)
        self.at_once = min(max(AT_ONCE // self.n_cells, 1), self.n)

    def cells_of(self, tiles: Array) -> Array:
        """Return the numbers of the cells of some tiles, (cells of a tile x tiles,).

        A cell outside the grid has the number beyond the last, and so have all cells of a tile beyond the last.
        """
        inside, number = tiles < self.n, 0
        for tile, local, side, shift, n in zip(
            jnp.unravel_index(tiles, self.shape), self.local, self.sides, self.shifts, self.cells, strict=True
        ):
            along = tile * side - shift + local[:, None]
            inside, number = inside & (along >= 0) & (along < n), number * n + along
        return jnp.where(inside, number, math.prod(self.cells)).ravel()

    def contain(self, cells: Array) -> Array:
        """Return which tiles contain a cell that is marked, (tiles,) of bool, given the marks (*shape)."""
        room = [tiles * side for tiles, side in zip(self.shape, self.sides, strict=True)]
        padded = jax.lax.dynamic_update_slice(jnp.zeros(room, bool), cells, self.shifts)
        split = [part for pair in zip(self.shape, self.sides, strict=True) for part in pair]
        return padded.reshape(split).any(axis=tuple(range(1, len(split), 2))).ravel()

    def spread(self, values: Array) -> Array:
        """Return the value of the tile of each cell, (*shape), given those of tiles, (tiles,)."""
        along = [
            (jnp.arange(n) + shift) // side
            for n, shift, side in zip(self.cells, self.shifts, self.sides, strict=True)
        ]
        return values.reshape(self.shape)[jnp.ix_(*along)]
