r"""Every pixel is independent, with a Gamma prior whose shape and rate each component learns from its own map.

.. math:: a_{pk} \sim \mathrm{Gamma}(\alpha_k, \beta_k), \qquad
   \log \alpha_k \sim \mathrm{Normal}(\log 1/2, 1.5), \quad \pi(\beta_k) \propto 1 / \beta_k .
"""

from dataclasses import dataclass

import jax
import jax.numpy as jnp

from bayesunmix.contracts.abundance_prior import ABUNDANCE_PRIORS
from bayesunmix.engine.device.gamma import log_gamma_variates
from bayesunmix.engine.sampling.shapes import draw_gamma

ShapeAndRate = tuple[jax.Array, jax.Array]


@ABUNDANCE_PRIORS.register("gamma")
@dataclass(frozen=True)
class Gamma:
    """Gamma prior of the abundances.

    Parameters
    ----------
    shape, rate : float, optional
        Fixed at these values if both are given; otherwise learned. The rate is in 1/counts.
    """

    shape: float | None = None
    rate: float | None = None

    def start(self, exposure: jax.Array, maps: jax.Array) -> ShapeAndRate:
        """Return shape 1/2 and a weak rate, (K,) each, where they are learned."""
        shape, rate = self.shape or 0.5, self.rate or 0.01
        return jnp.full(len(maps), shape, jnp.float32), jnp.full(len(maps), rate, jnp.float32)

    def draw(
        self, key: jax.Array, counts: jax.Array, exposure: jax.Array, learned: ShapeAndRate
    ) -> tuple[jax.Array, ShapeAndRate]:
        """Draw every pixel, then shape and rate."""
        cell_key, gamma_key = jax.random.split(key)
        shape, rate = (value.reshape(-1, *(1,) * exposure.ndim) for value in learned)
        log_rates = log_gamma_variates(cell_key, counts + shape) - jnp.log(rate + 1)
        rates = jnp.exp(log_rates) * exposure
        if self.shape is not None and self.rate is not None:
            return rates, learned
        return rates, draw_gamma(gamma_key, log_rates, exposure)
