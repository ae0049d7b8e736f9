r"""Draw how nodes split their rate between two halves, given Poisson counts in both: evenly, or by a Beta variate.

A kind of split is exactly even, :math:`\rho = w`, or :math:`\rho \sim \mathrm{Beta}(2 a w, 2 a (1 - w))` with a of
`SHAPES`, where w is the fraction of the node's pixels in the first half. The counts are then binomial, or
beta-binomial.

References
----------
.. [1] G. Ulrich, "Computer generation of distributions on the m-sphere", J. R. Stat. Soc. C 33, 158 (1984).
"""

import itertools
import math
from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jax import Array

from bayesunmix.engine.device.gamma import log_gamma_variates
from bayesunmix.engine.device.threefry import numbered
from bayesunmix.engine.multiscale.pyramid import Nodes

#: Concentrations of the splits besides the exactly even one: from free, at an edge, to nearly even, inside a grain.
SHAPES = (0.5, 4.0, 40.0, 400.0)
KINDS = 1 + len(SHAPES)
_BLOCK = 2**15  # nodes
_LITTLE = 1e-6  # stands for 0 where a logarithm or quotient is multiplied by 0
_LEAST_WEIGHT = 1e-30


class Chosen(NamedTuple):
    """Hold a choice of nodes, (K, nodes) of bool, their places among those of all maps, and how many blocks."""

    wanted: Array
    places: Array
    n_blocks: Array

    def over_blocks(self, step: Callable[[Array, Array, Any], Any], start: Any) -> Any:
        """Call ``step(number, places, state) -> state`` for each block. A block fits in the cache."""
        size = min(self.places.size, _BLOCK)

        def block(i: Array, state: Any) -> Any:
            return step(i, jax.lax.dynamic_slice_in_dim(self.places, i * size, size), state)

        return jax.lax.fori_loop(0, self.n_blocks, block, start)


