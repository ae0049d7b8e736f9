"""Hard phase map by clustering of PCA scores: how a microscope's own software finds phases.

Re-implemented from public descriptions, not a product. ESPRIT AutoPhase finds regions of similar composition from
principal components of the spectra at an adjustable sensitivity, and leaves pixels that fit none without a phase [1]_.
Phase mapping of EDAX compares spectra pixel by pixel and groups like with like [2]_. The result has what such tools
return: a label for each pixel, the sum spectrum of each phase, and area fractions. It has no fractions within a pixel
and no error bars. See `bayesunmix.methods._phase_clusters` for the steps.

References
----------
.. [1] Bruker, "Chemical phase analysis of a layered structure", application note for QUANTAX EDS for TEM.
.. [2] S. Wallace, "Saying what you mean and meaning what you say!", EDAX blog (28 June 2019).
"""

from dataclasses import dataclass
from typing import ClassVar

import jax

from bayesunmix.contracts.arguments import require_positive
from bayesunmix.contracts.method import METHODS
from bayesunmix.data.factorization import Factorization
from bayesunmix.data.image import SpectrumImage
from bayesunmix.data.result import Info, Unmixing
from bayesunmix.methods._phase_clusters import phase_clusters


@METHODS.register("vendor_cluster")
@dataclass(frozen=True)
class VendorCluster:
    """Clusters of PCA scores, joined with their neighbours, with unassigned pixels.

    `Unmixing.labels` is the phase map. All counts of a pixel belong to its phase; an unassigned one has none.

    Parameters
    ----------
    window_counts : float
        Pixels are summed with their neighbours until a window has this many counts on average.
    smallest_region : int
        Regions of fewer pixels join their neighbours.
    """

    finds_n_components: ClassVar[bool] = True
    window_counts: float = 400.0
    smallest_region: int = 5

    def __post_init__(self) -> None:
        require_positive(self)

    def fit(self, image: SpectrumImage, n_components: int | None, key: jax.Array) -> Unmixing:
        """Find at most `n_components` phases, or as many as can be distinguished."""
        seed = int(jax.random.bits(key, dtype="uint32"))
        phases = phase_clusters(image, n_components, self.window_counts, self.smallest_region, seed)
        info: Info = {
            "converged": True,
            "iterations": 1,
            "objective": [float((phases.labels[image.takes_part] < 0).mean())],
            "objective_name": "share of pixels unassigned",
            "area_fractions": phases.area_fractions(image),
            "warnings": [],
        }
        return Unmixing(Factorization(phases.spectra, phases.one_hot(image)), info=info, labels=phases.labels)
