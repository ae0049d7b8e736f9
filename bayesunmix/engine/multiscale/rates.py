r"""Draw maps of rates under the multiscale prior, by one pass up a dyadic pyramid and one pass down.

Going down the pyramid, every node splits its rate between two halves [1]_. A node is quiet or lively. Its state decides
how it may split, and how likely the states of its two halves are: a hidden Markov tree [2]_. Given the state s,

.. math::
    \rho \mid s \sim \pi_{s0} \, \delta_w + \sum_j \pi_{sj} \, \mathrm{Beta}(2 a_j w, 2 a_j (1 - w)), \qquad
    P(s \mid \text{parent's state } r) = M_{rs},

where w is the fraction of the node's pixels in the first half. There is an exactly even split inside a grain, nearly
even ones, and free ones at an edge. Edges are few and long, so that what lies inside an even block is nearly always
even. The weights :math:`\pi` and the transition matrix M are learned for every level and map. Given Poisson counts the
states follow from messages up the tree, and given the states the splits of all nodes are independent: nothing is
approximated. The total rate has a Gamma(1/2) posterior.

Pairs of cells begin at an offset that is chosen for every level. A random offset moves the blocks about, so that the
average over offsets shows no blocks. It must stay the same for many sweeps where spectra overlap: there a sweep passes
on only a small part of what the counts say, and blocks that move in every sweep smooth maps away.

A grid of any shape works. Cells that lie outside, or are masked, have no exposure. Exposures may differ between cells
(`bayesunmix.engine.composition`): a split is then even if both halves have the same rate per exposure.

References
----------
.. [1] E. D. Kolaczyk, "Bayesian multiscale models for Poisson processes", J. Am. Stat. Assoc. 94, 920 (1999).
.. [2] M. S. Crouse, R. D. Nowak and R. G. Baraniuk, "Wavelet-based statistical signal processing using hidden Markov
   models", IEEE Trans. Signal Process. 46, 886 (1998).
"""

from collections.abc import Callable
from typing import NamedTuple, cast

import jax
import jax.numpy as jnp
from jax import Array
from jax.flatten_util import ravel_pytree

from bayesunmix.engine.device.gamma import gamma_variates, log_gamma_variates
from bayesunmix.engine.multiscale.hidden_tree import draw_states, messages
from bayesunmix.engine.multiscale.pyramid import Nodes, Tree, levels_of
from bayesunmix.engine.multiscale.splits import (
    KINDS,
    SHAPES,
    Chosen,
    choose,
    draw_from_prior,
    draw_kinds,
    draw_shares,
    randoms,
    tally,
)

__all__ = ["SHAPES", "Pyramid", "draw_rates", "first_pyramid", "levels_of"]

# Dirichlet parameters, of a quiet node first and then of a lively one. They keep the states distinct, so that neither
# takes the other's place; a level of many nodes learns its own. The quiet state is this strict because weaker priors
# gave larger errors at low doses. Columns are the even split and `SHAPES`; then a quiet half, and a lively one.
PRIOR_WEIGHTS = ((200.0, 0.1, 0.1, 0.1, 1.0), (0.1, 5.0, 1.0, 0.5, 0.1))
PRIOR_MOVES = ((200.0, 1.0), (2.0, 2.0))
_CERTAIN = 1e30  # likelihood ratio that fixes a state


class Pyramid(NamedTuple):
    """Hold what is learned about the splits, and where the pairs of each level begin.

    Attributes
    ----------
    log_weights : (maps, levels, 2, kinds) array
        Logarithms of the weights of the kinds of split, for a quiet node and for a lively one.
    log_moves : (maps, levels, 2, 2) array or None
        Logarithms of the transition matrices, from the state of the parent (first) to that of a node of the level. The
        uppermost level has no parents. None if states do not depend on parents; then all nodes are quiet.
    offsets : (levels,) array of 0 or 1
    prior_weights, prior_moves : (2, kinds) and (2, 2) arrays
        Dirichlet parameters of the rows of both.
    """

    log_weights: Array
    log_moves: Array | None
    offsets: Array
    prior_weights: Array
    prior_moves: Array

    def move(self, key: Array) -> "Pyramid":
        """Draw new offsets."""
        return self._replace(offsets=jax.random.bernoulli(key, 0.5, self.offsets.shape).astype(jnp.int32))


def first_pyramid(shape: tuple[int, ...], n_maps: int, handed_down: bool = True) -> Pyramid:
    """Return the pyramid to start from, with the means of the prior.

    With `handed_down`, the state of a node depends on its parent's. Without it, all nodes are quiet and may split in
    any way, so that a node says nothing about its halves.
    """
    n_levels = max(len(levels_of(shape)), 1)
    weights = jnp.asarray(PRIOR_WEIGHTS if handed_down else jnp.ones((2, KINDS)), jnp.float32)
    moves = jnp.asarray(PRIOR_MOVES, jnp.float32)

    def start(rows: Array) -> Array:
        return jnp.tile(jnp.log(rows / rows.sum(axis=1, keepdims=True)), (n_maps, n_levels, 1, 1))

    offsets = jnp.zeros(n_levels, jnp.int32)
    return Pyramid(start(weights), start(moves) if handed_down else None, offsets, weights, moves)


