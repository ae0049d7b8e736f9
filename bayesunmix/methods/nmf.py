"""KL-NMF: non-negative factorisation of Poisson counts by maximum likelihood.

The deviance is lowered by extrapolated EM (see `bayesunmix.engine.fits.em`) from the best of several binned random
starts (see `bayesunmix.engine.fits.starts`). At a few counts per pixel the start decides the result.
"""

from dataclasses import dataclass

import jax

from bayesunmix.contracts.arguments import require_positive
from bayesunmix.contracts.method import METHODS
from bayesunmix.data.image import SpectrumImage
from bayesunmix.data.result import Unmixing
from bayesunmix.engine.device.layout import lay_out
from bayesunmix.engine.fits import em
from bayesunmix.engine.fits.descent import descend
from bayesunmix.engine.fits.starts import best_start


@METHODS.register("nmf")
@dataclass(frozen=True)
class NMF:
    """KL-NMF (Lee and Seung 2001) with several starts.

    Parameters
    ----------
    n_starts : int
        Random starts of the binned fit.
    tolerance : float
        The fit has converged when no more than this fraction of the deviance is left to gain, as extrapolated from the
        last iterations.
    max_iterations : int
        Largest number of EM iterations at full resolution.
    """

    n_starts: int = 8
    tolerance: float = 1e-6
    max_iterations: int = 2000

    def __post_init__(self) -> None:
        require_positive(self)

    def fit(self, image: SpectrumImage, n_components: int, key: jax.Array) -> Unmixing:
        """Fit `n_components` endmembers and abundances."""
        data, pixels = lay_out(image)
        start = best_start(image, pixels, n_components, key, self.n_starts)
        return descend(em.objective(data), start, image, pixels, self.tolerance, self.max_iterations)
