r"""Rates on a grid under the multiscale prior: one pass down a dyadic pyramid draws the whole map.

Going down the pyramid, every node splits its rate between two halves,

.. math:: \rho \sim \pi_0 \, \delta_w + \sum_s \pi_s \, \mathrm{Beta}(2 a_s w, 2 a_s (1 - w)),

where w is the share of the node's pixels in the first half: an exactly even split inside a grain, nearly even ones,
and free ones at an edge [1]_. The weights :math:`\pi` are learned for every level and map. Given Poisson counts the
splits of all nodes are independent, so all of them are drawn at once; the total rate has a Gamma(1/2) posterior.

Pairs of cells begin at an offset that is chosen for every level: a random one moves the blocks about, so that the
average over offsets shows none. A grid of any shape works, without padding to a power of two: a row of n cells
becomes n // 2 + 1 pairs, and cells that lie outside, or are masked, have no exposure.

References
----------
.. [1] E. D. Kolaczyk, "Bayesian multiscale models for Poisson processes", J. Am. Stat. Assoc. 94, 920 (1999).
"""

import math
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from bayesunmix.engine.gamma import gamma_variates, log_gamma_variates

#: Concentrations of the splits besides the exactly even one: free at an edge, ever more even inside a grain.
SHAPES = (0.5, 4.0, 40.0, 400.0)
_LITTLE = 1e-6  # stands for 0 where a logarithm or quotient is multiplied by 0


class Level(NamedTuple):
    """One level of the pyramid: the axis along which `n` cells become `pairs`."""

    axis: int
    n: int
    pairs: int


class Nodes(NamedTuple):
    """Values in the two halves of every node, all levels one after the other, finest first: (..., nodes)."""

    first: Array
    second: Array


def pyramid(shape: tuple[int, ...]) -> tuple[Level, ...]:
    """Return the levels that lead from the cells of a grid to one node: axes in turn, the last axis first."""
    cells, extent, levels = list(shape), [1] * len(shape), []
    while max(cells) > 1:
        axis = min((a for a in range(len(cells)) if cells[a] > 1), key=lambda a: (extent[a], -a))
        n = cells[axis]
        cells[axis] = 1 if n == 2 else n // 2 + 1
        extent[axis] *= 2
        levels.append(Level(axis, n, cells[axis]))
    return tuple(levels)


def random_offsets(key: Array, shape: tuple[int, ...]) -> Array:
    """Draw where the pairs of each level begin, (levels,) of 0 or 1."""
    return jax.random.bernoulli(key, 0.5, (max(len(pyramid(shape)), 1),)).astype(jnp.int32)


def even_weights(shape: tuple[int, ...], n_maps: int) -> Array:
    """Log-weights to start from, (maps, levels, kinds of split): all kinds alike."""
    kinds = 1 + len(SHAPES)
    return jnp.full((n_maps, max(len(pyramid(shape)), 1), kinds), -math.log(kinds), jnp.float32)


def draw_rates(
    key: Array, counts: Array, exposure: Array, log_weights: Array, offsets: Array
) -> tuple[Array, Array]:
    """Draw the rates of all cells given Poisson counts, and the weights given the splits.

    Parameters
    ----------
    key : JAX key
    counts : (K, *shape) array
        Whole numbers.
    exposure : (*shape) array
        1, or 0 for a cell that takes no part (its counts must be 0).
    log_weights : (K, levels, kinds) array
        From `even_weights`, or from the draw before.
    offsets : (levels,) int array

    Returns
    -------
    rates : (K, *shape) array
    log_weights : (K, levels, kinds) array
    """
    levels = pyramid(exposure.shape)
    n_maps = len(counts)
    kind_key, gamma_key = jax.random.split(key)
    halves, whole = _split(jnp.concatenate([counts, exposure[None]]), levels, offsets)
    total = whole.reshape(n_maps + 1, -1)[:n_maps, 0]
    if not levels:
        return gamma_variates(gamma_key, total + 0.5).reshape(counts.shape) * exposure, log_weights
    sizes = [math.prod(_node_shape(exposure.shape, levels[: i + 1])) for i in range(len(levels))]
    level = np.repeat(np.arange(len(levels)), sizes)
    ends = np.cumsum(sizes)
    # Barriers keep the compiler from copying this arithmetic into the loop of every level.
    barrier = jax.lax.optimization_barrier
    first, second = barrier(halves)
    n, pixels = Nodes(first[:-1], second[:-1]), Nodes(first[-1], second[-1])
    split = barrier(_draw_kinds(kind_key, n, pixels, log_weights[:, level]))
    used = jnp.stack([(split.kind == k) & split.real for k in range(log_weights.shape[-1])], axis=-1)
    tally = jax.ops.segment_sum(
        used.swapaxes(0, 1).astype(jnp.float32), jnp.asarray(level), len(levels), indices_are_sorted=True
    ).swapaxes(0, 1)
    # All Gamma variates at once: the compiler takes a second for every place that draws some.
    shapes = [n.first + split.first, n.second + split.second, total + 0.5, tally + 1]
    drawn = log_gamma_variates(gamma_key, jnp.concatenate([shape.ravel() for shape in shapes]))
    cuts = np.cumsum([math.prod(shape.shape) for shape in shapes])[:-1]
    log_first, log_second, log_total, log_tally = (
        part.reshape(shape.shape) for part, shape in zip(jnp.split(drawn, cuts), shapes, strict=True)
    )
    share = jnp.where(split.kind == 0, split.even, jax.nn.sigmoid(log_first - log_second))
    share = barrier(jnp.where(split.real, share, (pixels.first > 0).astype(share.dtype)))
    rates = jnp.exp(log_total).reshape(n_maps, *(1,) * exposure.ndim)
    for i in reversed(range(len(levels))):
        part = share[:, ends[i] - sizes[i] : ends[i]].reshape(
            -1, *_node_shape(exposure.shape, levels[: i + 1])
        )
        rates = _join(Nodes(rates * part, rates * (1 - part)), levels[i], offsets[i])
    return rates, jax.nn.log_softmax(log_tally, axis=-1)


