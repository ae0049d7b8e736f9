"""A point fit with the joint Fisher covariance of endmembers and abundances.

It contains what counting noise leaves open about both factors at once, to first order
(`bayesunmix.engine.fits.fisher`). Endmembers are drawn from the inverse of a dense K C x K C matrix, and abundances
given each of them. It replaces the parametric bootstrap of the same fit, without refitting. Like that, it contains
neither the bias of the fit nor other solutions that explain the counts as well.

P pixels cost P K (K C)^2 / 2 multiplications and 8 (K C)^2 bytes. K C is at most 8192.
"""

from dataclasses import dataclass, replace

import jax

from bayesunmix.contracts.arguments import require_positive
from bayesunmix.contracts.method import METHODS
from bayesunmix.contracts.registry import require_name
from bayesunmix.data.image import SpectrumImage
from bayesunmix.data.posterior import Posterior
from bayesunmix.data.result import Unmixing
from bayesunmix.engine.fits.fisher import joint_draws, require_dense
from bayesunmix.methods._point_fit import fit_to_draw_around


@METHODS.register("fisher_joint")
@dataclass(frozen=True)
class FisherJoint:
    """Laplace approximation of endmembers and abundances about a point fit.

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
        """Fit, and draw both factors about the fit."""
        require_dense(n_components, image.n_channels)
        found, n_kept, rng = fit_to_draw_around(
            self.method, image, n_components, key, self.n_draws, self.most_draws_mib
        )
        endmembers, abundances = joint_draws(image, found.estimate, self.n_draws, n_kept, rng)
        return replace(found, posterior=Posterior(endmembers[None], abundances[None], calibrated=False))
