r"""Draw the atom of every pixel given its neighbours': a Markov random field, by Gibbs sampling colour by colour.

.. math:: p(m) \propto \exp\Big( \sum_p h_{m_p} - \sum_{p \sim q} w_{pq} V(m_p, m_q) \Big), \qquad
    V(m, m') = \beta_1 \tfrac12 |f_m - f_{m'}|_1 + \beta_2 [m \ne m'].

All components share one field, so they have the same edges. The first term of V lets an edge pass through mixed pixels
at no cost, as it does where an interface leans or a pixel is averaged over. Neighbours are all pixels that touch, also
at a corner, with the weight 1 / distance. In more than two dimensions the weights are scaled so that all neighbours
together weigh as much as in two.

Pixels of the same parity along every axis are no neighbours of each other, so they are drawn at once: a colour [1]_.
The field h, how common atoms are, is zero, or climbs the gradient of the pseudo-likelihood [2]_ in small steps. That
helps to find rare phases. Where spectra overlap it runs away with whole regions, as it counts pixels and not regions.

References
----------
.. [1] S. Geman and D. Geman, "Stochastic relaxation, Gibbs distributions, and the Bayesian restoration of images", IEEE
   Trans. Pattern Anal. Mach. Intell. 6, 721 (1984).
.. [2] J. Besag, "Statistical analysis of non-lattice data", The Statistician 24, 179 (1975); L. Younes, "Estimation and
   annealing for Gibbsian fields", Ann. Inst. H. Poincare 24, 269 (1988).
"""

import itertools
import math
from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from bayesunmix.engine.composition.regions import turn_regions
from bayesunmix.engine.device.threefry import numbered

_FULL = 4 + 4 / math.sqrt(2)  # weight of all neighbours in two dimensions
_MOST_STEP, _LEAST_FIELD = 0.5, -14.0
_PRIOR = 1.0  # pixels of each atom that are added to those counted
_BLOCK = 2**11  # pixels
_LANES = 8  # rows of a table are padded to a multiple of this, so that they are read as whole vectors
_NEVER = 1e30  # updates after which no step is left
_SLOWER = 40.0  # updates of h after which steps have become half as long


class AtomField(NamedTuple):
    """Hold the labels, and what is learned about them.

    Attributes
    ----------
    labels : (*shape) int32 array
        Number of the atom of each pixel.
    common : (M,) array
        The field h; its exponentials sum to one.
    n_updates : float scalar
        How often it was updated; a very large number if it stays as it is.
    """

    labels: Array
    common: Array
    n_updates: Array


def first_field(labels: Array, n_atoms: int, learning: bool = True) -> AtomField:
    """Return the field to start from: all atoms equally common. Without `learning` they stay so."""
    common = jnp.full(n_atoms, -math.log(n_atoms), jnp.float32)
    return AtomField(labels, common, jnp.asarray(0 if learning else _NEVER, jnp.float32))


def couplings(distances: np.ndarray, contrast: float, change: float) -> np.ndarray:
    """Return V between all atoms, (M, M) float32, given their distances and the two couplings beta."""
    return np.asarray(contrast * distances + change * (1 - np.eye(len(distances))), np.float32)


def draw_labels(
    key: Array,
    evidence: Callable[[Array], Array],
    seen: Array,
    coupling: Array,
    field: AtomField,
    n_sweeps: int,
) -> AtomField:
    """Draw the labels of all pixels that are seen `n_sweeps` times, and of regions once.

    How common atoms are is updated.

    Parameters
    ----------
    key : JAX key
    evidence : callable (n,) -> (M, n)
        Log-likelihood under each atom of pixels with these numbers. Numbers beyond the last pixel may get any value.
    seen : (*shape) array of bool
        False for masked pixels and vacuum: they keep their labels, and no neighbour sees them.
    coupling : (M, M) array
        What `couplings` returned.
    field : AtomField
    n_sweeps : int
    """
    grid, n_atoms = _Grid(seen), len(coupling)
    learning = field.n_updates < _NEVER / 2
    table = jnp.pad(coupling, ((0, 0), (0, -n_atoms % _LANES)))

    def block(key: Array, at: Array, common: Array, state: tuple[Array, Array]) -> tuple[Array, Array]:
        labels, expected = state
        prior = common[:, None] - grid.around(at, labels, table).T[:n_atoms]
        drawn = _categorical(key, prior + evidence(grid.pixel[at]))
        expected += jax.lax.cond(learning, _expected, lambda prior, _: jnp.zeros(n_atoms), prior, at > 0)
        # The padding writes into the layer, which nobody sees.
        return labels.at[at].set(drawn), expected

    def sweep(number: Array, state: tuple[Array, Array]) -> tuple[Array, Array]:
        labels, common = state

        def colour(which: Array, state: tuple[Array, Array]) -> tuple[Array, Array]:
            colour_key = numbered(key, number * grid.n_colours + which)

            def one(i: Array, state: tuple[Array, Array]) -> tuple[Array, Array]:
                return block(jax.random.fold_in(colour_key, i), grid.block(which, i), common, state)

            return jax.lax.fori_loop(0, grid.n_blocks[which], one, state)

        labels, expected = jax.lax.fori_loop(0, grid.n_colours, colour, (labels, jnp.zeros(n_atoms)))
        counts = jnp.zeros_like(common).at[grid.inside(labels).ravel()].add(seen.ravel())
        return labels, _scaled(common, counts, expected, field.n_updates + number)

    start = jnp.pad(field.labels, 1).ravel(), field.common
    labels, common = jax.lax.fori_loop(0, n_sweeps, sweep, start)
    labels = turn_regions(
        numbered(key, n_sweeps * grid.n_colours),
        grid.inside(labels),
        evidence,
        seen,
        coupling,
        common,
        _neighbours(seen.ndim),
    )
    return AtomField(labels, common, field.n_updates + n_sweeps)


