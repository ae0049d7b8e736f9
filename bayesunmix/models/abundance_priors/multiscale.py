"""Maps that are even inside a grain and free at an edge: splits down a dyadic pyramid, learned from the map itself."""

from dataclasses import dataclass

import jax

from bayesunmix.contracts.abundance_prior import ABUNDANCE_PRIORS
from bayesunmix.engine.multiscale.rates import Pyramid, draw_rates, first_pyramid


@ABUNDANCE_PRIORS.register("multiscale")
@dataclass(frozen=True)
class Multiscale:
    """See `bayesunmix.engine.multiscale.rates`; the weights of each level and component are learned.

    The blocks lie elsewhere in every map, so the maps are a mixture over where they may lie. The mean over it
    shows no blocks and errs much less than the mean of any one of them, by as much as they differ; the spread of the
    draws holds that difference instead, and is too wide (see `bayesunmix.engine.sampling.recalibration`).
    """

    def start(self, exposure: jax.Array, maps: jax.Array) -> Pyramid:
        """Weights and moves at the means of their priors."""
        return first_pyramid(exposure.shape, len(maps))

    def renew(self, key: jax.Array, learned: Pyramid) -> Pyramid:
        """Move the blocks."""
        return learned.move(key)

    def draw(
        self, key: jax.Array, counts: jax.Array, exposure: jax.Array, learned: Pyramid
    ) -> tuple[jax.Array, Pyramid]:
        """Draw the maps, then the weights."""
        return draw_rates(key, counts, exposure, learned)