def choose(wanted: Array) -> Chosen:
    """Gather the places of some nodes, (K, nodes). Most nodes of most images have no counts."""
    flat = wanted.ravel()
    size = min(flat.size, _BLOCK)
    rank = jnp.cumsum(flat)
    last = -(-flat.size // size) * size
    places = jnp.full(last, flat.size).at[jnp.where(flat, rank - 1, last)].set(jnp.arange(flat.size))
    return Chosen(wanted, places, -(-rank[-1] // size))


def draw_kinds(
    key: Array, chosen: Chosen, n: Nodes, pixels: Nodes, level: Array, log_weights: Array
) -> tuple[Array, Array]:
    """Weigh the two states of nodes by their counts, and draw the kind of split for either of them.

    Parameters
    ----------
    key : JAX key
    chosen : Chosen
    n : Nodes
        Counts, (K, nodes).
    pixels : Nodes
        Pixels, (nodes,).
    level : (nodes,) array
    log_weights : (K, levels, 2, kinds) array

    Returns
    -------
    evidence : (K, nodes) array
        Likelihood ratio of the second state to the first, where chosen.
    kinds : (2, K, nodes) array of int8
        Kind of split given the first state, and given the second.
    """
    n_maps, n_levels = log_weights.shape[:2]
    n_nodes = level.size
    weights = jnp.maximum(jnp.exp(log_weights), _LEAST_WEIGHT).reshape(n_maps * n_levels, -1)

    def block(i: Array, at: Array, state: tuple[Array, Array]) -> tuple[Array, Array]:
        node = at % n_nodes
        own = Nodes(n.first.ravel()[at], n.second.ravel()[at])
        likelihood = jnp.exp(_log_evidence(own, _even(pixels, node)))
        of_node = weights[at // n_nodes * n_levels + level[node]].T.reshape(2, KINDS, -1)
        heaped = list(itertools.accumulate(of_node[:, j] * likelihood[j] for j in range(KINDS)))
        threshold = jax.random.uniform(numbered(key, i), node.shape) * heaped[-1]
        kind = sum((threshold >= part).astype(jnp.int8) for part in heaped[:-1])
        evidence = heaped[-1][1] / heaped[-1][0]
        return state[0].at[at].set(evidence), state[1].at[:, at].set(kind)

    start = jnp.zeros(n.first.size), jnp.zeros((2, n.first.size), jnp.int8)
    evidence, kinds = chosen.over_blocks(block, start)
    return evidence.reshape(n.first.shape), kinds.reshape(2, *n.first.shape)


def tally(
    chosen: Chosen, counted: Array, level: Array, n_levels: int, rows: Array, columns: Array, n: int
) -> Array:
    """Count chosen nodes that are `counted` by level, row (of two) and column (of n): (K, levels, 2, n).

    All arguments but the numbers and `level` are (K, nodes).
    """
    n_maps, n_nodes = counted.shape
    n_cells = 2 * n + 1  # the last for those that are not
    cells = jnp.where(counted, rows * n + columns, 2 * n).astype(jnp.int8).ravel()

    def block(i: Array, at: Array, found: Array) -> Array:
        row_level = at // n_nodes * n_levels + level[at % n_nodes]
        return found.at[row_level * n_cells + cells[at]].add(1)  # what lies beyond the last node is dropped

    found = chosen.over_blocks(block, jnp.zeros(n_maps * n_levels * n_cells, jnp.int32))
    return found.reshape(n_maps, n_levels, n_cells)[..., :-1].reshape(n_maps, n_levels, 2, n)


def draw_shares(key: Array, chosen: Chosen, n: Nodes, pixels: Nodes, kinds: Array) -> Array:
    """Draw the fraction of the first half of chosen nodes given counts and kinds of split, all (K, nodes)."""
    n_nodes = pixels.first.size
    shapes = jnp.asarray((1.0, *SHAPES))

    def block(i: Array, at: Array, share: Array) -> Array:
        even, kind = _even(pixels, at % n_nodes), kinds.ravel()[at]
        strength = 2 * shapes[kind]
        posterior = [n.first.ravel()[at] + strength * even, n.second.ravel()[at] + strength * (1 - even)]
        log_first, log_second = log_gamma_variates(jax.random.fold_in(key, i), jnp.stack(posterior))
        return share.at[at].set(jnp.where(kind == 0, even, jax.nn.sigmoid(log_first - log_second)))

    return chosen.over_blocks(block, jnp.zeros(kinds.size)).reshape(kinds.shape)


class Randoms(NamedTuple):
    """Hold random numbers between 0 and 1 for every node, (K, nodes): for its state, kind of split and fraction."""

    state: Array
    kind: Array
    u: Array
    v: Array


def randoms(words: Array) -> Randoms:
    """Make four random numbers of two random words per node, (2, K, nodes): making words costs more than using them.

    Each number has 16 bits of its own. State and kind must be right where they hardly ever happen, so they have 8 more
    bits, the lowest ones of v and u.
    """
    low, high = words & 0xFFFF, words >> 16
    fine = (low << 8 | high[::-1] & 0xFF).astype(jnp.float32) / 2**24
    u, v = high.astype(jnp.float32) / 2**16 + 2.0**-17  # never 0 nor 1
    return Randoms(fine[0], fine[1], u, v)


def draw_from_prior(uniform: Randoms, level: Array, lively: Array, log_weights: Array) -> tuple[Array, Array]:
    r"""Draw kinds of split from their weights, and the fractions of nodes with two like halves and no counts.

    With two uniform numbers, :math:`1/2 + \sin(\pi (u - 1/2)) \sqrt{1 - v^{2 / (2 a - 1)}} / 2` is Beta(a, a) [1]_.

    Parameters
    ----------
    uniform : Randoms
    level : (nodes,) array
    lively : (K, nodes) array of bool
    log_weights : (K, levels, 2, kinds) array

    Returns
    -------
    kinds : (K, nodes) array of int8
    shares : (K, nodes) array
    """
    heaped = jnp.cumsum(jnp.exp(log_weights), axis=-1).reshape(len(lively), -1, KINDS)

    def kind_and_power(given: tuple[Array, Array, Array]) -> tuple[Array, Array]:
        of_kind, lively, heaped = given
        row = 2 * level + lively
        kind, power = jnp.zeros(row.shape, jnp.int8), jnp.full(row.shape, math.inf)
        for number, shape in enumerate(SHAPES):
            beyond = of_kind >= heaped[:, number][row]
            kind, power = kind + beyond.astype(jnp.int8), jnp.where(beyond, shape - 0.5, power)
        return kind, power

    # A gather for all maps at once is ten times slower.
    kind, power = jax.lax.map(kind_and_power, (uniform.kind, lively, heaped))
    return kind, 0.5 + 0.5 * _sine(math.pi * (uniform.u - 0.5)) * jnp.sqrt(
        -jnp.expm1(jnp.log(uniform.v) / power)
    )


def _sine(x: Array) -> Array:
    """Compute the sine between -pi/2 and pi/2 by Taylor's series, to 1e-7: faster than the compiler's sine."""
    square, term = x * x, jnp.ones_like(x)
    for odd in (11, 9, 7, 5, 3):
        term = 1 - square / (odd * (odd - 1)) * term
    return x * term


def _even(pixels: Nodes, node: Array) -> Array:
    first, second = pixels.first[node], pixels.second[node]
    return jnp.where((first > 0) & (second > 0), first / jnp.maximum(first + second, _LITTLE), 0.5)


def _log_evidence(n: Nodes, even: Array) -> Array:
    """Return the log-probability of the counts under each kind of split, (kinds, nodes), less the largest."""
    shapes = jnp.asarray(SHAPES)[:, None]
    evidence = log_beta_binomial(*n, 2 * shapes * even, 2 * shapes * (1 - even))
    evidence = jnp.concatenate([_log_binomial(*n, even)[None], evidence])
    return evidence - evidence.max(axis=0)


def _log_binomial(n: Array, m: Array, even: Array) -> Array:
    """Return the log-probability of n of n + m counts at the fraction `even`, less that at their own fraction."""
    total = jnp.maximum(n + m, _LITTLE)
    return -n * jnp.log(jnp.maximum(n / total, _LITTLE) / even) - m * jnp.log(
        jnp.maximum(m / total, _LITTLE) / (1 - even)
    )


def log_beta_binomial(n: Array, m: Array, a: Array, b: Array) -> Array:
    r"""Return the log-probability of n of n + m counts at a fraction from Beta(a, b), less that at their own fraction.

    Written so that nothing large cancels: :math:`\log \Gamma` of 1e7 counts has no digits left in float32.
    """
    x, y = n + a, m + b
    gain = n * jnp.log1p(a / jnp.maximum(n, _LITTLE)) + m * jnp.log1p(b / jnp.maximum(m, _LITTLE))
    gain -= (n + m) * jnp.log1p((a + b) / jnp.maximum(n + m, _LITTLE))
    gain += a * jnp.log(x / (x + y)) + b * jnp.log(y / (x + y)) + 0.5 * jnp.log((x + y) / (x * y))
    gain -= (a - 0.5) * jnp.log(a) + (b - 0.5) * jnp.log(b) - (a + b - 0.5) * jnp.log(a + b)
    return (
        gain + _stirling(x) + _stirling(y) - _stirling(x + y) - _stirling(a) - _stirling(b) + _stirling(a + b)
    )


def _stirling(x: Array) -> Array:
    r"""Return what Stirling's formula lacks: :math:`\log \Gamma(x) - (x - 1/2) \log x + x - \log(2 \pi) / 2`."""
    inverse = 1 / (x + 1)
    series = inverse * (1 / 12 - inverse**2 * (1 / 360 - inverse**2 / 1260))
    return series + (x + 0.5) * jnp.log1p(1 / x) - 1
