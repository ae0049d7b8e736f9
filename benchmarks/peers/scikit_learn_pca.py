"""Scikit-learn's truncated SVD and PCA of the sparse counts, by ARPACK.

Components are orthogonal directions, not materials. About the mean they are much further from materials than about
zero (spectral angle in degrees / map error on the trials of `benchmarks.peer`):

====================================  =============  =============  =============
counts per pixel                                  5             20             50
====================================  =============  =============  =============
`TruncatedSVD`, K components            6.8 / 0.94     4.3 / 0.51     3.8 / 0.35
`PCA`, mean and K - 1 components       46.6 / 2.17    47.3 / 1.96    47.2 / 1.92
`PCA`, K components without the mean   54.1 / 1.96    47.5 / 1.56    45.5 / 1.48
====================================  =============  =============  =============
"""

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from scipy import sparse

from benchmarks.peer import PEERS


@PEERS.register("scikit_learn_pca")
@dataclass(frozen=True)
class ScikitLearnPCA:
    """`TruncatedSVD`, or `PCA`.

    Parameters
    ----------
    centred : bool
        The first component is the mean, and the others are principal components about it.
    """

    environment: ClassVar[str] = "main"
    modules: ClassVar[tuple[str, ...]] = ("sklearn.decomposition",)
    centred: bool = False

    def fit(
        self,
        counts: sparse.csr_array,
        energy_kev: np.ndarray,
        navigation_shape: tuple[int, ...],
        n_components: int,
        seed: int,
    ) -> tuple[np.ndarray, np.ndarray, dict[str, Any]]:
        """Decompose."""
        from sklearn.decomposition import PCA, TruncatedSVD

        counts = sparse.csr_matrix(counts, dtype=np.float64)
        if not self.centred:
            svd = TruncatedSVD(n_components, algorithm="arpack", random_state=seed % 2**32)
            abundances = svd.fit_transform(counts)
            return svd.components_, abundances, {"converged": True}
        if n_components == 1:
            return np.asarray(counts.mean(axis=0)), np.ones((counts.shape[0], 1)), {"converged": True}
        pca = PCA(n_components - 1, svd_solver="arpack", random_state=seed % 2**32)
        abundances = pca.fit_transform(counts)
        endmembers = np.vstack([pca.mean_, pca.components_])
        return endmembers, np.insert(abundances, 0, 1.0, axis=1), {"converged": True}
