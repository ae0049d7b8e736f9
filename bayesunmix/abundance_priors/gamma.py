r"""Every cell by itself, from a Gamma distribution whose shape and rate each component learns from its own map.

.. math:: a_{pk} \sim \mathrm{Gamma}(\alpha_k, \beta_k), \qquad
   \log \alpha_k \sim \mathrm{Normal}(\log 1/2, 1.5), \quad \pi(\beta_k) \propto 1 / \beta_k .

Given the map of P cells, the rate is Gamma distributed, :math:`\beta \mid \alpha, a \sim \mathrm{Gamma}(P \alpha,
\sum_p a_p)`. With the rate integrated out the shape has the log-density :math:`\log \Gamma(P \alpha) - P \log
\Gamma(\alpha) + \alpha \sum_p \log (a_p / \sum_q a_q)` and its prior; it is drawn on a grid.
"""

import math
from dataclasses import dataclass

import jax
import jax.numpy as jnp
import numpy as np
from jax.scipy.special import gammaln

from bayesunmix.abundance_prior import ABUNDANCE_PRIORS
from bayesunmix.engine.gamma import gamma_variates, log_gamma_variates

_GRID = np.geomspace(0.02, 50, 400)
_LOG_PRIOR = -0.5 * ((np.log(_GRID) - math.log(0.5)) / 1.5) ** 2

Learned = tuple[jax.Array, jax.Array]


@ABUNDANCE_PRIORS.register("gamma")
@dataclass(frozen=True)
class Gamma:
    """Gamma prior of the abundances.

    Parameters
    ----------
    shape, rate : float, optional
        Held at these values where given (both); otherwise learned. The rate is in 1/counts.
    """

    shape: float | None = None
    rate: float | None = None

    def start(self, exposure: jax.Array, n_components: int) -> Learned:
        """Shape 1/2 and a rate that any counts outweigh, (K,) each, where they are learned."""
        shape, rate = self.shape or 0.5, self.rate or 0.01
        return jnp.full(n_components, shape, jnp.float32), jnp.full(n_components, rate, jnp.float32)

    def draw(
        self, key: jax.Array, counts: jax.Array, exposure: jax.Array, learned: Learned
    ) -> tuple[jax.Array, Learned]:
        """Draw every cell, then shape and rate."""
        cell_key, shape_key, rate_key = jax.random.split(key, 3)
        shape, rate = (value.reshape(-1, *(1,) * exposure.ndim) for value in learned)
        log_rates = log_gamma_variates(cell_key, counts + shape) - jnp.log(rate + 1)
        rates = jnp.exp(log_rates) * exposure
        if self.shape is not None and self.rate is not None:
            return rates, learned
        cells = tuple(range(1, counts.ndim))
        n = exposure.sum()
        mean = rates.sum(axis=cells) / n
        spread = (jnp.where(exposure > 0, log_rates, 0).sum(axis=cells)) / n - jnp.log(mean)
        shape = _draw_shape(shape_key, n, spread)
        return rates, (shape, gamma_variates(rate_key, n * shape) / (n * mean))


def _draw_shape(key: jax.Array, n: jax.Array, spread: jax.Array) -> jax.Array:
    """Draw shapes (K,) given the mean logarithm of n cells less the logarithm of their mean, (K,)."""
    grid = jnp.asarray(_GRID, jnp.float32)
    # Stirling's formula for log Gamma(n shape): nothing of the size of n log n is left to cancel.
    log_density = n * (grid * jnp.log(grid) - grid - gammaln(grid) + grid * spread[:, None])
    log_density += 0.5 * jnp.log(grid) + jnp.asarray(_LOG_PRIOR, jnp.float32)
    return grid[jax.random.categorical(key, log_density, axis=1)]
