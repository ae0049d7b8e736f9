"""Grains of five minerals of a norite, blurred by the beam: beside an edge, a mixture can look like a third mineral.

Plagioclase gives calcium and silicon, olivine gives magnesium and iron: a pixel across their edge has the elements of
clinopyroxene. Classifiers of X-ray maps are known to call such pixels so, and to be wrong in 1 to 15 % of all pixels
[1]_. Some clinopyroxene is there too. Compositions are typical ones, rounded; places of the grains are invented.

References
----------
.. [1] A. K. Maloy and A. H. Treiman, "Evaluation of image classification routines for determining modal mineralogy of
       rocks from X-ray maps", American Mineralogist 92 (2007) 1781-1788.
"""

import numpy as np
from scipy.ndimage import gaussian_filter
from scipy.spatial import cKDTree

from bayesunmix.spectra import Detector
from simulations.material import Material
from simulations.phantom import PHANTOMS, Phantom
from simulations.specimen import channels, specimen

_PIXEL_NM = 40.0
_FOIL_NM = 150.0
_FINE = 4  # rays along each edge of a pixel
_MATERIALS = {
    "plagioclase": Material("Ca0.65Na0.35Al1.65Si2.35O8", 2.70),
    "orthopyroxene": Material("Mg1.5Fe0.5Si2O6", 3.4),
    "olivine": Material("Mg1.5Fe0.5SiO4", 3.5),
    "clinopyroxene": Material("CaMg0.8Fe0.2Si2O6", 3.3),
    "chromite": Material("FeCr1.4Al0.6O4", 4.7),
}
# Minerals of ten grains; which of them is which is drawn.
_TEN = (0, 0, 0, 0, 0, 1, 1, 2, 2, 3)
# Centre (y, x) and radius, as shares of the field's height, of the grains of chromite: 0.6 % of the area.
_CHROMITE = ((0.22, 0.31, 0.030), (0.71, 0.64, 0.032))


@PHANTOMS.register("norite")
def norite(
    shape: tuple[int, int] = (80, 80),
    *,
    blur_px: float = 1.0,
    n_grains: int = 40,
    n_channels: int = 1000,
    detector: Detector | None = None,
) -> Phantom:
    """Build the section.

    Parameters
    ----------
    shape : (int, int)
        Pixels along y and x.
    blur_px : float
        Standard deviation of the beam's spread, in pixels.
    n_grains : int
        At least 10, so that every mineral is there.
    n_channels : int
        Number of channels of 10 eV, from 0.2 keV on.
    detector : Detector, optional

    Raises
    ------
    ValueError
        If there are fewer grains, or the blur is negative.
    """
    if n_grains < len(_TEN) or not 0 <= blur_px < np.inf:
        raise ValueError(
            f"n_grains must be at least {len(_TEN)} and blur_px must not be negative, got {n_grains} and {blur_px}"
        )
    areas = _areas(shape, n_grains)
    if blur_px:
        areas = gaussian_filter(areas, (blur_px, blur_px, 0), mode="nearest")
    return specimen(
        "norite", _MATERIALS, _FOIL_NM * areas, channels(n_channels), pixel_nm=_PIXEL_NM, detector=detector
    )


def _areas(shape: tuple[int, int], n_grains: int) -> np.ndarray:
    """Return the share of each mineral in each pixel, (Y, X, K), from a Voronoi pattern of grains."""
    rng = np.random.default_rng(2007)
    centres = _spread(rng.random((20 * n_grains, 2)) * shape, n_grains)
    y, x = (np.indices((shape[0] * _FINE, shape[1] * _FINE)) + 0.5) / _FINE
    of_grain = np.concatenate([rng.permutation(_TEN) for _ in range(0, n_grains, len(_TEN))])
    mineral = of_grain[cKDTree(centres).query(np.stack([y, x], axis=-1))[1]]
    for centre_y, centre_x, radius in _CHROMITE:
        apart = np.hypot(y - centre_y * shape[0], x - centre_x * shape[1])
        mineral = np.where(apart < radius * shape[0], len(_MATERIALS) - 1, mineral)
    one_hot = np.eye(len(_MATERIALS))[mineral]
    return one_hot.reshape(shape[0], _FINE, shape[1], _FINE, -1).mean(axis=(1, 3))


def _spread(points: np.ndarray, n: int) -> np.ndarray:
    """Choose points that lie far from one another, one after the other: grains of a rock have about one size."""
    chosen = [0]
    nearest = np.full(len(points), np.inf)
    while len(chosen) < n:
        nearest = np.minimum(nearest, np.hypot(*(points - points[chosen[-1]]).T))
        chosen.append(int(nearest.argmax()))
    return points[chosen]