def draw_rates(key: Array, counts: Array, exposure: Array, pyramid: Pyramid) -> tuple[Array, Pyramid]:
    """Draw the rates of all cells given Poisson counts, and learn the weights and transition matrices.

    Parameters
    ----------
    key : JAX key
    counts : (K, *shape) array
        Whole numbers.
    exposure : (*shape) array
        1, or 0 for a masked cell (its counts must be 0). Other values say what an even map looks like.
    pyramid : Pyramid
        What `first_pyramid` or the previous draw returned.

    Returns
    -------
    rates : (K, *shape) array
    pyramid : Pyramid
        With the new weights and transition matrices.
    """
    keys = jax.random.split(key, 4)
    tree = Tree(exposure.shape, pyramid.offsets)
    if not tree.levels:
        return gamma_variates(keys[0], counts + 0.5) * (exposure > 0), pyramid
    whole, halves = tree.up(_add, jnp.concatenate([counts, exposure[None]]), None)
    barrier = jax.lax.optimization_barrier
    # Barriers keep the compiler from copying this arithmetic into the loop of every level.
    first, second = barrier(halves)
    n, pixels = Nodes(first[:-1], second[:-1]), Nodes(first[-1], second[-1])
    total, real = n.first + n.second, (pixels.first > 0) & (pixels.second > 0)
    # A node with at most one count is as likely under every kind of split, and so are all below it: it carries no
    # information about its state. Such nodes are integrated out when the weights and moves are drawn, then drawn from
    # the prior, so that a map that is mostly vacuum learns as fast as one without. That is exact, because whatever is
    # above an informative node is informative too: what remains is a tree again, under the same prior.
    tells = total > 1
    chosen = choose(tells | real & ((total > 0) | (pixels.first != pixels.second)))
    level, n_levels = tree.level_of_node(), len(tree.levels)
    evidence, kinds = draw_kinds(keys[0], chosen, n, pixels, level, pyramid.log_weights)
    uniform = randoms(jax.random.bits(keys[1], (2, *total.shape)))
    evidence = jnp.where(tells & real, evidence, 1)
    lively, of_moves, completed = _draw_states(tree, chosen, uniform.state, tells, evidence, pyramid)
    kind = jnp.where(lively, kinds[1], kinds[0])
    of_kinds = tally(chosen, tells & real, level, n_levels, lively, kind, KINDS)
    pyramid, rate = learn_weights(keys[2], of_kinds, of_moves, whole[:-1], pyramid)
    prior_kind, untold = draw_from_prior(uniform, level, completed(pyramid), pyramid.log_weights)
    told = draw_shares(keys[3], chosen, n, pixels, jnp.where(tells, kind, prior_kind))
    share = jnp.where(chosen.wanted, told, untold)
    share = jnp.where(real, share, (pixels.first > 0).astype(share.dtype))
    return tree.down(_split, rate, barrier(share))[0] * (exposure > 0), pyramid


def _draw_states(
    tree: Tree, chosen: Chosen, uniform: Array, tells: Array, evidence: Array, pyramid: Pyramid
) -> tuple[Array, Array | None, Callable[[Pyramid], Array]]:
    """Draw the states of informative nodes.

    Returns
    -------
    lively : (K, nodes) array of bool
    of_moves : (K, levels, 2, 2) array or None
        How often a node of one state had a parent of another; None if states do not depend on parents.
    completed : callable (pyramid) -> (K, nodes) array of bool
        Draws the states of the other nodes with the new transition matrices, and returns all.
    """
    quiet = jnp.zeros(tells.shape, bool)
    if pyramid.log_moves is None:
        return quiet, None, lambda learned: quiet
    barrier = jax.lax.optimization_barrier
    lively, parent = draw_states(
        tree, barrier(uniform), messages(tree, barrier(evidence), pyramid.log_moves), pyramid.log_moves
    )
    of_moves = tally(chosen, tells, tree.level_of_node(), len(tree.levels), parent, lively, 2)

    def completed(learned: Pyramid) -> Array:
        certain = jnp.where(tells, jnp.where(lively, _CERTAIN, 0), 1)
        return draw_states(tree, barrier(uniform), certain, cast(Array, learned.log_moves))[0]

    return lively, of_moves.at[:, -1].set(0), completed


def _add(level: Array | int, halves: Nodes, own: None) -> tuple[Array, Nodes]:
    return halves.first + halves.second, halves


def _split(level: Array | int, rate: Array, share: Array) -> tuple[Nodes, None]:
    return Nodes(rate * share, rate * (1 - share)), None


def learn_weights(
    key: Array, of_kinds: Array, of_moves: Array | None, total: Array, pyramid: Pyramid
) -> tuple[Pyramid, Array]:
    """Draw weights and transition matrices given tallies, and the total rate of each map given its counts."""
    posterior = {"total": total + 0.5, "log_weights": of_kinds + pyramid.prior_weights}
    if of_moves is not None:
        posterior["log_moves"] = of_moves + pyramid.prior_moves
    flat, shaped = ravel_pytree(posterior)
    drawn = shaped(log_gamma_variates(key, flat))
    total = jnp.exp(drawn.pop("total"))
    learned = {name: jax.nn.log_softmax(logs, axis=-1) for name, logs in drawn.items()}
    return pyramid._replace(**learned), total
