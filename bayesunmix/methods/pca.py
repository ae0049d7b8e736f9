"""Principal components of the Poisson-weighted counts, uncentred (see `bayesunmix.pca`).

The components are orthogonal directions, not materials: endmembers and abundances may be negative.
"""

from dataclasses import dataclass

import jax

from bayesunmix.factorization import Factorization
from bayesunmix.image import SpectrumImage
from bayesunmix.method import METHODS, Unmixing
from bayesunmix.pca import principal_components


@METHODS.register("pca")
@dataclass(frozen=True)
class PCA:
    """Poisson-weighted, uncentred PCA (Keenan and Kotula 2004). It has no settings and no randomness."""

    def fit(self, image: SpectrumImage, n_components: int, key: jax.Array) -> Unmixing:
        """Compute the leading `n_components`."""
        components = principal_components(image, n_components)
        info = {
            "converged": True,
            "iterations": 1,
            "objective": [float(1 - components.explained_variance_ratio.sum())],
            "objective_name": "share of variance left out",
            "explained_variance_ratio": components.explained_variance_ratio.tolist(),
            "warnings": [],
        }
        return Unmixing(Factorization(components.endmembers, components.abundances), info=info)
