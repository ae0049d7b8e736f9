"""KL-NMF that finds its number of components by automatic relevance determination (Tan and Fevotte 2013).

The algorithm is `bayesunmix.engine.fits.relevance`.
"""

from dataclasses import asdict, dataclass
from typing import ClassVar

import jax

from bayesunmix.contracts.arguments import require_positive
from bayesunmix.contracts.method import METHODS
from bayesunmix.data.image import SpectrumImage
from bayesunmix.data.result import Unmixing
from bayesunmix.engine.fits.relevance import fit_relevant


@METHODS.register("nmf_ard")
@dataclass(frozen=True)
class NMFARD:
    r"""KL-NMF with l1-ARD (Tan and Fevotte 2013), which finds its number of components.

    `info["relevance"]` contains :math:`\lambda_k / \lambda_{min} - 1` of each of the `info["n_components_tried"]`
    components. Those near 0 are left out.

    Parameters
    ----------
    a : float
        Shape of the inverse-gamma prior, greater than 2. The scale b follows from the mean count (method of moments).
    n_starts : int
        Random starts of the binned fit, before relevance is decided.
    tolerance : float
        The fit has converged when no more than this fraction of the objective is left to gain, as extrapolated from the
        last iterations.
    max_iterations : int
        Largest number of EM iterations on superpixels, and again at full resolution.
    """

    finds_n_components: ClassVar[bool] = True

    a: float = 5.0
    n_starts: int = 8
    tolerance: float = 1e-6
    max_iterations: int = 2000

    def __post_init__(self) -> None:
        require_positive(self)
        if self.a <= 2:
            raise ValueError(
                f"setting a of NMFARD must be greater than 2 for the prior to have a variance, got {self.a}; "
                "its default is 5.0"
            )

    def fit(self, image: SpectrumImage, n_components: int | None, key: jax.Array) -> Unmixing:
        """Find the relevant components, at most `n_components` of them (None: at most 10), and fit them."""
        return fit_relevant(image, n_components, key, **asdict(self))
