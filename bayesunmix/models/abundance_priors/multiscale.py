"""Maps are even inside a grain and free at an edge: splits down a dyadic pyramid, learned from the map itself."""

from dataclasses import dataclass

import jax

from bayesunmix.contracts.abundance_prior import ABUNDANCE_PRIORS
from bayesunmix.engine.multiscale.rates import Pyramid, draw_rates, first_pyramid


@ABUNDANCE_PRIORS.register("multiscale")
@dataclass(frozen=True)
class Multiscale:
    """Multiscale prior of the maps (`bayesunmix.engine.multiscale.rates`). Weights of each level and map are learned.

    The block grid is drawn anew for every map, so the maps are a mixture over block grids. The mean over this mixture
    shows no blocks, and errs less than the mean under any one grid. The draws scatter by the differences between grids
    too, so their spread is too wide, and they are recalibrated (see `bayesunmix.engine.sampling.recalibration`).
    """

    def start(self, exposure: jax.Array, maps: jax.Array) -> Pyramid:
        """Return weights and transition matrices at the means of their priors."""
        return first_pyramid(exposure.shape, len(maps))

    def renew(self, key: jax.Array, learned: Pyramid) -> Pyramid:
        """Move the block grid."""
        return learned.move(key)

    def draw(
        self, key: jax.Array, counts: jax.Array, exposure: jax.Array, learned: Pyramid
    ) -> tuple[jax.Array, Pyramid]:
        """Draw the maps, then the weights."""
        return draw_rates(key, counts, exposure, learned)
