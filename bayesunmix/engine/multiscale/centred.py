r"""Draw spectra that follow a template where it explains the counts, and leave it where it does not: a Polya tree.

Channels are the cells of a dyadic pyramid (`bayesunmix.engine.multiscale.pyramid`). Every node splits what it has
between its two halves, and the template says at which fraction w [1]_. A node is quiet or lively, and its state decides
how likely its halves are to be so too, as in `bayesunmix.engine.multiscale.rates`:

.. math::
    \rho \mid s \sim \pi_{s0} \, \delta_w + \sum_j \pi_{sj} \, \mathrm{Beta}(2 a_j w, 2 a_j (1 - w)), \qquad
    w = \frac{T_\text{first}}{T_\text{first} + T_\text{second}}.

Splits of quiet nodes are nearly all exactly those of the template, and a spectrum of quiet nodes is the template.
Lively nodes stand where a line is missing, shifted or too many. Given the counts all splits are independent, and all of
them can be integrated out: `log_evidence` says how likely the counts are under a template whatever the deviations from
it. That is what chooses between templates.

References
----------
.. [1] M. Lavine, "Some aspects of Polya tree distributions for statistical modelling", Ann. Stat. 20, 1222 (1992).
"""

from typing import NamedTuple, cast

import jax
import jax.numpy as jnp
from jax import Array

from bayesunmix.engine.device.gamma import SMALLEST, log_gamma_variates
from bayesunmix.engine.multiscale.hidden_tree import draw_states
from bayesunmix.engine.multiscale.pyramid import Nodes, Tree
from bayesunmix.engine.multiscale.rates import Pyramid, learn_weights
from bayesunmix.engine.multiscale.splits import KINDS, SHAPES, log_beta_binomial

_LITTLE = 1e-6  # stands for 0 counts in a quotient that is multiplied by 0
_MOST_SAID = 60.0  # logarithm of a likelihood ratio that fixes a state
_BLOCK = 512  # nodes that deviate


class Weighed(NamedTuple):
    """Hold what the counts of K components say of every node, and what their templates say.

    Attributes
    ----------
    n, share : Nodes
        Counts of both halves, and the fractions of the template, (K, nodes) each.
    tells : (K, nodes) array of bool
        Whether the counts can tell kinds of split apart.
    by_kind : (K, kinds, nodes) array
        Log-probability of the counts under each kind of split; the first is exactly the template's.
    """

    n: Nodes
    share: Nodes
    tells: Array
    by_kind: Array


def weigh(tree: Tree, counts: Array, template: Array) -> Weighed:
    """Sum counts and template over the halves of all nodes, and weigh the kinds of split by the counts.

    Parameters
    ----------
    tree : Tree
        Of at least two channels.
    counts : (K, C) array
        Whole numbers.
    template : (K, C) array
        Positive.
    """
    barrier = jax.lax.optimization_barrier  # without it the compiler computes much anew wherever it is used
    _, halves = tree.up(_add, jnp.concatenate([counts, template]), None)
    n, own = barrier(
        tuple(Nodes(*part) for part in zip(*(jnp.split(half, 2) for half in halves), strict=True))
    )
    whole = jnp.maximum(own.first + own.second, SMALLEST)
    share = Nodes(own.first / whole, own.second / whole)
    real = (own.first > 0) & (own.second > 0)  # not where a half lies beyond the axis
    half = Nodes(*(jnp.where(real, part, 0.5) for part in share))
    strength = 2 * jnp.asarray(SHAPES)[:, None]
    n_of, half_of = (Nodes(*(part[:, None] for part in of)) for of in (n, half))
    free = log_beta_binomial(*n_of, strength * half_of.first, strength * half_of.second)
    by_kind = jnp.concatenate([_log_binomial(n_of, half_of), free], axis=1)
    tells = real & (n.first + n.second > 1)
    return barrier(Weighed(n, share, tells, jnp.where(real[:, None], by_kind, 0)))


