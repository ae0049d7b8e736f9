"""Tiles of a pyramid against the words of the module: every cell has one place, and tiles say what they contain."""

import jax.numpy as jnp
import numpy as np
import pytest

from bayesunmix.engine.composition import tiles as module
from bayesunmix.engine.composition.tiles import Tiles
from bayesunmix.engine.multiscale.pyramid import levels_of


@pytest.mark.parametrize("offset", [0, 1])
@pytest.mark.parametrize("n_cells", [1, 4, 16, 256])
@pytest.mark.parametrize("shape", [(1,), (5,), (7, 9), (2, 30), (3, 10, 6)])
def test_every_cell_is_in_the_tile_that_its_pairs_lead_to(monkeypatch, shape, n_cells, offset):
    monkeypatch.setattr(module, "CELLS", n_cells)
    levels = levels_of(shape)
    tiles = Tiles(shape, jnp.full(max(len(levels), 1), offset, jnp.int32))
    where = np.indices(shape)
    for level in levels[: tiles.n_levels]:
        where[level.axis] = (where[level.axis] + level.begin(offset)) // 2
    tile = np.ravel_multi_index(list(where), tiles.shape)
    np.testing.assert_array_equal(tiles.spread(jnp.arange(tiles.n)), tile)
    cells = np.asarray(tiles.cells_of(jnp.arange(tiles.n + 1))).reshape(tiles.n_cells, -1)
    assert (cells[:, -1] == tile.size).all()
    inside = cells[cells < tile.size]
    np.testing.assert_array_equal(np.sort(inside), np.arange(tile.size))
    numbers = np.broadcast_to(np.arange(tiles.n + 1), cells.shape)[cells < tile.size]
    np.testing.assert_array_equal(tile.ravel()[inside], numbers)
    marked = np.random.default_rng(0).random(shape) < 0.1
    expected = np.zeros(tiles.n, bool)
    expected[tile[marked]] = True
    np.testing.assert_array_equal(tiles.contain(jnp.asarray(marked)), expected)