def _node_shape(shape: tuple[int, ...], levels: tuple[Level, ...]) -> tuple[int, ...]:
    cells = list(shape)
    for level in levels:
        cells[level.axis] = level.pairs
    return tuple(cells)


def _split(cells: Array, levels: tuple[Level, ...], offsets: Array) -> tuple[Nodes, Array]:
    """Sum (K, *shape) cells up the pyramid: the two halves of every node, (K, nodes), and the whole."""
    first, second = [], []
    for i, level in enumerate(levels):
        axis = level.axis + 1
        room = list(cells.shape)
        room[axis] = 2 * level.pairs
        start: list[Array | int] = [0] * cells.ndim
        start[axis] = _begin(level, offsets[i])
        padded = jax.lax.dynamic_update_slice(jnp.zeros(room, cells.dtype), cells, start)
        paired = padded.reshape(*room[:axis], level.pairs, 2, *room[axis + 1 :])
        halves = [jax.lax.index_in_dim(paired, half, axis + 1, keepdims=False) for half in (0, 1)]
        cells = halves[0] + halves[1]
        first.append(halves[0].reshape(len(cells), -1))
        second.append(halves[1].reshape(len(cells), -1))
    if not levels:
        return Nodes(cells, cells), cells
    return Nodes(jnp.concatenate(first, axis=1), jnp.concatenate(second, axis=1)), cells


def _join(halves: Nodes, level: Level, offset: Array) -> Array:
    """Put the halves of one level's nodes side by side again, and leave out what lies outside."""
    axis = level.axis + 1
    paired = jnp.stack(halves, axis=axis + 1)
    cells = paired.reshape(*paired.shape[:axis], 2 * level.pairs, *paired.shape[axis + 2 :])
    return jax.lax.dynamic_slice_in_dim(cells, _begin(level, offset), level.n, axis)


def _begin(level: Level, offset: Array) -> Array | int:
    return 0 if level.pairs == 1 else offset


class _Split(NamedTuple):
    """How nodes split: which kind, the prior of both halves, the even share, and whether there are two halves."""

    kind: Array
    first: Array
    second: Array
    even: Array
    real: Array


def _draw_kinds(key: Array, n: Nodes, pixels: Nodes, log_weights: Array) -> _Split:
    """Draw which kind of split every node of every map has, given counts (K, nodes) and pixels (nodes,)."""
    real = (pixels.first > 0) & (pixels.second > 0)
    even = jnp.where(real, pixels.first / jnp.maximum(pixels.first + pixels.second, 1), 0.5)
    shapes = jnp.asarray(SHAPES)
    evidence = jax.lax.map(
        lambda shape: _log_beta_binomial(*n, 2 * shape * even, 2 * shape * (1 - even)), shapes
    )
    evidence = jnp.concatenate([_log_binomial(*n, even)[None], evidence]) + jnp.moveaxis(log_weights, -1, 0)
    heaped = jnp.cumsum(jnp.exp(evidence - evidence.max(axis=0)), axis=0)
    threshold = jax.random.uniform(key, n.first.shape) * heaped[-1]
    kind = (threshold >= heaped[:-1]).sum(axis=0)
    strength = 2 * shapes[jnp.maximum(kind - 1, 0)]
    return _Split(kind, strength * even, strength * (1 - even), even, real)


def _log_binomial(n: Array, m: Array, even: Array) -> Array:
    """Log-probability of n of n + m counts at the share `even`, less that at their own share."""
    total = jnp.maximum(n + m, _LITTLE)
    return -n * jnp.log(jnp.maximum(n / total, _LITTLE) / even) - m * jnp.log(
        jnp.maximum(m / total, _LITTLE) / (1 - even)
    )


def _log_beta_binomial(n: Array, m: Array, a: Array, b: Array) -> Array:
    r"""Log-probability of n of n + m counts at a share from Beta(a, b), less that at their own share.

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