def log_evidence(tree: Tree, weighed: Weighed, pyramid: Pyramid) -> Array:
    """Return the log-probability of the counts of each component, all deviations from its template integrated out.

    Returns
    -------
    (K,) array
        Up to a term of the counts alone.
    """
    states = _of_states(tree, weighed, pyramid)
    moves = _log_moves(pyramid)
    said = _messages(tree, states[:, 1] - states[:, 0], moves)
    level = tree.level_of_node()
    of_node = states[:, 0] + jnp.logaddexp(moves[:, level, 0, 0], moves[:, level, 0, 1] + said)
    return of_node.sum(axis=1)


def draw_spectra(key: Array, tree: Tree, weighed: Weighed, pyramid: Pyramid) -> tuple[Array, Pyramid]:
    """Draw spectra about their templates given counts, and learn how often nodes leave it.

    Parameters
    ----------
    key : JAX key
    tree : Tree
    weighed : Weighed
        What `weigh` returned.
    pyramid : Pyramid
        What `bayesunmix.engine.multiscale.rates.first_pyramid` or the previous draw returned.

    Returns
    -------
    spectra : (K, C) array
        Each sums to one.
    pyramid : Pyramid
        With new weights and transition matrices.
    """
    keys, tells = jax.random.split(key, 3), weighed.tells
    states, moves = _of_states(tree, weighed, pyramid), _log_moves(pyramid)
    # A node with at most one count is as likely under every kind of split, and so are all below it. Such nodes are left
    # out when weights and moves are drawn, and are drawn from the prior then (see `rates.draw_rates`). So a node needs
    # one pair of random numbers.
    evidence = jnp.where(tells, states[:, 1] - states[:, 0], 0)
    said = jnp.exp(jnp.clip(_messages(tree, evidence, moves), -_MOST_SAID, _MOST_SAID))
    uniform, of_kind = jax.random.uniform(keys[0], (2, *said.shape))
    lively, parent = draw_states(tree, uniform, said, cast(Array, pyramid.log_moves))
    kind = _draw_kind(of_kind, tree, lively, weighed.by_kind, pyramid)
    of_kinds = _tally(tree, tells, lively, kind, KINDS)
    of_moves = _tally(tree, tells, parent, lively, 2).at[:, -1].set(0)
    total = weighed.n.first[:, -1] + weighed.n.second[:, -1]
    pyramid, _ = learn_weights(keys[1], of_kinds, of_moves, total, pyramid)
    certain = jnp.where(tells, jnp.where(lively, jnp.exp(_MOST_SAID), 0), 1)
    lively = draw_states(tree, uniform, certain, cast(Array, pyramid.log_moves))[0]
    untold = _draw_kind(of_kind, tree, lively, jnp.zeros_like(weighed.by_kind), pyramid)
    shares = _draw_shares(keys[2], weighed, jnp.where(tells, kind, untold))
    spectra = tree.down(_go_down, jnp.ones(len(tells)), shares)[0]
    spectra = jnp.maximum(spectra, SMALLEST)
    return spectra / spectra.sum(axis=1, keepdims=True), pyramid


def _log_binomial(n: Nodes, share: Nodes) -> Array:
    """Return the log-probability of the counts in both halves, less that at their own fraction."""
    total = jnp.maximum(n.first + n.second, _LITTLE)
    of_halves = [
        part * (jnp.log(given) - jnp.log(jnp.maximum(part / total, _LITTLE)))
        for part, given in zip(n, share, strict=True)
    ]
    return of_halves[0] + of_halves[1]


def _of_states(tree: Tree, weighed: Weighed, pyramid: Pyramid) -> Array:
    """Return the log-likelihood of each node's counts under the quiet state and the lively one, (K, 2, nodes)."""
    weights = jnp.moveaxis(pyramid.log_weights[:, tree.level_of_node()], 1, 3)
    return jax.nn.logsumexp(weights + weighed.by_kind[:, None], axis=2)


