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
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from bayesunmix.engine.composition.tiles import Tiles
from bayesunmix.engine.device.gamma import log_gamma_variates
from bayesunmix.engine.device.threefry import numbered
from bayesunmix.engine.multiscale.pyramid import Nodes, Tree, levels_of

# Beta parameters of a lively node and a quiet one, of a drawn half and a kept one; Dirichlet parameter of each atom.
PRIOR_LIVELY, PRIOR_DRAWN, PRIOR_ATOM = (1.0, 4.0), (1.0, 1.0), 0.2
_LEAST = 1e-6  # of a chance
_ROUNDING = 1e-5  # of a sum of chances: what is beyond it is nobody's
_LEAST_FREQUENCY = 1e-12
_TINY = 1e-37


class AtomTree(NamedTuple):
    """Hold what is learned about regions, and where the pairs of each level begin.

    Attributes
    ----------
    lively : (levels,) array
        Chance that a node is lively.
    drawn : (levels,) array
        Chance that a half of a lively node draws its atom.
    frequencies : (M,) array
        How often each atom is drawn; they sum to one.
    offsets : (levels,) array of 0 or 1
    """

    lively: Array
    drawn: Array
    frequencies: Array
    offsets: Array

    def move(self, key: Array) -> "AtomTree":
        """Draw new offsets."""
        return self._replace(offsets=jax.random.bernoulli(key, 0.5, self.offsets.shape).astype(jnp.int32))


def first_tree(shape: tuple[int, ...], n_atoms: int) -> AtomTree:
    """Return the tree to start from: all chances are 1/2, all atoms equally frequent."""
    n_levels = max(len(levels_of(shape)), 1)
    half = jnp.full(n_levels, 0.5, jnp.float32)
    return AtomTree(half, half, jnp.full(n_atoms, 1 / n_atoms, jnp.float32), jnp.zeros(n_levels, jnp.int32))


class _Said(NamedTuple):
    """Hold what all pixels below each node say about its atom.

    Attributes
    ----------
    any : (M, nodes) array
        Likelihood of what is below, given the atom, over its mean when the atom is drawn from the frequencies.
    same : (M, nodes) array
        Likelihood if all below is of this atom, over the same mean.
    seen : (1, nodes) array of 0 or 1
        Whether there are any pixels.
    """

    any: Array
    same: Array
    seen: Array


class _Split(NamedTuple):
    """Hold what is needed to go down: (M, nodes) of both halves and of the node itself, and whether it can split."""

    first: Array
    second: Array
    quiet: Array
    real: Array


class _Found(NamedTuple):
    """Hold what happened at each node, (1, nodes) each: what its status was, and what its halves did."""

    parent_lively: Array
    lively: Array
    drawn: Nodes
    atoms: Nodes


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
    blocks = _Blocks(tiles, evidence, seen, tiles.contain(seen & told), tree)
    cells = blocks.collect(tiles.contain(seen))
    top, split = upper.up(
        _go_up(tree, tiles.n_levels), jnp.concatenate(cells).reshape(-1, *tiles.shape), None
    )
    uniform = jax.random.uniform(upper_key, (5, sum(upper.sizes) + 1))
    root = _place(tree.frequencies[:, None] * top[:n_atoms, None], uniform[0, -1:])
    start = jnp.concatenate([root, jnp.ones(1, root.dtype)])
    barrier = jax.lax.optimization_barrier  # keeps the way up from being compiled into the way down
    of_tiles, found = upper.down(
        _go_down(tree, tiles.n_levels), start, _given(tree, barrier(split), uniform[:, :-1])
    )
    counts, tallies = jnp.zeros(n_atoms).at[root].add(1), jnp.zeros((4, len(tree.lively)))
    counts, tallies = _count((counts, tallies), found, split.real, tiles.n_levels + upper.level_of_node())
    labels, counts, tallies = blocks.draw(lower_key, of_tiles.reshape(2, -1), (counts, tallies))
    return labels, _learn(learn_key, counts, tallies, tree)


