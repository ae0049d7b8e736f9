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

A node with all of its pixels in one half is no place where anything can change; it passes everything on.

References
----------
.. [1] W. H. Wong and L. Ma, "Optional Polya tree and Bayesian inference", Ann. Stat. 38, 1433 (2010).
.. [2] C. A. Bouman and M. Shapiro, "A multiscale random field model for Bayesian image segmentation", IEEE Trans. Image
   Process. 3, 162 (1994).
"""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jax import Array

from bayesunmix.engine.device.gamma import log_gamma_variates
from bayesunmix.engine.multiscale.pyramid import Nodes, Tree, levels_of

# Beta parameters of a lively node and a quiet one, of a drawn half and a kept one; Dirichlet parameter of each atom.
PRIOR_LIVELY, PRIOR_DRAWN, PRIOR_ATOM = (1.0, 4.0), (1.0, 1.0), 0.2
_LEAST = 1e-6  # of a chance
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


class _Found(NamedTuple):
    """Hold what happened at each node, (1, nodes) each: what its status was, and what its halves did."""

    parent_lively: Array
    lively: Array
    drawn: Nodes
    atoms: Nodes


def draw_atoms(key: Array, evidence: Array, exposure: Array, tree: AtomTree) -> tuple[Array, AtomTree]:
    """Draw the atoms of all pixels, then the chances and frequencies given them.

    Parameters
    ----------
    key : JAX key
    evidence : (M, *shape) array
        Log-likelihood of each pixel under each atom; constants of a pixel do not matter.
    exposure : (*shape) array
        0 for a masked pixel, which says nothing.
    tree : AtomTree
        What `first_tree` or the previous draw returned.

    Returns
    -------
    atoms : (*shape) int32 array
        Number of the atom; arbitrary where there is no exposure.
    tree : AtomTree
    """
    uniform_key, learn_key = jax.random.split(key)
    grid = Tree(exposure.shape, tree.offsets)
    n_nodes = sum(grid.sizes)
    uniform = jax.random.uniform(uniform_key, (3, n_nodes + 1))
    seen = (exposure > 0).astype(jnp.float32)
    evidence = jnp.where(seen > 0, evidence - evidence.max(axis=0), 0)
    if not grid.levels:
        only = _pick(jnp.exp(evidence.reshape(-1, 1)), tree.frequencies[:, None], uniform[0, :1])
        counts = jnp.zeros_like(tree.frequencies).at[only].add(seen.ravel())
        return only.reshape(exposure.shape), _learn(learn_key, counts, None, tree)
    top, said = grid.up(_say(tree), jnp.concatenate([evidence, jnp.exp(evidence), seen[None]]), None)
    root = _pick(top[len(evidence) : -1, None], tree.frequencies[:, None], uniform[0, -1:])
    start = jnp.concatenate([root, jnp.ones(1, root.dtype)])
    barrier = jax.lax.optimization_barrier  # keeps the way up from being compiled into the way down
    cells, found = grid.down(_hand_down(tree), start, barrier((said, uniform[:, :-1])))
    real = said[-1]
    counts = jnp.zeros_like(tree.frequencies).at[root].add(1)
    for atoms, drawn in zip(found.atoms, found.drawn, strict=True):
        counts = counts.at[atoms[0]].add(drawn[0])
    tallies = _tallies(grid, real[0] > 0, found)
    return cells[0], _learn(learn_key, counts, tallies, tree)


def _say(tree: AtomTree) -> Any:
    """Make the step up.

    Values are the log-evidence if all below is of one atom, the evidence whatever is below over that of the likeliest
    atom, and the number of pixels. Evidence of one scale needs no logarithms, which would be slow. Both lose the same
    constant at every node, so that sums over many pixels keep their digits.
    """

    def step(level: Any, halves: Nodes, own: None) -> tuple[Array, tuple[Array, Array, Array, Array]]:
        lively, drawn = tree.lively[level], tree.drawn[level]
        both = jnp.concatenate(halves, axis=1)  # every operation on both halves at once compiles faster
        same, said = jnp.split(both[:-1], 2)
        said = jnp.where(both[-1] > 0, said, 1)
        anew = (tree.frequencies[:, None] * said).sum(axis=0)
        passed = (1 - drawn) * said + drawn * anew
        same = same[:, : same.shape[1] // 2] + same[:, same.shape[1] // 2 :]
        if_quiet, if_lively = (1 - lively) * jnp.exp(same), lively * _product(passed)
        pixels = halves.first[-1:], halves.second[-1:]
        real = (pixels[0] > 0) & (pixels[1] > 0)
        of_node = jnp.where(real, if_quiet + if_lively, _product(said))
        quiet = jnp.where(real, if_quiet / jnp.maximum(of_node, _TINY), 0)
        top = jnp.maximum(of_node.max(axis=0), _TINY)
        value = jnp.concatenate([same - jnp.log(top), of_node / top, pixels[0] + pixels[1]])
        first, second = jnp.split(said, 2, axis=1)
        return value, (first, second, quiet, real.astype(jnp.float32))

    return step


def _product(of_halves: Array) -> Array:
    """Multiply the two halves of (..., 2 n) values."""
    first, second = jnp.split(of_halves, 2, axis=-1)
    return first * second


def _hand_down(tree: AtomTree) -> Any:
    """Make the step down. Values are the atom that a node gets, and whether all above it are lively."""

    def step(level: Any, value: Array, own: Any) -> tuple[Nodes, _Found]:
        (first, second, quiet, real), uniform = own
        atom, parent_lively = value
        lively = parent_lively * (uniform[0] >= _row(quiet, atom))
        drawn = jnp.tile(tree.drawn[level] * real[0] * lively, 2)
        atom, said = jnp.tile(atom, 2), jnp.concatenate([first, second], axis=1)
        keep = (1 - drawn) * _row(said, atom)
        weights = tree.frequencies[:, None] * said
        at = jnp.concatenate([uniform[1], uniform[2]]) * (keep + drawn * weights.sum(axis=0))
        new = (at >= keep) & (drawn > 0)
        atom = jnp.where(new, _place(weights, (at - keep) / jnp.maximum(drawn, _LEAST)), atom)
        halves = Nodes(*jnp.split(jnp.stack([atom, jnp.tile(lively, 2)]), 2, axis=1))
        of_new = Nodes(*jnp.split(new[None].astype(jnp.float32), 2, axis=1))
        atoms = Nodes(halves.first[:1], halves.second[:1])
        return halves, _Found(parent_lively[None], lively[None], of_new, atoms)

    return step


def _row(table: Array, rows: Array) -> Array:
    """Return the entry of each column, of (M, n), in its row, (n,)."""
    return jnp.take_along_axis(table, rows[None], axis=0)[0]


def _place(weights: Array, at: Array) -> Array:
    """Return in which row the cumulative sum of each column, of (M, n), passes `at`, (n,)."""

    def step(state: tuple[Array, Array], weight: Array) -> tuple[tuple[Array, Array], None]:
        heaped = state[0] + weight
        return (heaped, state[1] + (heaped <= at)), None

    start = jnp.zeros_like(at), jnp.zeros(at.shape, jnp.int32)
    return jnp.minimum(jax.lax.scan(step, start, weights)[0][1], len(weights) - 1)


def _pick(likelihood: Array, frequencies: Array, uniform: Array) -> Array:
    """Draw a row of each column, of (M, n), with likelihoods and prior frequencies."""
    weights = frequencies * likelihood
    return _place(weights, uniform * weights.sum(axis=0))


def _tallies(grid: Tree, real: Array, found: _Found) -> Array:
    """Count lively nodes, quiet ones, drawn halves and kept ones, (4, levels). Only nodes that can split count."""
    lively = found.lively[0] * real
    quiet = (found.parent_lively[0] - found.lively[0]) * real
    drawn = found.drawn.first[0] + found.drawn.second[0]
    each = jnp.stack([lively, quiet, drawn, 2 * lively - drawn], axis=1).astype(jnp.float32)
    return jax.ops.segment_sum(each, grid.level_of_node(), len(grid.levels), indices_are_sorted=True).T


def _learn(key: Array, counts: Array, tallies: Array | None, tree: AtomTree) -> AtomTree:
    prior = jnp.asarray([*PRIOR_LIVELY, *PRIOR_DRAWN])[:, None]
    of_levels = jnp.broadcast_to(prior, (4, len(tree.lively))) + (0 if tallies is None else tallies)
    logs = log_gamma_variates(key, jnp.concatenate([of_levels.ravel(), counts + PRIOR_ATOM]))
    lively, quiet, drawn, kept = logs[: of_levels.size].reshape(of_levels.shape)
    return tree._replace(
        lively=jnp.clip(jax.nn.sigmoid(lively - quiet), _LEAST, 1 - _LEAST),
        drawn=jnp.clip(jax.nn.sigmoid(drawn - kept), _LEAST, 1 - _LEAST),
        frequencies=jnp.maximum(jax.nn.softmax(logs[of_levels.size :]), _LEAST_FREQUENCY),
    )
