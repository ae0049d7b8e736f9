"""KL-NMF: non-negative factorisation of Poisson counts by maximum likelihood.

The deviance is lowered by EM (see `bayesunmix.em`) from the best of several binned random starts
(see `bayesunmix.starts`), which is what decides the result at a few counts per pixel.
"""

from dataclasses import dataclass

import jax
import jax.numpy as jnp
import numpy as np

from bayesunmix import em
from bayesunmix.convergence import until_settled
from bayesunmix.factorization import Factorization
from bayesunmix.image import SpectrumImage
from bayesunmix.method import METHODS, Unmixing
from bayesunmix.settings import require_positive
from bayesunmix.starts import best_start


@METHODS.register("nmf")
@dataclass(frozen=True)
class NMF:
    """KL-NMF (Lee and Seung 2001) with several starts.

    Parameters
    ----------
    n_starts : int
        Random starts of the binned fit.
    tolerance : float
        Converged when ten iterations change the deviance by less than this share of it.
    max_iterations : int
        EM iterations at full resolution.
    """

    n_starts: int = 8
    tolerance: float = 1e-6
    max_iterations: int = 1000

    def __post_init__(self) -> None:
        require_positive(self)

    def fit(self, image: SpectrumImage, n_components: int, key: jax.Array) -> Unmixing:
        """Fit `n_components` endmembers and abundances."""
        data, pixels = em.lay_out(image)
        start = best_start(image, pixels, n_components, key, self.n_starts)
        run = until_settled(
            (jnp.asarray(start.abundances), jnp.asarray(start.endmembers)),
            lambda state, iterations: em.advance(data, *state, iterations),
            lambda state: em.deviance(data, *state),
            self.tolerance,
            self.max_iterations,
            "KL-NMF",
        )
        maps, endmembers = map(np.asarray, run.state)
        estimate = Factorization(endmembers, pixels.restore(maps, image.n_pixels))
        return Unmixing(estimate, info=run.info("Poisson deviance", start.warnings) | start.agreement)
