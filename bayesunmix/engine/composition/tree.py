r"""Draw the atom of every pixel under an optional-stopping dyadic tree, exactly: one pass up and one pass down.

Every node of the tree has an atom. A *quiet* node passes it on to all pixels below. A *lively* node hands it to its two
halves, and each half keeps it or draws another one:

.. math::
    P(\text{lively}) = \lambda_l, \qquad
    m_\text{half} \mid m \sim (1 - s_l) \, \delta_m + s_l \, g,

with a chance :math:`\lambda_l` and a chance :math:`s_l` for every level, and the frequencies g of the atoms. So regions
of one composition are as large as the counts allow: optional Polya trees [1]_, on the labels of a multiscale random
field [2]_. Given the log-likelihood of each pixel under each atom, what all pixels below a node say about its atom is
collected upwards, in O(P M), and atoms are drawn downwards. Then :math:`\lambda, s` have Beta posteriors and g has a
Dirichlet posterior.

A node with all of its pixels in one half is no place where anything can change; it passes everything on. The lower
levels are done tile by tile (`bayesunmix.engine.composition.tiles`), and are collected again on the way down, so that
nothing is kept of them. A tile without photons says nothing and keeps the atom that it gets: it is integrated out.

References
----------
.. [1] W. H. Wong and L. Ma, "Optional Polya tree and Bayesian inference", Ann. Stat. 38, 1433 (2010).
.. [2] C. A. Bouman and M. Shapiro, "A multiscale random field model for Bayesian image segmentation", IEEE Trans. Image
   Process. 3, 162 (1994).
"""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from bayesunmix.engine.composition.nodes import (
    AtomTree,
    Said,
    Split,
    count,
    given_to,
    go_down,
    go_up,
    merge,
    place,
    row_of,
    scaled,
)
from bayesunmix.engine.composition.tiles import Tiles
from bayesunmix.engine.device.gamma import log_gamma_variates
from bayesunmix.engine.device.threefry import numbered
from bayesunmix.engine.multiscale.pyramid import Tree, levels_of

# Beta parameters of a lively node and a quiet one, of a drawn half and a kept one; Dirichlet parameter of each atom.
PRIOR_LIVELY, PRIOR_DRAWN, PRIOR_ATOM = (1.0, 4.0), (1.0, 1.0), 0.2
_LEAST = 1e-6  # of a chance
_LEAST_FREQUENCY = 1e-12


def first_tree(shape: tuple[int, ...], n_atoms: int) -> AtomTree:
    """Return the tree to start from: all chances are 1/2, all atoms equally frequent."""
    n_levels = max(len(levels_of(shape)), 1)
    half = jnp.full(n_levels, 0.5, jnp.float32)
    return AtomTree(half, half, jnp.full(n_atoms, 1 / n_atoms, jnp.float32), jnp.zeros(n_levels, jnp.int32))


def draw_atoms(
    key: Array, evidence: Callable[[Array], Array], seen: Array, told: Array, tree: AtomTree
) -> tuple[Array, AtomTree]:
    """Draw the atoms of all pixels, then the chances and frequencies given them.

    Parameters
    ----------
    key : JAX key
    evidence : callable (n,) -> (M, n)
        Log-likelihood under each atom of pixels with these numbers; constants of a pixel do not matter. Numbers beyond
        the last pixel may get any value.
    seen : (*shape) array of bool
        False for a masked pixel, which says nothing.
    told : (*shape) array of bool
        Whether a pixel has photons. Where a whole tile has none, `evidence` is taken as flat.
    tree : AtomTree
        What `first_tree` or the previous draw returned.

    Returns
    -------
    atoms : (*shape) int32 array
        Number of the atom; arbitrary where nothing is seen.
    tree : AtomTree
    """
    upper_key, lower_key, learn_key = jax.random.split(key, 3)
    tiles, n_atoms = Tiles(seen.shape, tree.offsets), len(tree.frequencies)
    upper = Tree(tiles.shape, tree.offsets[tiles.n_levels :], levels_of(seen.shape)[tiles.n_levels :])
    blocks = _Blocks(tiles, evidence, seen, tree)
    told = tiles.contain(seen & told)
    cells, quiet = blocks.collect(tiles.contain(seen), told)
    top, split = upper.up(go_up(tree, tiles.n_levels), jnp.concatenate(cells).reshape(-1, *tiles.shape), None)
    uniform = jax.random.uniform(upper_key, (5, sum(upper.sizes) + 1))
    root = place(tree.frequencies[:, None] * top[:n_atoms, None], uniform[0, -1:])
    start = jnp.concatenate([root, jnp.ones(1, root.dtype)])
    barrier = jax.lax.optimization_barrier  # keeps the way up from being compiled into the way down
    of_tiles, found = upper.down(
        go_down(tree, tiles.n_levels), start, given_to(tree, barrier(split), uniform[:, :-1])
    )
    counts, tallies = jnp.zeros(n_atoms).at[root].add(1), jnp.zeros((4, len(tree.lively)))
    counts, tallies = count((counts, tallies), found, split.real, tiles.n_levels + upper.level_of_node())
    labels, counts, tallies = blocks.draw(lower_key, of_tiles.reshape(2, -1), told, quiet, (counts, tallies))
    return labels, _learn(learn_key, counts, tallies, tree)


