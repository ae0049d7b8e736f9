r"""Speed up an iteration that lowers an objective over abundances and endmembers, by extrapolation with momentum.

EM and similar iterations are slow along flat valleys. Here each iteration starts from a point beyond the last one,
reached with Nesterov's growing momentum [1]_ on the logarithms of all entries, so that they stay positive:

.. math:: y = x_t (x_t / x_{t-1})^{w_t}, \quad x_{t+1} = F(y), \quad w_t = (\theta_t - 1) / \theta_{t+1}, \quad
          \theta_{t+1} = (1 + \sqrt{1 + 4 \theta_t^2}) / 2.

Momentum can overshoot. The caller watches the objective and puts the point `at_rest` when it rises [2]_.

References
----------
.. [1] Y. Nesterov, "A method of solving a convex programming problem with convergence rate O(1/k^2)", Soviet Math.
   Dokl. 27, 372 (1983); for NMF: L. T. K. Hien, V. Leplat and N. Gillis, "Block majorization minimization with
   extrapolation and application to beta-NMF", SIAM J. Math. Data Sci. 7, 1292 (2025).
.. [2] B. O'Donoghue and E. Candes, "Adaptive restart for accelerated gradient schemes", Found. Comput. Math. 15,
   715 (2015).
"""

from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jax import Array

LEAST_ENTRY = 1e-12  # an entry at exactly zero could never leave it, and denormal numbers are slow
STEEPEST = 10.0  # factor of one iteration that momentum may repeat


class Moving(NamedTuple):
    """Hold abundances (K, pixels) and endmembers (K, C), now and one iteration before, and the momentum's theta."""

    abundances: Array
    endmembers: Array
    abundances_before: Array
    endmembers_before: Array
    theta: Array


def at_rest(abundances: Array, endmembers: Array) -> Moving:
    """Start, or start again, without momentum."""
    return Moving(abundances, endmembers, abundances, endmembers, jnp.ones((), jnp.float32))


def extrapolate(
    update: Callable[[Array, Array], tuple[Array, Array]], moving: Moving, iterations: int
) -> Moving:
    """Iterate `update` (abundances, endmembers) -> (abundances, endmembers), each time from beyond the last point."""

    def step(_: int, moving: Moving) -> Moving:
        theta = (1 + jnp.sqrt(1 + 4 * moving.theta**2)) / 2
        momentum = (moving.theta - 1) / theta
        abundances = _beyond(moving.abundances, moving.abundances_before, momentum)
        endmembers = _beyond(moving.endmembers, moving.endmembers_before, momentum)
        endmembers = endmembers / endmembers.sum(1, keepdims=True)
        return Moving(*update(abundances, endmembers), moving.abundances, moving.endmembers, theta)

    return jax.lax.fori_loop(0, iterations, step, moving)


def _beyond(now: Array, before: Array, momentum: Array) -> Array:
    # An entry that comes back from the floor has a ratio without measure.
    return jnp.maximum(now * jnp.minimum(now / before, STEEPEST) ** momentum, LEAST_ENTRY)
