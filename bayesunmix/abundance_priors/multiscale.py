"""Maps that are even inside a grain and free at an edge: splits down a dyadic pyramid, learned from the map itself."""

from dataclasses import dataclass
from typing import ClassVar

import jax

from bayesunmix.abundance_prior import ABUNDANCE_PRIORS
from bayesunmix.engine.multiscale import draw_rates, even_weights, random_offsets


@ABUNDANCE_PRIORS.register("multiscale")
@dataclass(frozen=True)
class Multiscale:
    """See `bayesunmix.engine.multiscale`; the weights of each level and component are learned.

    The blocks lie elsewhere in every draw, so the draws are a mixture over where they may lie. The mean over it
    shows no blocks and errs much less than the mean of any one of them, by as much as they differ; the spread of the
    draws holds that difference instead, and is too wide (see `bayesunmix.engine.widths`).
    """

    is_mixture: ClassVar[bool] = True

    def start(self, exposure: jax.Array, n_components: int) -> jax.Array:
        """Even log-weights."""
        return even_weights(exposure.shape, n_components)

    def draw(
        self, key: jax.Array, counts: jax.Array, exposure: jax.Array, learned: jax.Array
    ) -> tuple[jax.Array, jax.Array]:
        """Draw the maps, then the weights."""
        offset_key, key = jax.random.split(key)
        return draw_rates(key, counts, exposure, learned, random_offsets(offset_key, exposure.shape))