class _Grid:
    """Lay the seen pixels out by colour, in blocks that fit in the cache.

    One layer of pixels around the grid, which nobody sees, spares the edges of the grid a case of their own. Places are
    flat numbers of pixels in this larger grid.
    """

    def __init__(self, seen: Array):
        self.shape, n = seen.shape, np.array(seen.shape) + 2
        self.wide = tuple(n.tolist())
        self.weight = jnp.pad(seen.astype(jnp.float32), 1).ravel()
        numbers = jnp.arange(self.weight.size, dtype=jnp.int32).reshape(self.wide)
        inner = numbers[(slice(1, -1),) * seen.ndim]
        corners = list(itertools.product(*(range(min(length, 2)) for length in seen.shape)))
        self.n_colours = len(corners)
        strides = np.cumprod([1, *self.wide[:0:-1]])[::-1]
        steps, strengths = zip(*_neighbours(seen.ndim), strict=True)
        self.steps = jnp.asarray(np.array(steps) @ strides, jnp.int32)
        self.strengths = jnp.asarray(strengths, jnp.float32)
        of_colours = [tuple(slice(first, None, 2) for first in corner) for corner in corners]
        most = max(inner[here].size for here in of_colours)
        self.size = min(most, _BLOCK)
        packed = [
            _packed(inner[here].ravel(), seen[here].ravel(), -(-most // self.size) * self.size)
            for here in of_colours
        ]
        self.places = jnp.stack([places for places, _ in packed])
        self.n_blocks = jnp.stack([-(-n // self.size) for _, n in packed])
        # Where a pixel of the larger grid is in the other one; beyond it for those of the layer.
        back = jnp.full(self.wide, seen.size, jnp.int32)
        pixels = jnp.arange(seen.size, dtype=jnp.int32).reshape(self.shape)
        self.pixel = back.at[(slice(1, -1),) * seen.ndim].set(pixels).ravel()

    def block(self, colour: Array, number: Array) -> Array:
        """Return the places of a block of pixels of one colour."""
        return jax.lax.dynamic_slice(self.places, (colour, number * self.size), (1, self.size))[0]

    def around(self, at: Array, labels: Array, table: Array) -> Array:
        """Add up the rows of the atoms of all neighbours, (n, columns), with their weights."""
        whence = at + self.steps[:, None]
        weights = self.strengths[:, None] * self.weight[whence]

        def step(found: Array, of_one: tuple[Array, Array]) -> tuple[Array, None]:
            weight, label = of_one
            return found + weight[:, None] * table[label], None

        start = jnp.zeros((at.size, table.shape[1]), jnp.float32)
        return jax.lax.scan(step, start, (weights, labels[whence]))[0]

    def inside(self, labels: Array) -> Array:
        """Remove the layer around the grid."""
        return labels.reshape(self.wide)[(slice(1, -1),) * len(self.shape)]


def _packed(places: Array, seen: Array, room: int) -> tuple[Array, Array]:
    """Gather the places that are seen, padded by 0, a pixel of the layer; also return how many there are."""
    rank = jnp.cumsum(seen)
    return jnp.zeros(room, jnp.int32).at[jnp.where(seen, rank - 1, room)].set(places, mode="drop"), rank[-1]


def _expected(prior: Array, real: Array) -> Array:
    """Return how often each atom is expected given the neighbours alone."""
    return (jax.nn.softmax(prior, axis=0) * real).sum(axis=1)


def _scaled(common: Array, counts: Array, expected: Array, n_updates: Array) -> Array:
    """Move the field h towards the largest pseudo-likelihood by a step of iterative scaling.

    An atom becomes more common by its frequency over the one that was expected given the neighbours.
    """
    gain = jnp.log((counts + _PRIOR) / (expected + _PRIOR))
    length = 1 / (1 + n_updates / _SLOWER)
    common = common + length * jnp.clip(gain, -_MOST_STEP, _MOST_STEP)
    return jnp.maximum(jax.nn.log_softmax(common), _LEAST_FIELD)


def _neighbours(n_dimensions: int) -> list[tuple[tuple[int, ...], float]]:
    """List the steps to all neighbours, and their weights."""
    steps = [step for step in itertools.product((-1, 0, 1), repeat=n_dimensions) if any(step)]
    weights = np.array([1 / math.hypot(*step) for step in steps])
    weights *= min(_FULL / weights.sum(), 1)
    return list(zip(steps, weights.tolist(), strict=True))


def _categorical(key: Array, logits: Array) -> Array:
    """Draw from the softmax over the first axis, with one random number each."""
    chances = jnp.exp(logits - logits.max(axis=0))

    def step(state: tuple[Array, Array], chance: Array) -> tuple[tuple[Array, Array], None]:
        heaped = state[0] + chance
        return (heaped, state[1] + (heaped <= at)), None

    at = jax.random.uniform(key, logits.shape[1:]) * chances.sum(axis=0)
    start = jnp.zeros_like(at), jnp.zeros(at.shape, jnp.int32)
    return jnp.minimum(jax.lax.scan(step, start, chances)[0][1], len(logits) - 1)
