"""Scikit-learn's least-squares NMF: coordinate descent on the sparse counts (Cichocki and Phan 2009).

Eight starts, NNDSVD and seven random ones. On the trials of `benchmarks.peer` NNDSVD, NNDSVDa and random ones all
reached the same optimum, at tolerances of 1e-4 and 1e-6 alike.
"""

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from scipy import sparse

from benchmarks.peer import PEERS


@PEERS.register("scikit_learn_nmf_frobenius")
@dataclass(frozen=True)
class ScikitLearnNMFFrobenius:
    """`sklearn.decomposition.NMF` with the Frobenius loss.

    Parameters
    ----------
    n_starts : int
        NNDSVD, and random ones.
    tolerance : float
    max_iterations : int
    """

    environment: ClassVar[str] = "main"
    modules: ClassVar[tuple[str, ...]] = ("sklearn.decomposition",)
    n_starts: int = 8
    tolerance: float = 1e-6
    max_iterations: int = 5000

    def fit(
        self,
        counts: sparse.csr_array,
        energy_kev: np.ndarray,
        navigation_shape: tuple[int, ...],
        n_components: int,
        seed: int,
    ) -> tuple[np.ndarray, np.ndarray, dict[str, Any]]:
        """Run every start to convergence and take the best."""
        from sklearn.decomposition import NMF

        counts = sparse.csr_matrix(counts, dtype=np.float64)
        states = np.random.SeedSequence(seed).generate_state(self.n_starts).tolist()
        models = [
            NMF(
                n_components,
                init="random" if k else "nndsvd",
                tol=self.tolerance,
                max_iter=self.max_iterations,
                random_state=state,
            )
            for k, state in enumerate(states)
        ]
        found = [model.fit_transform(counts) for model in models]
        errors = np.array([float(model.reconstruction_err_) ** 2 for model in models])
        k = int(np.argmin(errors))
        # A start at the optimum has no gradient to shrink: then another start must have come there.
        there = np.flatnonzero(errors <= errors[k] * (1 + 1e-9))
        info = {
            "converged": any(models[j].n_iter_ < self.max_iterations for j in there),
            "iterations": models[k].n_iter_,
            "objective": errors.tolist(),
            "objective_name": "squared residual of each start",
        }
        return models[k].components_, found[k], info
