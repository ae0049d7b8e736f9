"""N-FINDR (Winter 1999) of geom-nmf, and non-negative least squares with the endmembers that it picks.

N-FINDR takes the pixels that span the largest simplex for materials, and at a few counts a pixel is mostly noise. So
it is given sums over square blocks, as large as leaves sixteen blocks a component, and without those that hold less
than a tenth of the mean. Scores on the trials of `benchmarks.peer` (spectral angle in degrees / map error; means of
three seeds; each block of unit length, which did better than counts as they are):

==========================  ===========  ===========  ===========
counts per pixel                      5           20           50
==========================  ===========  ===========  ===========
pixels                      44.9 / 1.24  30.7 / 0.80  24.5 / 0.52
blocks of 2 x 2             34.0 / 1.00  21.6 / 0.54  15.0 / 0.35
blocks of 4 x 4             22.7 / 0.87  12.7 / 0.47   8.4 / 0.30
blocks of 8 x 8             14.4 / 0.91   7.3 / 0.46   4.8 / 0.30
==========================  ===========  ===========  ===========

Eight random starts and the greedy one (ATGP) ended at the same blocks in all nine trials, so one is made. Of the
packages with VCA or N-FINDR, PySptools (2018) and spectramap (2026) call what NumPy and SciPy no longer have, and
hylite (2026) replaces parts of PySptools to use it; geom-nmf is young (2026), documented and tested.
"""

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from scipy import sparse

from bayesunmix.data.image import SpectrumImage
from benchmarks.peer import PEERS


@PEERS.register("geom_nmf_nfindr")
@dataclass(frozen=True)
class GeomNMFNFindr:
    """`geom_nmf.nfindr` and `scipy.optimize.nnls`.

    Parameters
    ----------
    blocks_per_component : int
        Least number of blocks of pixels.
    least_share : float
        Share of the mean counts that a block needs to be a candidate.
    max_iterations : int
        Sweeps over all candidates.
    """

    environment: ClassVar[str] = "geom_nmf"
    modules: ClassVar[tuple[str, ...]] = ("geom_nmf", "scipy.optimize")
    blocks_per_component: int = 16
    least_share: float = 0.1
    max_iterations: int = 50

    def fit(
        self,
        counts: sparse.csr_array,
        energy_kev: np.ndarray,
        navigation_shape: tuple[int, ...],
        n_components: int,
        seed: int,
    ) -> tuple[np.ndarray, np.ndarray, dict[str, Any]]:
        """Pick endmembers among blocks, then fit every pixel."""
        from geom_nmf import nfindr
        from scipy.optimize import nnls

        image = SpectrumImage(counts, energy_kev, (*navigation_shape, len(energy_kev)))
        blocks = image.rebin(self._block(navigation_shape, n_components)).counts.toarray().astype(np.float64)
        totals = blocks.sum(axis=1)
        candidates = blocks[totals >= self.least_share * totals.mean()]
        if n_components == 1:  # a point spans nothing
            endmembers = candidates.sum(axis=0, keepdims=True)
        else:
            endmembers, _ = nfindr(candidates, n_components, max_iter=self.max_iterations)
        endmembers /= endmembers.sum(axis=1, keepdims=True)
        basis, triangle = np.linalg.qr(endmembers.T)  # the same least squares, of K numbers a pixel
        abundances = np.array([nnls(triangle, projected)[0] for projected in counts @ basis])
        return endmembers, abundances, {"converged": True}

    def _block(self, navigation_shape: tuple[int, ...], n_components: int) -> tuple[int, ...]:
        """Side of the blocks along each axis: a power of two, or the whole axis."""
        sides, size = np.array(navigation_shape), 1
        while np.prod(np.ceil(sides / (2 * size))) >= self.blocks_per_component * n_components:
            size *= 2
        return tuple(np.minimum(size, sides).tolist())
