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
_LEAST_LOG_WEIGHT = -70.0


class _Split(NamedTuple):
    """Hold what the counts say of each node: its halves' counts and template shares, and log-likelihoods of kinds."""

    n: Nodes
    share: Nodes
    tells: Array
    by_kind: Array


def log_evidence(counts: Array, template: Array, pyramid: Pyramid) -> Array:
    """Return the log-probability of the counts of each component, all deviations from its template integrated out.

    Parameters
    ----------
    counts : (K, C) array
        Whole numbers.
    template : (K, C) array
        Positive.
    pyramid : Pyramid

    Returns
    -------
    (K,) array
        Up to a term of the counts alone.
    """
    tree = Tree(counts.shape[1:], pyramid.offsets)
    if not tree.levels:
        return jnp.zeros(len(counts))
    split = _split(tree, counts, template)
    states = _of_states(tree, split, pyramid)
    moves = _log_moves(pyramid)
    said = _messages(tree, states[1] - states[0], moves)
    level = tree.level_of_node()
    return (states[0] + jnp.logaddexp(moves[:, level, 0, 0], moves[:, level, 0, 1] + said)).sum(axis=1)


def draw_spectra(key: Array, counts: Array, template: Array, pyramid: Pyramid) -> tuple[Array, Pyramid]:
    """Draw spectra about their templates given counts, and learn how often nodes leave it.

    Parameters
    ----------
    key : JAX key
    counts : (K, C) array
        Whole numbers.
    template : (K, C) array
        Positive.
    pyramid : Pyramid
        What `bayesunmix.engine.multiscale.rates.first_pyramid` or the previous draw returned.

    Returns
    -------
    spectra : (K, C) array
        Each sums to one.
    pyramid : Pyramid
        With new weights and transition matrices.
    """
    tree = Tree(counts.shape[1:], pyramid.offsets)
    if not tree.levels:
        return jnp.ones(counts.shape, jnp.float32), pyramid
    keys = jax.random.split(key, 6)
    split = _split(tree, counts, template)
    states, moves = _of_states(tree, split, pyramid), _log_moves(pyramid)
    # A node with at most one count is as likely under every kind of split, and so are all below it. Such nodes are left
    # out when weights and moves are drawn, and are drawn from the prior then (see `rates.draw_rates`).
    evidence = jnp.where(split.tells, states[1] - states[0], 0)
    said = jnp.exp(jnp.clip(_messages(tree, evidence, moves), -_MOST_SAID, _MOST_SAID))
    uniform = jax.random.uniform(keys[0], said.shape)
    lively, parent = draw_states(tree, uniform, said, cast(Array, pyramid.log_moves))
    kind = _draw_kind(keys[1], tree, lively, split.by_kind, pyramid)
    of_kinds = _tally(tree, split.tells, lively, kind, KINDS)
    of_moves = _tally(tree, split.tells, parent, lively, 2).at[:, -1].set(0)
    pyramid, _ = learn_weights(keys[2], of_kinds, of_moves, counts.sum(axis=1), pyramid)
    certain = jnp.where(split.tells, jnp.where(lively, jnp.exp(_MOST_SAID), 0), 1)
    lively = draw_states(tree, uniform, certain, cast(Array, pyramid.log_moves))[0]
    untold = _draw_kind(keys[3], tree, lively, jnp.zeros_like(split.by_kind), pyramid)
    shares = _draw_shares(keys[4], split, jnp.where(split.tells, kind, untold))
    spectra = tree.down(_go_down, jnp.ones(len(counts)), shares)[0]
    spectra = jnp.maximum(spectra, SMALLEST)
    return spectra / spectra.sum(axis=1, keepdims=True), pyramid


def _split(tree: Tree, counts: Array, template: Array) -> _Split:
    """Sum counts and template over the halves of all nodes, and weigh the kinds of split by the counts."""
    _, halves = tree.up(_add, jnp.concatenate([counts, template]), None)
    n, own = (Nodes(*part) for part in zip(*(jnp.split(half, 2) for half in halves), strict=True))
    whole = jnp.maximum(own.first + own.second, SMALLEST)
    share = Nodes(own.first / whole, own.second / whole)
    real = (own.first > 0) & (own.second > 0)  # not where a half lies beyond the axis
    half = Nodes(*(jnp.where(real, part, 0.5) for part in share))
    strength = 2 * jnp.asarray(SHAPES)[:, None, None]
    free = log_beta_binomial(*n, strength * half.first, strength * half.second)
    by_kind = jnp.concatenate([_log_binomial(n, half)[None], free])
    return _Split(n, share, real & (n.first + n.second > 1), jnp.where(real, by_kind, 0))


def _log_binomial(n: Nodes, share: Nodes) -> Array:
    """Return the log-probability of the counts in both halves, less that at their own fraction."""
    total = jnp.maximum(n.first + n.second, _LITTLE)
    of_halves = [
        part * (jnp.log(given) - jnp.log(jnp.maximum(part / total, _LITTLE)))
        for part, given in zip(n, share, strict=True)
    ]
    return of_halves[0] + of_halves[1]


def _of_states(tree: Tree, split: _Split, pyramid: Pyramid) -> Array:
    """Return the log-likelihood of each node's counts under the quiet state and the lively one, (2, K, nodes)."""
    weights = jnp.moveaxis(pyramid.log_weights[:, tree.level_of_node()], (2, 3), (0, 1))
    return jax.nn.logsumexp(weights + split.by_kind[None], axis=1)


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


def _draw_kind(key: Array, tree: Tree, lively: Array, by_kind: Array, pyramid: Pyramid) -> Array:
    """Draw the kind of split of every node given its state, (K, nodes)."""
    weights = jnp.maximum(pyramid.log_weights[:, tree.level_of_node()], _LEAST_LOG_WEIGHT)
    of_state = jnp.where(lively[..., None], weights[:, :, 1], weights[:, :, 0])
    return jax.random.categorical(key, of_state + jnp.moveaxis(by_kind, 0, -1))


def _tally(tree: Tree, counted: Array, rows: Array, columns: Array, n: int) -> Array:
    """Count nodes by component, level, row (of two) and column (of n): (K, levels, 2, n)."""
    level = jnp.broadcast_to(tree.level_of_node(), counted.shape)
    component = jnp.broadcast_to(jnp.arange(len(counted))[:, None], counted.shape)
    found = jnp.zeros((len(counted), len(tree.levels), 2, n), jnp.int32)
    return found.at[component, level, rows.astype(jnp.int32), columns.astype(jnp.int32)].add(counted)


def _draw_shares(key: Array, split: _Split, kind: Array) -> Nodes:
    """Draw the fractions of both halves given the kind of split."""
    strength = 2 * jnp.asarray((1.0, *SHAPES))[kind]
    exact = (kind == 0) | (split.share.first == 0) | (split.share.second == 0)
    posterior = jnp.stack([n + strength * w for n, w in zip(split.n, split.share, strict=True)])
    log_first, log_second = log_gamma_variates(key, jnp.where(exact, 1, posterior))
    return Nodes(
        jnp.where(exact, split.share.first, jax.nn.sigmoid(log_first - log_second)),
        jnp.where(exact, split.share.second, jax.nn.sigmoid(log_second - log_first)),
    )


def _add(level: Array | int, halves: Nodes, own: None) -> tuple[Array, Nodes]:
    return halves.first + halves.second, halves


def _go_down(level: Array | int, value: Array, share: Nodes) -> tuple[Nodes, None]:
    return Nodes(value * share.first, value * share.second), None
