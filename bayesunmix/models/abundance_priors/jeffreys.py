"""Every pixel is independent, with Jeffreys' prior of a Poisson rate: Gamma(1/2) without a scale."""

from dataclasses import dataclass

import jax

from bayesunmix.contracts.abundance_prior import ABUNDANCE_PRIORS
from bayesunmix.engine.device.gamma import gamma_variates


@ABUNDANCE_PRIORS.register("jeffreys")
@dataclass(frozen=True)
class Jeffreys:
    """Posterior Gamma(n + 1/2, 1) of every pixel; nothing is learned."""

    def start(self, exposure: jax.Array, maps: jax.Array) -> tuple[()]:
        """Return nothing, because nothing is learned."""
        return ()

    def draw(
        self, key: jax.Array, counts: jax.Array, exposure: jax.Array, learned: tuple[()]
    ) -> tuple[jax.Array, tuple[()]]:
        """Draw every pixel."""
        return gamma_variates(key, counts + 0.5) * exposure, learned
