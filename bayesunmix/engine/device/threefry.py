"""Make keys for `jax.random` that give JAX's own random numbers, several times faster on a CPU.

JAX's generator, Threefry-2x32 [1]_, is a loop on a CPU: it writes all numbers to memory after every four of its twenty
rounds, and each use adds ten kernels to compile. Unrolled, it is one kernel that stays in registers.

References
----------
.. [1] J. K. Salmon et al., "Parallel random numbers: as easy as 1, 2, 3", SC '11 (2011).
"""

import math
import operator
from collections.abc import Callable
from functools import partial

import jax
import jax.extend.random
import jax.numpy as jnp
import numpy as np
from jax import Array

_ROTATIONS = ((13, 15, 26, 6), (17, 29, 16, 24))
_PARITY = 0x1BD11BDA
_BLOCK = 1024


def random_key(seed: int) -> Array:
    """Make a key that gives the same numbers as ``jax.random.key(seed)``.

    On other devices than a CPU it is that key: JAX's generator is one kernel there.
    """
    return jax.random.key(seed, impl=_UNROLLED if jax.default_backend() == "cpu" else "threefry2x32")


def numbered(key: Array, number: Array | int) -> Array:
    """Make a key for each number from one key: `jax.random.fold_in` without encrypting.

    Nearby keys of this cipher give unrelated numbers [1]_. Use the first key for nothing else, and do not number the
    new keys again: two sums might be equal.
    """
    data = jax.random.key_data(key)
    return jax.random.wrap_key_data(data.at[..., -1].add(jnp.uint32(number)), impl=jax.random.key_impl(key))


def numpy_generator(key: Array) -> np.random.Generator:
    """Make a NumPy generator from a key, for random numbers that are drawn on the CPU."""
    return np.random.default_rng(np.asarray(jax.random.bits(key, (4,))))


def _threefry(key: Array, first: Array, second: Array) -> tuple[Array, Array]:
    """Encrypt pairs of uint32 words with a key of two words."""
    words = (key[0], key[1], key[0] ^ key[1] ^ jnp.uint32(_PARITY))
    first, second = first + words[0], second + words[1]
    for i in range(5):
        for rotation in _ROTATIONS[i % 2]:
            first = first + second
            second = first ^ (second << jnp.uint32(rotation) | second >> jnp.uint32(32 - rotation))
        first, second = first + words[(i + 1) % 3], second + words[(i + 2) % 3] + jnp.uint32(i + 1)
    return first, second


def _encrypted(key: Array, start: Array | int, n: int, combine: Callable[[Array, Array], Array]) -> Array:
    """Encrypt n consecutive numbers, and combine the two words of each: (n, ...)."""
    if n >= 2**32:
        raise ValueError(f"at most {2**32 - 1} random numbers can be drawn at once, got {n}")
    # Blocks stay in the cache. A loop over one alone would be taken apart, and its numbers made anew wherever used.
    size = max(min(_BLOCK, -(-n // 2)), 1)
    n_blocks = max(-(-n // size), 2)

    def block(first: Array) -> Array:
        numbers = first + jax.lax.iota(jnp.uint32, size)
        return combine(*_threefry(key, jnp.zeros_like(numbers), numbers))

    starts = jnp.uint32(start) + jnp.uint32(size) * jax.lax.iota(jnp.uint32, n_blocks)
    parts = jax.lax.map(block, starts)
    return parts.reshape(-1, *parts.shape[2:])[:n]


def _pair(first: Array, second: Array) -> Array:
    return jnp.stack([first, second], axis=-1)


def _seed(seed: Array) -> Array:
    return jax.random.key_data(jax.random.key(seed, impl="threefry2x32"))


@partial(jax.jit, static_argnums=1)
def _split(key: Array, shape: tuple[int, ...]) -> Array:
    return _encrypted(key, 0, math.prod(shape), _pair).reshape(*shape, 2)


@jax.jit
def _fold_in(key: Array, data: Array | int) -> Array:
    return _encrypted(key, data, 1, _pair)[0]


@partial(jax.jit, static_argnums=(1, 2))
def _random_bits(key: Array, bit_width: int, shape: tuple[int, ...]) -> Array:
    n = math.prod(shape)
    if bit_width == 64:
        pairs = _encrypted(key, 0, n, _pair).astype(jnp.uint64)
        return (pairs[:, 0] << jnp.uint64(32) | pairs[:, 1]).reshape(shape)
    return _encrypted(key, 0, n, operator.xor).astype(f"uint{bit_width}").reshape(shape)


_UNROLLED = jax.extend.random.define_prng_impl(
    key_shape=(2,),
    seed=_seed,
    split=_split,
    random_bits=_random_bits,
    fold_in=_fold_in,
    name="threefry2x32_unrolled",
    tag="fryu",
)
