"""Every cell by itself, Gamma(1/2) without a scale: Jeffreys' prior of a Poisson rate."""

from dataclasses import dataclass

import jax

from bayesunmix.contracts.abundance_prior import ABUNDANCE_PRIORS
from bayesunmix.engine.device.gamma import gamma_variates


@ABUNDANCE_PRIORS.register("jeffreys")
@dataclass(frozen=True)
class Jeffreys:
    """Posterior Gamma(n + 1/2, 1) of every cell; nothing is learned."""

    def start(self, exposure: jax.Array, maps: jax.Array) -> tuple[()]:
        """Nothing."""
        return ()

    def draw(
        self, key: jax.Array, counts: jax.Array, exposure: jax.Array, learned: tuple[()]
    ) -> tuple[jax.Array, tuple[()]]:
        """Draw every cell."""
        return gamma_variates(key, counts + 0.5) * exposure, learned
