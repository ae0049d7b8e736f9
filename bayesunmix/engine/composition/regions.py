r"""Turn regions over to another atom at once, which Gibbs sampling pixel by pixel never does where spectra overlap.

There a region may sit in the wrong atom, because every pixel that leaves it pays for all of its neighbours. The image
is cut into blocks of a random size and place. In a block, the atom a of one pixel is picked, and all pixels of the
block with this atom, S, get a new atom b together, drawn from

.. math:: p(b) \propto \exp\Big( \sum_{p \in S} (\ell_{pb} + h_b)
    - \sum_{p \in S, \, q \notin S, \, p \sim q} w_{pq} V(b, m_q) \Big),

among a and the atoms that no pixel of the block has. From the new labels the same set could be picked with the same
chance, and the same atoms could be drawn, so this is a Gibbs step. Only blocks that do not touch are drawn at once.
"""

from collections.abc import Callable

import jax
import jax.numpy as jnp
from jax import Array

_SMALLEST = 2  # pixels along a block
_AT_ONCE = 4096  # pixels


def turn_regions(
    key: Array,
    labels: Array,
    evidence: Callable[[Array], Array],
    seen: Array,
    coupling: Array,
    common: Array,
    neighbours: list[tuple[tuple[int, ...], float]],
) -> Array:
    """Draw new atoms for regions in every second block along each axis.

    Parameters
    ----------
    key : JAX key
    labels : (*shape) int32 array
        Atoms of the pixels.
    evidence : callable (n,) -> (M, n)
        Log-likelihood under each atom of pixels with these numbers. Numbers beyond the last pixel may get any value.
    seen : (*shape) array of bool
        False for masked pixels and vacuum, which keep their labels, and no neighbour sees them.
    coupling : (M, M) array
        V.
    common : (M,) array
        The field h.
    neighbours : list
        Steps to all neighbours of a pixel, and their weights w.

    Returns
    -------
    (*shape) int32 array
    """
    size_key, place_key, pick_key, draw_key = jax.random.split(key, 4)
    n_atoms = len(coupling)
    block, n_blocks, inside = _blocks(size_key, place_key, labels.shape)
    active = inside & seen
    block = jnp.where(active, block, n_blocks)  # all others have one block more, which is left alone
    chance = jnp.where(active, jax.random.uniform(pick_key, labels.shape), -1)
    most = jax.ops.segment_max(chance.ravel(), block.ravel(), n_blocks + 1)
    picked = active & (chance == most[block])
    of_block = jax.ops.segment_max(jnp.where(picked, labels, -1).ravel(), block.ravel(), n_blocks + 1)
    turned = active & (labels == of_block[block])

    def per_block(values: Array, where: Array) -> Array:
        return jnp.zeros((n_blocks + 1, n_atoms), jnp.float32).at[block, values].add(where)

    present = per_block(labels, active.astype(jnp.float32)) > 0
    around = jnp.zeros((n_blocks + 1, n_atoms), jnp.float32)
    for step, weight in neighbours:
        beside, is_there = _shifted(labels, step), _shifted(seen & ~turned, step)
        around += per_block(beside, weight * (turned & is_there))
    likely = _sums(evidence, turned.ravel(), block.ravel(), jnp.zeros_like(around))
    number = jax.ops.segment_sum(turned.ravel().astype(jnp.float32), block.ravel(), n_blocks + 1)
    logits = likely + number[:, None] * common - around @ coupling
    is_own = jnp.arange(n_atoms) == of_block[:, None]
    drawn = jax.random.categorical(draw_key, jnp.where(present & ~is_own, -jnp.inf, logits))
    return jnp.where(turned, drawn[block], labels).astype(labels.dtype)


def _sums(evidence: Callable[[Array], Array], counted: Array, block: Array, sums: Array) -> Array:
    """Add up the evidence of pixels by block, some pixels at a time."""
    size = min(block.size, _AT_ONCE)

    def some(i: Array, sums: Array) -> Array:
        at = i * size + jnp.arange(size)
        which = jnp.minimum(at, block.size - 1)
        there = counted[which] & (at < block.size)
        return sums.at[block[which]].add(jnp.where(there[:, None], evidence(at).T, 0))

    return jax.lax.fori_loop(0, -(-block.size // size), some, sums)


def _blocks(size_key: Array, place_key: Array, shape: tuple[int, ...]) -> tuple[Array, int, Array]:
    """Lay blocks of a random size, and give the number of each pixel's block, and which pixels are in one."""
    sizes = [_SMALLEST]
    while sizes[-1] < max(shape):
        sizes.append(2 * sizes[-1])
    size = jax.random.choice(size_key, jnp.asarray(sizes))
    offsets = jax.random.randint(place_key, (len(shape),), 0, 2 * size)
    number, inside, n_blocks = jnp.zeros(shape, jnp.int32), jnp.ones(shape, bool), 1
    for axis, length in enumerate(shape):
        along = (jnp.arange(length) + offsets[axis]) // size
        most = length // (2 * _SMALLEST) + 2
        lift = [1] * len(shape)
        lift[axis] = length
        number = number * most + (along // 2).reshape(lift)
        inside &= (along % 2 == 0).reshape(lift) | (length == 1)
        n_blocks *= most
    return number, n_blocks, inside


def _shifted(values: Array, step: tuple[int, ...]) -> Array:
    """Return for each pixel the value of the neighbour that a step leads to; 0 beyond the edge."""
    padded = jnp.pad(values, 1)
    return padded[tuple(slice(1 + s, 1 + s + n) for s, n in zip(step, values.shape, strict=True))]
