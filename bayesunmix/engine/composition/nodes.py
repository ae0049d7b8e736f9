r"""Collect what the two halves of nodes say of their atom, and hand atoms down: one level of the tree of atoms.

With :math:`e_m` the likelihood of what is below a half given that the half gets the atom m, divided by its mean under
the frequencies g, a half that may draw another atom says :math:`(1 - s) e_m + s`. What nodes say needs no logarithms,
which would be slow. The model is in `bayesunmix.engine.composition.tree`.
"""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jax import Array

from bayesunmix.engine.multiscale.pyramid import Nodes

_TINY = 1e-37
_ROUNDING = 1e-5  # of a sum of chances: what is beyond it is nobody's


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


class Said(NamedTuple):
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


class Split(NamedTuple):
    """Hold what is needed to go down: (M, nodes) of both halves and of the node itself, and whether it can split."""

    first: Array
    second: Array
    quiet: Array
    real: Array


class Found(NamedTuple):
    """Hold what happened at each node, (1, nodes) each: what its status was, and what its halves did."""

    parent_lively: Array
    lively: Array
    drawn: Nodes
    atoms: Nodes


def scaled(any_: Array, same: Array, seen: Array, tree: AtomTree) -> Said:
    """Divide by the mean over atoms. So both lose the same constant at every node, and keep their digits."""
    scale = 1 / (tree.frequencies[:, None] * any_).sum(axis=0)
    return Said(any_ * scale, same * scale, seen)


def merge(tree: AtomTree, level: Any, halves: Said) -> tuple[Said, Split]:
    """Collect what nodes say from both halves at once, (..., 2 n): the first ones, and then the second ones."""
    lively, drawn = tree.lively[level], tree.drawn[level]
    first, second = jnp.split(halves.any, 2, axis=1)
    real = _product(halves.seen)
    if_quiet = _product(halves.same)
    if_lively = _product((1 - drawn) * halves.any + drawn)
    of_node = jnp.where(real > 0, (1 - lively) * if_quiet + lively * if_lively, first * second)
    quiet = jnp.where(real > 0, (1 - lively) * if_quiet / jnp.maximum(of_node, _TINY), 0)
    seen = jnp.maximum(*jnp.split(halves.seen, 2, axis=1))
    return scaled(of_node, if_quiet, seen, tree), Split(first, second, quiet, real)


def _product(of_halves: Array) -> Array:
    """Multiply the two halves of (..., 2 n) values."""
    first, second = jnp.split(of_halves, 2, axis=-1)
    return first * second


def go_up(tree: AtomTree, n_below: int) -> Any:
    """Make the step up, of levels above `n_below`. Values are those of `Said`, one below the other."""
    n_atoms = len(tree.frequencies)

    def step(level: Any, halves: Nodes, own: None) -> tuple[Array, Split]:
        both = jnp.concatenate(halves, axis=1)  # every operation on both halves at once compiles faster
        seen = both[-1:]
        outside = seen == 0  # says nothing
        any_, same = (jnp.where(outside, 1, part) for part in jnp.split(both[:-1], [n_atoms]))
        said, split = merge(tree, level + n_below, Said(any_, same, seen))
        return jnp.concatenate(said), split

    return step


def given_to(tree: AtomTree, split: Split, uniform: Array) -> tuple[Split, Array, Array]:
    """Join what the way down needs: how nodes split, the atoms that their halves get if they draw one, and numbers."""
    weights = tree.frequencies[:, None] * jnp.concatenate(split[:2], axis=1)
    atoms = place(weights, uniform[:2].ravel())
    return split, atoms.reshape(2, -1), uniform[2:]


def go_down(tree: AtomTree, n_below: int) -> Any:
    """Make the step down. Values are the atom that a node gets, and whether all above it are lively."""

    def step(level: Any, value: Array, own: Any) -> tuple[Nodes, Found]:
        (first, second, quiet, real), new_atoms, uniform = own
        atom, parent_lively = value
        lively = parent_lively * (uniform[0] >= row_of(quiet, atom))
        chance = tree.drawn[level + n_below]
        keep = (1 - chance) * jnp.concatenate([row_of(first, atom), row_of(second, atom)])
        may = jnp.tile(real[0] * lively > 0, 2)
        new = may & (uniform[1:].ravel() * (keep + chance) >= keep)
        atoms = jnp.where(new, new_atoms.ravel(), jnp.tile(atom, 2))
        halves = Nodes(*jnp.split(jnp.stack([atoms, jnp.tile(lively, 2)]), 2, axis=1))
        of_new = Nodes(*jnp.split(new[None].astype(jnp.float32), 2, axis=1))
        return halves, Found(
            parent_lively[None], lively[None], of_new, Nodes(halves.first[:1], halves.second[:1])
        )

    return step


def row_of(table: Array, rows: Array) -> Array:
    """Return the entry of each column, of (M, n), in its row, (n,)."""
    return jnp.take_along_axis(table, rows[None], axis=0)[0]


def place(weights: Array, uniform: Array) -> Array:
    """Draw a row of each column, of (M, n) chances that sum to one."""

    def step(state: tuple[Array, Array], weight: Array) -> tuple[tuple[Array, Array], None]:
        heaped = state[0] + weight
        return (heaped, state[1] + (heaped <= at)), None

    at = uniform * (1 - _ROUNDING)
    start = jnp.zeros_like(at), jnp.zeros(at.shape, jnp.int32)
    return jnp.minimum(jax.lax.scan(step, start, weights)[0][1], len(weights) - 1)


def count(counted: Any, found: Found, real: Array, level: Array) -> tuple[Array, Array]:
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
