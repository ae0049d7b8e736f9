r"""Draw the atom of every pixel given its neighbours': a Markov random field, by Gibbs sampling colour by colour.

.. math:: p(m) \propto \exp\Big( \sum_p h_{m_p} - \sum_{p \sim q} w_{pq} V(m_p, m_q) \Big), \qquad
    V(m, m') = \beta_1 \tfrac12 |f_m - f_{m'}|_1 + \beta_2 [m \ne m'].

All components share one field, so they have the same edges. The first term of V lets an edge pass through mixed pixels
at no cost, as it does where an interface leans or a pixel is averaged over. Neighbours are all pixels that touch, also
at a corner, with the weight 1 / distance. In more than two dimensions the weights are scaled so that all neighbours
together weigh as much as in two.

Pixels of the same parity along every axis are no neighbours of each other, so they are drawn at once: a colour [1]_.
The field h, how common atoms are, climbs the gradient of the pseudo-likelihood [2]_ in small steps.

References
----------
.. [1] S. Geman and D. Geman, "Stochastic relaxation, Gibbs distributions, and the Bayesian restoration of images", IEEE
   Trans. Pattern Anal. Mach. Intell. 6, 721 (1984).
.. [2] J. Besag, "Statistical analysis of non-lattice data", The Statistician 24, 179 (1975); L. Younes, "Estimation and
   annealing for Gibbsian fields", Ann. Inst. H. Poincare 24, 269 (1988).
"""

import itertools
import math
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from bayesunmix.engine.device.threefry import numbered

_FULL = 4 + 4 / math.sqrt(2)  # weight of all neighbours in two dimensions
_MOST_STEP, _LEAST_FIELD = 0.5, -14.0
_STEPS, _PRIOR = 3, 1.0  # steps of h in an update; pixels of each atom that are added to those counted
_SLOWER = 20.0  # updates of h after which steps have become half as long


class AtomField(NamedTuple):
    """Hold the labels, and what is learned about them.

    Attributes
    ----------
    labels : (*shape) int32 array
        Number of the atom of each pixel.
    common : (M,) array
        The field h; its exponentials sum to one.
    n_updates : float scalar
        How often it was updated.
    """

    labels: Array
    common: Array
    n_updates: Array


def first_field(labels: Array, n_atoms: int) -> AtomField:
    """Return the field to start from: all atoms equally common."""
    return AtomField(labels, jnp.full(n_atoms, -math.log(n_atoms), jnp.float32), jnp.zeros((), jnp.float32))


def couplings(distances: np.ndarray, contrast: float, change: float) -> np.ndarray:
    """Return V between all atoms, (M, M) float32, given their distances and the two couplings beta."""
    return np.asarray(contrast * distances + change * (1 - np.eye(len(distances))), np.float32)


def draw_labels(
    key: Array, evidence: Array, seen: Array, coupling: Array, field: AtomField, n_sweeps: int
) -> AtomField:
    """Draw the labels of all pixels `n_sweeps` times, then update how common atoms are.

    Parameters
    ----------
    key : JAX key
    evidence : (M, *shape) array
        Log-likelihood of each pixel under each atom.
    seen : (*shape) array of bool
        False for masked pixels and vacuum: no neighbour sees them. Their own labels follow their neighbours.
    coupling : (M, M) array
        What `couplings` returned.
    field : AtomField
    n_sweeps : int
    """
    shape = seen.shape
    colours = _colours(shape)
    # One layer of pixels around the grid that no neighbour sees spares the edges of the grid a case of their own.
    weight = jnp.pad(seen.astype(jnp.float32), 1)

    def sweep(number: Array, labels: Array) -> Array:
        for colour, corner in enumerate(colours):
            here = _at(corner, shape)
            own = evidence[(slice(None), *here)] + field.common.reshape(-1, *(1,) * len(shape))
            own -= _energy(labels, weight, coupling, corner, shape)
            drawn = _categorical(numbered(key, number * len(colours) + colour), own)
            labels = labels.at[tuple(slice(s.start + 1, s.stop + 1, 2) for s in here)].set(drawn)
        return labels

    labels = jax.lax.fori_loop(0, n_sweeps, sweep, jnp.pad(field.labels, 1))
    inside = labels[(slice(1, -1),) * len(shape)]
    energy = [
        _energy(labels, weight, coupling, corner, shape).reshape(len(coupling), -1) for corner in colours
    ]
    order = [seen[_at(corner, shape)].ravel() for corner in colours]
    return _fit(field._replace(labels=inside), jnp.concatenate(energy, axis=1), jnp.concatenate(order), seen)


def _fit(field: AtomField, energy: Array, counted: Array, seen: Array) -> AtomField:
    """Move the field h towards the largest pseudo-likelihood by iterative scaling.

    A step multiplies how common an atom is by its frequency over the one expected given the (M, P) energies.
    """
    counts = jnp.zeros_like(field.common).at[field.labels.ravel()].add(seen.ravel())
    length = 1 / (1 + field.n_updates / _SLOWER)

    def step(_: Array, common: Array) -> Array:
        expected = (jax.nn.softmax(common[:, None] - energy, axis=0) * counted).sum(axis=1)
        gain = jnp.log((counts + _PRIOR) / (expected + _PRIOR))
        common = common + length * jnp.clip(gain, -_MOST_STEP, _MOST_STEP)
        return jnp.maximum(jax.nn.log_softmax(common), _LEAST_FIELD)

    common = jax.lax.fori_loop(0, _STEPS, step, field.common)
    return field._replace(common=common, n_updates=field.n_updates + 1)


def _colours(shape: tuple[int, ...]) -> list[tuple[int, ...]]:
    """List the first pixel of each colour."""
    return list(itertools.product(*(range(min(n, 2)) for n in shape)))


def _at(corner: tuple[int, ...], shape: tuple[int, ...]) -> tuple[slice, ...]:
    """Select the pixels of one colour."""
    return tuple(slice(first, n, 2) for first, n in zip(corner, shape, strict=True))


def _neighbours(n_dimensions: int) -> list[tuple[tuple[int, ...], float]]:
    """List the steps to all neighbours, and their weights."""
    steps = [step for step in itertools.product((-1, 0, 1), repeat=n_dimensions) if any(step)]
    weights = np.array([1 / math.hypot(*step) for step in steps])
    weights *= min(_FULL / weights.sum(), 1)
    return list(zip(steps, weights.tolist(), strict=True))


def _energy(
    labels: Array, weight: Array, coupling: Array, corner: tuple[int, ...], shape: tuple[int, ...]
) -> Array:
    """Return the energy of every atom in the pixels of one colour, (M, *pixels), given their neighbours' labels."""
    energy = jnp.zeros((), jnp.float32)
    for step, strength in _neighbours(len(shape)):
        there = tuple(
            slice(first + 1 + s, n + 1 + s, 2) for first, s, n in zip(corner, step, shape, strict=True)
        )
        energy = energy + coupling[:, labels[there]] * (strength * weight[there])
    return energy


def _categorical(key: Array, logits: Array) -> Array:
    """Draw from the softmax over the first axis, with one random number each."""
    chances = jnp.exp(logits - logits.max(axis=0))

    def step(state: tuple[Array, Array], chance: Array) -> tuple[tuple[Array, Array], None]:
        heaped = state[0] + chance
        return (heaped, state[1] + (heaped <= at)), None

    at = jax.random.uniform(key, logits.shape[1:]) * chances.sum(axis=0)
    start = jnp.zeros_like(at), jnp.zeros(at.shape, jnp.int32)
    return jnp.minimum(jax.lax.scan(step, start, chances)[0][1], len(logits) - 1)
