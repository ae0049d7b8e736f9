"""Draw Gamma variates for many shapes side by side, by Marsaglia and Tsang's rejection method.

`jax.random.gamma` runs one rejection loop per element, which is very slow on a CPU. Here each round proposes a value
for all elements and keeps the first acceptance of each. At most 5 % of the proposals are rejected, so a few rounds
serve millions of elements.

References
----------
G. Marsaglia and W. W. Tsang, "A simple method for generating gamma variables", ACM Trans. Math. Softw. 26, 363 (2000).
"""

import math

import jax
import jax.numpy as jnp
from jax import Array
from jax.lax import erf_inv

from bayesunmix.engine.device.threefry import numbered

SMALLEST = 1e-37  # stands for draws below float32's range, so that logarithms stay finite
_TINY = float(jnp.finfo(jnp.float32).tiny)


def log_gamma_variates(key: Array, shape: Array) -> Array:
    r"""Draw :math:`\log g` with :math:`g \sim \mathrm{Gamma}(\text{shape}, 1)` for each entry of `shape`.

    Draws of small shapes underflow as numbers; their logarithms do not.

    Parameters
    ----------
    key : JAX key
    shape : array of float32
        Shapes, greater than 0.
    """
    # Gamma(a) = Gamma(a + 1) U^(1/a): the squeeze needs a shape of at least 1.
    boosted = shape < 1
    boost = jnp.log(jax.random.uniform(numbered(key, 0), shape.shape, minval=_TINY)) / shape
    d = jnp.where(boosted, shape + 1, shape) - 1 / 3
    c = 1 / jnp.sqrt(9 * d)

    def propose(state: tuple) -> tuple:
        round_number, log_cube, accepted = state
        # One draw of both: code that makes random bits takes longest to compile.
        quantile, u = jax.random.uniform(numbered(key, round_number), (2, *shape.shape), minval=_TINY)
        x = math.sqrt(2) * erf_inv(2 * quantile - 1)  # normal; minus infinity is never accepted
        base = jnp.maximum(1 + c * x, SMALLEST)
        log_v, log_u = 3 * jnp.log(base), jnp.log(u)
        good = (1 + c * x > 0) & (log_u < 0.5 * x * x + d - d * base**3 + d * log_v)
        return round_number + 1, jnp.where(good & ~accepted, log_v, log_cube), accepted | good

    start = (1, jnp.zeros_like(shape), jnp.zeros(shape.shape, bool))
    _, log_cube, _ = jax.lax.while_loop(lambda state: ~state[2].all(), propose, start)
    return jnp.log(d) + log_cube + jnp.where(boosted, boost, 0)


def gamma_variates(key: Array, shape: Array) -> Array:
    """Draw from Gamma(`shape`, 1) for each entry of `shape`; see `log_gamma_variates`."""
    return jnp.maximum(jnp.exp(log_gamma_variates(key, shape)), SMALLEST)
