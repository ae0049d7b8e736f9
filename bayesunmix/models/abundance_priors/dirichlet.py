r"""Materials replace one another: a cell has a total, and a composition from a Dirichlet distribution that is learned.

.. math:: a_{pk} = t_p f_{pk}, \qquad t_p \sim \mathrm{Gamma}(\tau, \beta), \qquad
   f_p \sim \mathrm{Dirichlet}(\alpha_1, \dots, \alpha_K)

Where a precipitate lies in a foil, there is less of the matrix. A prior under which components are independent of one
another (`bayesunmix.models.abundance_priors.gamma`) denies that, and prefers endmembers of what the precipitate has
*more* than the matrix: independence is what ICA looks for. Cells without counts say nothing of the concentrations.

One distribution for all cells lends some of the precipitates to every cell of the matrix. That cells of one material
are a kind of their own was tried. It helps the matrix of `trace_precipitates` (90 % intervals that held .67 and .36 of
pixels hold .95 and .84), but the kind that is left for mixtures spoils other images: with learned concentrations it
takes two overlapping materials for one mixture (error of `overlapping_lines` from .24 to .75), with equal ones
particles keep the matrix above and below them (error of `particles_espm` from .06 to .16).
"""

from dataclasses import dataclass
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jax.nn import log_softmax

from bayesunmix.contracts.abundance_prior import ABUNDANCE_PRIORS
from bayesunmix.engine.device.gamma import log_gamma_variates
from bayesunmix.engine.sampling.shapes import draw_concentrations, draw_gamma, likeliest_concentrations

_LEAST = 1e-6  # of a composition, where its logarithm is taken


class LearnedCompositions(NamedTuple):
    """Concentrations (K,), shape and rate of the totals (1,) each, and whether the concentrations learn."""

    concentrations: jax.Array
    shape: jax.Array
    rate: jax.Array
    learning: jax.Array


@ABUNDANCE_PRIORS.register("dirichlet")
@dataclass(frozen=True)
class Dirichlet:
    """Dirichlet prior of the compositions, and Gamma prior of the totals."""

    def start(self, exposure: jax.Array, maps: jax.Array) -> LearnedCompositions:
        """Concentrations like those of the maps, and totals that any counts outweigh."""
        seen = (exposure > 0) & (maps.sum(axis=0) > 0)
        logs = jnp.log(jnp.maximum(maps / jnp.where(seen, maps.sum(axis=0), 1), _LEAST))
        mean_log, n = _mean(logs, seen)
        half, little = jnp.full(1, 0.5, jnp.float32), jnp.full(1, 0.01, jnp.float32)
        return LearnedCompositions(likeliest_concentrations(mean_log, n), half, little, jnp.asarray(True))

    def draw(
        self, key: jax.Array, counts: jax.Array, exposure: jax.Array, learned: LearnedCompositions
    ) -> tuple[jax.Array, LearnedCompositions]:
        """Draw compositions and totals, then what is learned of them."""
        map_key, concentration_key, gamma_key = jax.random.split(key, 3)
        n = counts.sum(axis=0)
        concentrations = learned.concentrations.reshape(-1, *(1,) * exposure.ndim)
        # Drawn at once: every draw more takes a second to compile.
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
    """Mean over the cells that are seen, (K,), and how many they are."""
    n = seen.sum()
    return jnp.where(seen, logs, 0).sum(axis=tuple(range(1, logs.ndim))) / jnp.maximum(n, 1), n