class _Blocks:
    """Go through the tiles that have photons, several at once."""

    def __init__(
        self, tiles: Tiles, evidence: Callable[[Array], Array], seen: Array, told: Array, tree: AtomTree
    ):
        self.tiles, self.evidence, self.tree = tiles, evidence, tree
        self.seen = jnp.append(seen.ravel(), False)
        size, rank = tiles.at_once, jnp.cumsum(told)
        last = -(-tiles.n // size) * size
        self.places = jnp.full(last, tiles.n).at[jnp.where(told, rank - 1, last)].set(jnp.arange(tiles.n))
        self.n_blocks = -(-rank[-1] // size)

    def collect(self, seen: Array) -> _Said:
        """Return what each tile says, given which of them have pixels, (tiles,)."""
        n_atoms = len(self.tree.frequencies)

        def block(i: Array, said: _Said) -> _Said:
            at = self._at(i)
            found, _ = self._up(self.tiles.cells_of(at))
            return _Said(*(whole.at[:, at].set(part) for whole, part in zip(said, found, strict=True)))

        flat = jnp.ones((n_atoms, self.tiles.n))
        return jax.lax.fori_loop(0, self.n_blocks, block, _Said(flat, flat, seen[None].astype(jnp.float32)))

    def draw(self, key: Array, of_tiles: Array, counted: tuple[Array, Array]) -> tuple[Array, Array, Array]:
        """Draw the atoms of all pixels given those of tiles and whether all above is lively, (2, tiles), and count."""
        tiles, tree = self.tiles, self.tree

        def block(i: Array, state: tuple[Array, Array, Array]) -> tuple[Array, Array, Array]:
            labels, *counted = state
            at = self._at(i)
            cells = tiles.cells_of(at)
            _, splits = self._up(cells)
            joined = jax.tree.map(lambda *parts: jnp.concatenate(parts, axis=1), *splits)
            uniform = jax.random.uniform(numbered(key, i), (5, joined.real.shape[1]))
            given = _given(tree, joined, uniform)
            # The padding lies beyond the last tile, and gets what the last one gets; nobody sees it.
            value, of_levels, end = of_tiles[:, at], [], joined.real.shape[1]
            for level in reversed(range(tiles.n_levels)):
                begin = end - splits[level].real.shape[1]
                own = jax.tree.map(lambda part, begin=begin, end=end: part[:, begin:end], given)
                halves, found = _go_down(tree, 0)(level, value, own)
                value, end = jnp.concatenate(halves, axis=1), begin
                of_levels.append(found)
            labels = labels.at[cells].set(value[0], mode="drop")
            found = jax.tree.map(lambda *parts: jnp.concatenate(parts[::-1], axis=1), *of_levels)
            numbers = np.repeat(np.arange(len(splits)), [split.real.shape[1] for split in splits])
            return labels, *_count(counted, found, joined.real, jnp.asarray(numbers))

        labels = tiles.spread(of_tiles[0]).ravel()
        if tiles.n_levels == 0:  # a single pixel
            return labels.reshape(tiles.cells), *counted
        labels, counts, tallies = jax.lax.fori_loop(0, self.n_blocks, block, (labels, *counted))
        return labels.reshape(tiles.cells), counts, tallies

    def _at(self, i: Array) -> Array:
        return jax.lax.dynamic_slice_in_dim(self.places, i * self.tiles.at_once, self.tiles.at_once)

    def _up(self, cells: Array) -> tuple[_Said, list[_Split]]:
        """Collect what tiles say, given the numbers of their cells, and how their nodes split, a level at a time."""
        seen = self.seen[cells]
        log = self.evidence(cells)
        likelihood = jnp.where(seen, jnp.exp(log - log.max(axis=0)), 1)
        said, splits = _scaled(likelihood, likelihood, seen[None].astype(jnp.float32), self.tree), []
        for level in range(self.tiles.n_levels):
            said, split = _merge(self.tree, level, said)
            splits.append(split)
        return said, splits


def _scaled(any_: Array, same: Array, seen: Array, tree: AtomTree) -> _Said:
    """Divide by the mean over atoms. So both lose the same constant at every node, and keep their digits."""
    scale = 1 / (tree.frequencies[:, None] * any_).sum(axis=0)
    return _Said(any_ * scale, same * scale, seen)


def _merge(tree: AtomTree, level: Any, halves: _Said) -> tuple[_Said, _Split]:
    """Collect what nodes say from both halves at once, (..., 2 n): the first ones, and then the second ones."""
    lively, drawn = tree.lively[level], tree.drawn[level]
    first, second = jnp.split(halves.any, 2, axis=1)
    real = _product(halves.seen)
    if_quiet = _product(halves.same)
    if_lively = _product((1 - drawn) * halves.any + drawn)
    of_node = jnp.where(real > 0, (1 - lively) * if_quiet + lively * if_lively, first * second)
    quiet = jnp.where(real > 0, (1 - lively) * if_quiet / jnp.maximum(of_node, _TINY), 0)
    seen = jnp.maximum(*jnp.split(halves.seen, 2, axis=1))
    return _scaled(of_node, if_quiet, seen, tree), _Split(first, second, quiet, real)


def _product(of_halves: Array) -> Array:
    """Multiply the two halves of (..., 2 n) values."""
    first, second = jnp.split(of_halves, 2, axis=-1)
    return first * second


def _go_up(tree: AtomTree, n_below: int) -> Any:
    """Make the step up, of levels above `n_below`. Values are those of `_Said`, one below the other."""
    n_atoms = len(tree.frequencies)

    def step(level: Any, halves: Nodes, own: None) -> tuple[Array, _Split]:
        both = jnp.concatenate(halves, axis=1)  # every operation on both halves at once compiles faster
        seen = both[-1:]
        outside = seen == 0  # says nothing
        any_, same = (jnp.where(outside, 1, part) for part in jnp.split(both[:-1], [n_atoms]))
        said, split = _merge(tree, level + n_below, _Said(any_, same, seen))
        return jnp.concatenate(said), split

    return step


def _given(tree: AtomTree, split: _Split, uniform: Array) -> tuple[_Split, Array, Array]:
    """Join what the way down needs: how nodes split, the atoms that their halves get if they draw one, and numbers."""
    weights = tree.frequencies[:, None] * jnp.concatenate(split[:2], axis=1)
    atoms = _place(weights, uniform[:2].ravel())
    return split, atoms.reshape(2, -1), uniform[2:]


def _go_down(tree: AtomTree, n_below: int) -> Any:
    """Make the step down. Values are the atom that a node gets, and whether all above it are lively."""

    def step(level: Any, value: Array, own: Any) -> tuple[Nodes, _Found]:
        (first, second, quiet, real), new_atoms, uniform = own
        atom, parent_lively = value
        lively = parent_lively * (uniform[0] >= _row(quiet, atom))
        chance = tree.drawn[level + n_below]
        keep = (1 - chance) * jnp.concatenate([_row(first, atom), _row(second, atom)])
        may = jnp.tile(real[0] * lively > 0, 2)
        new = may & (uniform[1:].ravel() * (keep + chance) >= keep)
        atoms = jnp.where(new, new_atoms.ravel(), jnp.tile(atom, 2))
        halves = Nodes(*jnp.split(jnp.stack([atoms, jnp.tile(lively, 2)]), 2, axis=1))
        of_new = Nodes(*jnp.split(new[None].astype(jnp.float32), 2, axis=1))
        return halves, _Found(
            parent_lively[None], lively[None], of_new, Nodes(halves.first[:1], halves.second[:1])
        )

    return step


def _row(table: Array, rows: Array) -> Array:
    """Return the entry of each column, of (M, n), in its row, (n,)."""
    return jnp.take_along_axis(table, rows[None], axis=0)[0]


def _place(weights: Array, uniform: Array) -> Array:
    """Draw a row of each column, of (M, n) chances that sum to one."""

    def step(state: tuple[Array, Array], weight: Array) -> tuple[tuple[Array, Array], None]:
        heaped = state[0] + weight
        return (heaped, state[1] + (heaped <= at)), None

    at = uniform * (1 - _ROUNDING)
    start = jnp.zeros_like(at), jnp.zeros(at.shape, jnp.int32)
    return jnp.minimum(jax.lax.scan(step, start, weights)[0][1], len(weights) - 1)


def _count(counted: Any, found: _Found, real: Array, level: Array) -> tuple[Array, Array]:
    """Add to how often each atom was drawn, (M,), and to the tallies of each level, (4, levels).

    Tallies are lively nodes, quiet ones, drawn halves and kept ones. Only nodes that can split count.
    """
    counts, tallies = counted
    for atoms, drawn in zip(found.atoms, found.drawn, strict=True):
        counts = counts.at[atoms[0]].add(drawn[0])
    lively = found.lively[0] * real[0]
    quiet = (found.parent_lively[0] - found.lively[0]) * real[0]
    drawn = found.drawn.first[0] + found.drawn.second[0]
    each = jnp.stack([lively, quiet, drawn, 2 * lively - drawn], axis=1).astype(jnp.float32)
    sums = jax.ops.segment_sum(each, level, tallies.shape[1], indices_are_sorted=True)
    return counts, tallies + sums.T


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
