r"""Add a penalty to an EM step, majorised by a line and a parabola for each entry.

EM majorises half the deviance by a sum over entries. Each entry contributes :math:`x - z \log x` for the z counts that
are allocated to it. With :math:`s x + \tfrac12 c x^2` added, where s includes the line, the minimiser is the positive
root of a quadratic equation. A constraint on a sum adds a multiplier to s.
"""

import jax
import jax.numpy as jnp
from jax import Array

from bayesunmix.engine.device.events import LEAST_RATE

_CLOSE, _MOST_STEPS = 1e-6, 30


def minimiser(allocated: Array, slope: Array, curvature: Array) -> Array:
    r"""Return the minimiser over :math:`x \ge 0` of :math:`-z \log x + s x + \tfrac12 c x^2`, entry by entry.

    Parameters
    ----------
    allocated, slope, curvature : arrays that broadcast
        z, s and c; z and c not negative, s positive where c is 0.
    """
    root = jnp.sqrt(slope**2 + 4 * curvature * allocated)
    # Two forms of one root: where one subtracts numbers that are nearly equal, the other adds them.
    where_rising = 2 * allocated / jnp.maximum(slope + root, LEAST_RATE)
    where_falling = (root - slope) / jnp.maximum(2 * curvature, LEAST_RATE)
    return jnp.where(slope > 0, where_rising, where_falling)


def minimiser_of_sum(allocated: Array, slope: Array, curvature: Array, total: Array) -> Array:
    """Return the minimiser whose sums are `total`, up to rounding. It needs curvature in every entry.

    Parameters
    ----------
    allocated, slope, curvature : (R, N) arrays
        As in `minimiser`.
    total : (R, 1) or (1, 1) array
        Sum of each row, or of all entries; positive.
    """
    axes = 1 if len(total) == len(slope) else (0, 1)

    def summed(entries: Array) -> Array:
        return entries.sum(axes, keepdims=True)

    def step(state: tuple[Array, Array, int]) -> tuple[Array, Array, int]:
        # Newton's method for the multiplier, of which the sum is a falling convex function: from above, steps end
        # before the root. From below they would go far beyond it; there the reciprocal of the sum is nearly a line.
        multiplier, entries, steps = state
        size = summed(entries)
        change = summed(entries**2 / jnp.maximum(allocated + curvature * entries**2, LEAST_RATE))
        multiplier += (size - total) * jnp.minimum(size / total, 1) / jnp.maximum(change, LEAST_RATE)
        return multiplier, minimiser(allocated, slope + multiplier, curvature), steps + 1

    def unsettled(state: tuple[Array, Array, int]) -> Array:
        return (jnp.abs(summed(state[1]) - total) > _CLOSE * total).any() & (state[2] < _MOST_STEPS)

    start = jnp.zeros_like(total), minimiser(allocated, slope, curvature), 0
    entries = jax.lax.while_loop(unsettled, step, start)[1]
    return entries * (total / jnp.maximum(summed(entries), LEAST_RATE))
