"""espm's SmoothNMF: KL-NMF with smooth maps, by multiplicative updates on dense counts (Teurtrie et al. 2023).

Eight starts, NNDSVDa and seven random ones; the one of the least loss runs to convergence. Scores of NNDSVDa on the
trials of `benchmarks.peer` (spectral angle in degrees / map error; means of seeds 101 and 102):

==============================  ==========  ==========  ==========
counts per pixel                         5          20          50
==============================  ==========  ==========  ==========
maps sum to one, smoothness 1   3.8 / 0.24  2.0 / 0.18  1.3 / 0.17
maps sum to one, smoothness 3   3.8 / 0.20  2.0 / 0.18  1.3 / 0.18
maps sum to one, smoothness 10  3.8 / 0.22  2.0 / 0.22  1.3 / 0.22
spectra sum to one, 0.3         3.9 / 0.34  2.0 / 0.21  1.3 / 0.18
==============================  ==========  ==========  ==========
"""

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from scipy import sparse

from benchmarks.peer import PEERS


@PEERS.register("espm_nmf")
@dataclass(frozen=True)
class EspmNMF:
    """`espm.estimators.SmoothNMF`.

    Parameters
    ----------
    smoothness : float
        `lambda_L`, the weight of the Laplacian, on counts that espm has normalised.
    simplex_maps : bool
        The abundances of a pixel sum to one, and spectra carry the counts; else spectra sum to one. One component
        alone always has a spectrum that sums to one.
    n_starts : int
        NNDSVDa, and random ones.
    start_tolerance, tolerance : float
        Of the starts, and of the best of them.
    max_iterations : int
    """

    environment: ClassVar[str] = "espm"
    modules: ClassVar[tuple[str, ...]] = ("espm.estimators",)
    smoothness: float = 3.0
    simplex_maps: bool = True
    n_starts: int = 8
    start_tolerance: float = 1e-3
    tolerance: float = 1e-5
    max_iterations: int = 1000

    def fit(
        self,
        counts: sparse.csr_array,
        energy_kev: np.ndarray,
        navigation_shape: tuple[int, ...],
        n_components: int,
        seed: int,
    ) -> tuple[np.ndarray, np.ndarray, dict[str, Any]]:
        """Take the best start to convergence."""
        from espm.estimators import SmoothNMF

        spectra = np.ascontiguousarray(counts.T.toarray(), dtype=np.float64)
        states = np.random.SeedSequence(seed).generate_state(self.n_starts).tolist()
        maps_sum_to_one = self.simplex_maps and n_components > 1
        # espm knows images alone: the images of a series lie one below the other.
        is_image = len(navigation_shape) > 1
        shape = (int(np.prod(navigation_shape[:-1])), navigation_shape[-1]) if is_image else None

        def run(k: int, tolerance: float) -> tuple[np.ndarray, SmoothNMF]:
            model = SmoothNMF(
                n_components=n_components,
                lambda_L=self.smoothness if is_image else 0.0,
                shape_2d=shape,
                normalize=True,
                simplex_H=maps_sum_to_one,
                simplex_W=not maps_sum_to_one,
                init="random" if k else "nndsvda",
                random_state=states[k],
                tol=tolerance,
                max_iter=self.max_iterations,
                verbose=0,
            )
            return model.fit_transform(spectra), model

        losses = [float(run(k, self.start_tolerance)[1].reconstruction_err_) for k in range(self.n_starts)]
        endmembers, model = run(int(np.argmin(losses)), self.tolerance)
        info = {
            "converged": model.n_iter_ < self.max_iterations,
            "iterations": model.n_iter_,
            "objective": [*losses, float(model.reconstruction_err_)],
            "objective_name": "penalised KL divergence of each start, and of the best one at the end",
        }
        return endmembers.T, model.components_.T, info
