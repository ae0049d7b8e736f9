"""Principal components of the scaled counts (see `bayesunmix.engine.subspace.pca`).

The components are orthogonal directions, not materials: endmembers and abundances may be negative. Each endmember has
the sign that makes its sum positive. What the first K expect of a line, `bayesunmix.line_map(image, "Ni_Ka",
result.estimate)`, is the denoised map of that line.
"""

from dataclasses import dataclass

import jax
import numpy as np

from bayesunmix.contracts.arguments import require_choice
from bayesunmix.contracts.method import METHODS
from bayesunmix.data.factorization import Factorization
from bayesunmix.data.image import SpectrumImage
from bayesunmix.data.result import Info, Unmixing
from bayesunmix.engine.subspace.pca import Scaling, Solver, principal_components


@METHODS.register("pca")
@dataclass(frozen=True)
class PCA:
    """Poisson-weighted PCA (Keenan and Kotula 2004). It has no randomness: every seed gives the same result.

    `info["explained_variance_ratio"]` is the fraction of the whole sum of squares of the scaled counts.

    Parameters
    ----------
    scaling : {"poisson", "keenan_kotula", "biwhitened", "none"}
        Weights of pixels and channels. "poisson" takes them from the total map and the sum spectrum, with three photons
        added to each total; "keenan_kotula" adds none, as other programs do; "biwhitened" takes them from biwhitening;
        with "none" all are one.
    centred : bool
        Make the mean the first of the `n_components`, and the others principal components about it. Then the estimate
        still adds up to the counts, and the first explained variance is that of the mean.
    solver : {"auto", "randomised", "gram"}
        Block Krylov iteration or the Gram matrix. They give the same components, at different speed.
    """

    scaling: Scaling = "poisson"
    centred: bool = False
    solver: Solver = "auto"

    def __post_init__(self) -> None:
        require_choice(self)

    def fit(self, image: SpectrumImage, n_components: int, key: jax.Array) -> Unmixing:
        """Compute the leading `n_components`."""
        found = principal_components(image, n_components, self.scaling, self.centred, self.solver)
        ratio = found.explained_variance_ratio
        rank = int(np.count_nonzero(ratio))
        info: Info = {
            "converged": True,
            "iterations": 1,
            "objective": [float(max(1 - ratio.sum(), 0))],
            "objective_name": "share of variance left out",
            "explained_variance_ratio": ratio.tolist(),
            "warnings": []
            if rank == n_components
            else [
                f"The counts have only {rank} of the {n_components} components, and the others are empty. "
                f"Ask for at most {rank}."
            ],
        }
        return Unmixing(Factorization(found.endmembers, found.abundances), info=info)
