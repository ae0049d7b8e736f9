"""A point fit with counting errors: the Fisher covariance of each pixel's abundances, given the endmembers.

The endmembers are taken as known, so that every pixel has its own K x K covariance (`bayesunmix.engine.fits.fisher`).
Draws are Gamma variates with that covariance about the fit, with half a count more of the mean composition. A pixel
with one component and n counts gets Gamma(n + 1/2). That is right for a pixel and useless for sums, whose error is that
of the endmembers.
"""

from dataclasses import dataclass, replace

import jax
import numpy as np

from bayesunmix.contracts.arguments import require_positive
from bayesunmix.contracts.method import METHODS
from bayesunmix.contracts.registry import require_name
from bayesunmix.data.image import SpectrumImage
from bayesunmix.data.posterior import Posterior
from bayesunmix.data.result import Unmixing
from bayesunmix.engine.fits.fisher import abundance_draws
from bayesunmix.methods._point_fit import fit_to_draw_around


@METHODS.register("fisher_conditional")
@dataclass(frozen=True)
class FisherConditional:
    """Laplace approximation of abundances given the endmembers of a point fit.

    Parameters
    ----------
    method : str
        The point method: any non-negative one.
    n_draws : int
        Number of draws.
    most_draws_mib : float
        Memory for abundance draws, in MiB. Fewer are returned to stay below it, but at least 20.
    """

    method: str = "nmf"
    n_draws: int = 200
    most_draws_mib: float = 256

    def __post_init__(self) -> None:
        require_positive(self)
        require_name(self.method, METHODS, "method")

    def fit(self, image: SpectrumImage, n_components: int, key: jax.Array) -> Unmixing:
        """Fit, and draw abundances about the fit. Every draw has the same endmembers."""
        found, n_kept, rng = fit_to_draw_around(
            self.method, image, n_components, key, self.n_draws, self.most_draws_mib
        )
        endmembers = found.estimate.endmembers
        abundances = abundance_draws(found.estimate, n_kept, rng)
        repeated = np.broadcast_to(endmembers.astype(np.float32), (1, n_kept, *endmembers.shape))
        return replace(found, posterior=Posterior(repeated, abundances[None], calibrated=False))
