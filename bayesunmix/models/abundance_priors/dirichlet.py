r"""Materials replace one another: a pixel has a total, and a composition from a learned Dirichlet distribution.

.. math:: a_{pk} = t_p f_{pk}, \qquad t_p \sim \mathrm{Gamma}(\tau, \beta), \qquad
   f_p \sim \mathrm{Dirichlet}(\alpha_1, \dots, \alpha_K)

Where a foil contains a precipitate, there is less of the matrix. A prior with independent components
(`bayesunmix.models.abundance_priors.gamma`) denies that, and prefers endmembers of what the precipitate has *more* than
the matrix, as ICA does. Pixels without counts say nothing about the concentrations.

All pixels share one distribution, so every pixel of the matrix gets a little of the precipitates. A separate
distribution for pixels of one material helps that case and spoils images with mixtures or overlapping spectra, so there
is none.
"""

from dataclasses import dataclass
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jax.nn import log_softmax

from bayesunmix.contracts.abundance_prior import ABUNDANCE_PRIORS
from bayesunmix.engine.device.gamma import log_gamma_variates
from bayesunmix.engine.sampling.shapes import draw_concentrations, draw_gamma, likeliest_concentrations

_LEAST = 1e-6  # fraction of a composition, where its logarithm is taken


class LearnedCompositions(NamedTuple):
    """Hold concentrations (K,), shape and rate of the totals (1,) each, and whether the concentrations are learned."""

    concentrations: jax.Array
    shape: jax.Array
    rate: jax.Array
    learning: jax.Array


@ABUNDANCE_PRIORS.register("dirichlet")
@dataclass(frozen=True)
class Dirichlet:
    """Dirichlet prior of the compositions, and Gamma prior of the totals."""

    def start(self, exposure: jax.Array, maps: jax.Array) -> LearnedCompositions:
        """Return concentrations like those of the maps, and a weak prior of the totals."""
        seen = (exposure > 0) & (maps.sum(axis=0) > 0)
        logs = jnp.log(jnp.maximum(maps / jnp.where(seen, maps.sum(axis=0), 1), _LEAST))
        mean_log, n = _mean(logs, seen)
        half, little = jnp.full(1, 0.5, jnp.float32), jnp.full(1, 0.01, jnp.float32)
        return LearnedCompositions(likeliest_concentrations(mean_log, n), half, little, jnp.asarray(True))

    def draw(
        self, key: jax.Array, counts: jax.Array, exposure: jax.Array, learned: LearnedCompositions
    ) -> tuple[jax.Array, LearnedCompositions]:
        """Draw compositions and totals, then update what is learned of them."""
        map_key, concentration_key, gamma_key = jax.random.split(key, 3)
        n = counts.sum(axis=0)
        concentrations = learned.concentrations.reshape(-1, *(1,) * exposure.ndim)
        # Drawn at once, because every further draw takes long to compile.
        drawn = log_gamma_variates(
            map_key, jnp.concatenate([counts + concentrations, (n + learned.shape)[None]])
        )
        log_shares, log_total = log_softmax(drawn[:-1], axis=0), drawn[-1] - jnp.log(learned.rate + 1)
        renewed = draw_concentrations(
            concentration_key, *_mean(log_shares, (exposure > 0) & (n > 0)), learned.concentrations
        )
        shape, rate = draw_gamma(gamma_key, log_total[None], exposure)
        concentrations = jnp.where(learned.learning, renewed, learned.concentrations)
        return jnp.exp(log_shares + log_total) * exposure, LearnedCompositions(
            concentrations, shape, rate, learned.learning
        )


def _mean(logs: jax.Array, seen: jax.Array) -> tuple[jax.Array, jax.Array]:
    """Return the mean over the cells that are seen, (K,), and their number."""
    n = seen.sum()
    return jnp.where(seen, logs, 0).sum(axis=tuple(range(1, logs.ndim))) / jnp.maximum(n, 1), n
