"""Component maps by rotated PCA and non-negative alternating least squares, after Keenan and Kotula.

Re-implemented from their patents and papers, which describe what COMPASS and AXSIA do, not from either product. Counts
are weighted by the inverse roots of the mean spectrum and of the total map, so that their noise is about uniform [1]_.
The leading K principal components of the weighted counts stand for the data. They are rotated to simplicity (varimax)
of the maps, because phases seldom share pixels [2]_. From there least squares alternate between spectra and maps, both
kept non-negative. At last the weights are undone.

References
----------
.. [1] M. R. Keenan and P. G. Kotula, "Method of multivariate spectral analysis", US patent 6675106 (2004).
.. [2] M. R. Keenan, "Exploiting spatial-domain simplicity in spectral image analysis", Surf. Interface Anal. 41,
   79 (2009).
"""

from dataclasses import dataclass

import jax
import numpy as np

from bayesunmix.contracts.arguments import require_positive
from bayesunmix.contracts.method import METHODS
from bayesunmix.data.factorization import Factorization
from bayesunmix.data.image import SpectrumImage
from bayesunmix.data.result import Unmixing
from bayesunmix.engine.fits.convergence import until_settled
from bayesunmix.engine.subspace.biwhitening import reciprocal
from bayesunmix.engine.subspace.pca import principal_components
from bayesunmix.engine.subspace.rotation import varimax

EMPTY = 1e-30  # squared length of a row that explains nothing


@METHODS.register("vendor_mcr")
@dataclass(frozen=True)
class VendorMCR:
    """Poisson-scaled PCA, varimax rotation of the maps, non-negative alternating least squares.

    Parameters
    ----------
    tolerance : float
        The fit has converged when less than this fraction of the squared residual is left to gain.
    max_iterations : int
        Largest number of rounds of least squares.
    """

    tolerance: float = 1e-5
    max_iterations: int = 500

    def __post_init__(self) -> None:
        require_positive(self)

    def fit(self, image: SpectrumImage, n_components: int, key: jax.Array) -> Unmixing:
        """Rotate and constrain the leading `n_components`."""
        found = principal_components(image, n_components)
        pixel_scale, channel_scale = (
            np.sqrt(np.asarray(image.counts.sum(axis=axis), np.float64)) for axis in (1, 0)
        )
        # Data = scores @ axes, in weighted counts and with orthonormal axes.
        axes, mixing = np.linalg.qr((found.endmembers * reciprocal(channel_scale)).T)
        scores = (found.abundances * reciprocal(pixel_scale)[:, None]) @ mixing.T
        rotation = varimax(scores)
        maps, spectra = scores @ rotation, (axes @ rotation).T
        sign = np.where((spectra * channel_scale).sum(axis=1) < 0, -1.0, 1.0)
        maps, spectra = np.maximum(maps * sign, 0), np.maximum(spectra * sign[:, None], 0)
        weighted = image.counts.astype(np.float64).multiply(reciprocal(channel_scale)).tocsr()
        weighted = weighted.multiply(reciprocal(pixel_scale)[:, None])
        squared_norm = float((weighted.data**2).sum())

        def advance(state: tuple, rounds: int) -> tuple:
            maps, spectra = state
            for _ in range(rounds):
                spectra = _descend(spectra, (maps.T @ scores) @ axes.T, maps.T @ maps)
                maps = _descend(maps.T, (spectra @ axes) @ scores.T, spectra @ spectra.T).T
            return maps, spectra

        def squared_residual(state: tuple) -> float:
            maps, spectra = state
            cross = ((maps.T @ scores) * (spectra @ axes)).sum()
            return float(squared_norm - 2 * cross + ((maps.T @ maps) * (spectra @ spectra.T)).sum())

        run = until_settled(
            (maps, spectra), advance, squared_residual, self.tolerance, self.max_iterations, "MCR-ALS"
        )
        maps, spectra = run.state
        estimate = Factorization(spectra * channel_scale, maps * pixel_scale[:, None])
        return Unmixing(estimate, info=run.info("squared residual", []))


def _descend(rows: np.ndarray, projected: np.ndarray, gram: np.ndarray) -> np.ndarray:
    """Set each of the K rows in turn to its non-negative least-squares value with the others fixed."""
    rows = rows.copy()
    for k in range(len(rows)):
        if gram[k, k] > EMPTY:
            rows[k] = np.maximum(rows[k] + (projected[k] - gram[k] @ rows) / gram[k, k], 0)
    return rows