def _log_moves(pyramid: Pyramid) -> Array:
    """Return the transition matrices; the uppermost node has no parent, and both states are equally likely."""
    return cast(Array, pyramid.log_moves).at[:, -1].set(jnp.log(0.5))


def _messages(tree: Tree, evidence: Array, moves: Array) -> Array:
    """Collect what each node and all below say about its state: the logarithm of a likelihood ratio, (K, nodes)."""

    def say(level: Array | int, halves: Nodes, own: Array) -> tuple[Array, Array]:
        said = own + halves.first + halves.second
        of_level = moves[:, level][..., None]
        quiet, lively = (jnp.logaddexp(of_level[:, r, 0], of_level[:, r, 1] + said) for r in (0, 1))
        return lively - quiet, said

    return tree.up(say, jnp.zeros((len(evidence), *tree.shapes[0])), evidence)[1]


def _draw_kind(uniform: Array, tree: Tree, lively: Array, by_kind: Array, pyramid: Pyramid) -> Array:
    """Draw the kind of split of every node given its state and a number from 0 to 1, (K, nodes)."""
    weights = jnp.moveaxis(pyramid.log_weights[:, tree.level_of_node()], 1, 3)
    logs = jnp.where(lively[:, None], weights[:, 1], weights[:, 0]) + by_kind
    heaped = jnp.cumsum(jnp.exp(logs - logs.max(axis=1, keepdims=True)), axis=1)
    return (uniform[:, None] * heaped[:, -1:] >= heaped[:, :-1]).sum(axis=1)


def _tally(tree: Tree, counted: Array, rows: Array, columns: Array, n: int) -> Array:
    """Count nodes by component, level, row (of two) and column (of n): (K, levels, 2, n)."""
    cell = rows.astype(jnp.int32) * n + columns.astype(jnp.int32)
    # A product of matrices is faster than adding one node after the other.
    of_cell = (counted[:, None] & (cell[:, None] == jnp.arange(2 * n)[:, None])).astype(jnp.float32)
    of_level = jax.nn.one_hot(tree.level_of_node(), len(tree.levels), dtype=jnp.float32)
    found = jnp.einsum("kan,nl->kla", of_cell, of_level)
    return found.reshape(*found.shape[:2], 2, n)


def _draw_shares(key: Array, weighed: Weighed, kind: Array) -> Nodes:
    """Draw the fractions of both halves given the kind of split: those of the template, but for few nodes."""
    n, share = weighed.n, weighed.share
    deviates = (kind > 0) & (share.first > 0) & (share.second > 0)
    strength = 2 * jnp.asarray((1.0, *SHAPES))[kind]
    posterior = jnp.stack([own + strength * w for own, w in zip(n, share, strict=True)]).reshape(2, -1)
    size = min(deviates.size, _BLOCK)
    places = jnp.nonzero(deviates.ravel(), size=deviates.size, fill_value=0)[0]
    n_blocks = -(-deviates.sum() // size)

    def block(i: Array, fractions: Array) -> Array:
        start = jnp.minimum(i * size, deviates.size - size)
        at = jax.lax.dynamic_slice_in_dim(places, start, size)
        log_first, log_second = log_gamma_variates(jax.random.fold_in(key, i), posterior[:, at])
        of_halves = jax.nn.sigmoid(jnp.stack([log_first - log_second, log_second - log_first]))
        return fractions.at[:, at].set(jnp.where(deviates.ravel()[at], of_halves, fractions[:, at]))

    exact = jnp.stack(share).reshape(2, -1)
    fractions = jax.lax.fori_loop(0, n_blocks, block, exact)
    return Nodes(*fractions.reshape(2, *kind.shape))


def _add(level: Array | int, halves: Nodes, own: None) -> tuple[Array, Nodes]:
    return halves.first + halves.second, halves


def _go_down(level: Array | int, value: Array, share: Nodes) -> tuple[Nodes, None]:
    return Nodes(value * share.first, value * share.second), None