class _Blocks:
    """Go through some of the tiles, several at once."""

    def __init__(self, tiles: Tiles, evidence: Callable[[Array], Array], seen: Array, tree: AtomTree):
        self.tiles, self.evidence, self.tree = tiles, evidence, tree
        self.seen = jnp.append(seen.ravel(), False)

    def collect(self, seen: Array, told: Array) -> tuple[Said, Array]:
        """Return what each tile says, and the chance that it is quiet given its atom, (M, tiles).

        Which tiles have pixels and which have photons is given, (tiles,) of bool.
        """
        shape = len(self.tree.frequencies), self.tiles.n

        def block(at: Array, state: tuple[Said, Array]) -> tuple[Said, Array]:
            said, splits = self._up(self.tiles.cells_of(at))
            found = said, splits[-1].quiet if splits else jnp.zeros((shape[0], at.size))
            return jax.tree.map(lambda whole, part: whole.at[:, at].set(part), state, found)

        flat = Said(jnp.ones(shape), jnp.ones(shape), seen[None].astype(jnp.float32))
        return self._over(told, block, (flat, jnp.zeros(shape)))

    def draw(
        self, key: Array, of_tiles: Array, told: Array, quiet: Array, counted: tuple[Array, Array]
    ) -> tuple[Array, Array, Array]:
        """Draw the atoms of all pixels given those of tiles and whether all above is lively, (2, tiles), and count.

        Only lively tiles are gone through: all pixels of the others have one atom.
        """
        tiles, tree = self.tiles, self.tree
        root_key, key = jax.random.split(key)
        chance = row_of(quiet, of_tiles[0])
        may = told & (of_tiles[1] > 0)
        lively = may & (jax.random.uniform(root_key, chance.shape) >= chance)
        labels = tiles.spread(of_tiles[0]).ravel()
        if tiles.n_levels == 0:
            return labels.reshape(tiles.cells), *counted
        counts, tallies = counted
        counted = counts, tallies.at[1, tiles.n_levels - 1].add((may & ~lively).sum())

        def block(at: Array, state: tuple[Array, Array, Array]) -> tuple[Array, Array, Array]:
            labels, *counted = state
            cells = tiles.cells_of(at)
            _, splits = self._up(cells)
            splits[-1] = splits[-1]._replace(quiet=jnp.zeros_like(splits[-1].quiet))  # these are lively
            joined = jax.tree.map(lambda *parts: jnp.concatenate(parts, axis=1), *splits)
            uniform = jax.random.uniform(numbered(key, at[0]), (5, joined.real.shape[1]))
            given = given_to(tree, joined, uniform)
            # The padding lies beyond the last tile, and gets what the last one gets; nobody sees it.
            value, of_levels, end = of_tiles[:, at], [], joined.real.shape[1]
            for level in reversed(range(tiles.n_levels)):
                begin = end - splits[level].real.shape[1]
                own = jax.tree.map(lambda part, begin=begin, end=end: part[:, begin:end], given)
                halves, found = go_down(tree, 0)(level, value, own)
                value, end = jnp.concatenate(halves, axis=1), begin
                of_levels.append(found)
            labels = labels.at[cells].set(value[0], mode="drop")
            found = jax.tree.map(lambda *parts: jnp.concatenate(parts[::-1], axis=1), *of_levels)
            numbers = np.repeat(np.arange(len(splits)), [split.real.shape[1] for split in splits])
            return labels, *count(counted, found, joined.real, jnp.asarray(numbers))

        labels, counts, tallies = self._over(lively, block, (labels, *counted))
        return labels.reshape(tiles.cells), counts, tallies

    def _over(self, chosen: Array, step: Callable[[Array, Any], Any], start: Any) -> Any:
        """Call ``step(tiles, state) -> state`` for the chosen tiles, several at once, padded by the number beyond."""
        size, rank = self.tiles.at_once, jnp.cumsum(chosen)
        last = -(-self.tiles.n // size) * size
        places = jnp.full(last, self.tiles.n)
        places = places.at[jnp.where(chosen, rank - 1, last)].set(jnp.arange(self.tiles.n), mode="drop")

        def block(i: Array, state: Any) -> Any:
            return step(jax.lax.dynamic_slice_in_dim(places, i * size, size), state)

        return jax.lax.fori_loop(0, -(-rank[-1] // size), block, start)

    def _up(self, cells: Array) -> tuple[Said, list[Split]]:
        """Collect what tiles say, given the numbers of their cells, and how their nodes split, a level at a time."""
        seen = self.seen[cells]
        log = self.evidence(cells)
        likelihood = jnp.where(seen, jnp.exp(log - log.max(axis=0)), 1)
        said, splits = scaled(likelihood, likelihood, seen[None].astype(jnp.float32), self.tree), []
        for level in range(self.tiles.n_levels):
            said, split = merge(self.tree, level, said)
            splits.append(split)
        return said, splits


def _learn(key: Array, counts: Array, tallies: Array, tree: AtomTree) -> AtomTree:
    prior = jnp.asarray([*PRIOR_LIVELY, *PRIOR_DRAWN])[:, None]
    of_levels = jnp.broadcast_to(prior, (4, len(tree.lively))) + tallies
    logs = log_gamma_variates(key, jnp.concatenate([of_levels.ravel(), counts + PRIOR_ATOM]))
    lively, quiet, drawn, kept = logs[: of_levels.size].reshape(of_levels.shape)
    return tree._replace(
        lively=jnp.clip(jax.nn.sigmoid(lively - quiet), _LEAST, 1 - _LEAST),
        drawn=jnp.clip(jax.nn.sigmoid(drawn - kept), _LEAST, 1 - _LEAST),
        frequencies=jnp.maximum(jax.nn.softmax(logs[of_levels.size :]), _LEAST_FREQUENCY),
    )
