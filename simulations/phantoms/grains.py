"""Eight phases of a failed steel that share their elements: grains of a Voronoi pattern with inclined boundaries.

Fe, Cr and Ni are in nearly all of them, so no line belongs to one phase. Boundaries are inclined to the beam: beside
them two grains lie over one another. Compositions are typical ones from textbooks, rounded.
"""

import numpy as np
from scipy.spatial import cKDTree

from bayesunmix.spectra import Detector
from simulations.material import Material
from simulations.phantom import PHANTOMS, Phantom
from simulations.specimen import channels, specimen

_PIXEL_NM = 8.0
_FOIL_NM = 80.0
_SLICES = 16
_MATERIALS = {
    "austenite": Material({"Fe": 0.68, "Cr": 0.18, "Ni": 0.12, "Mn": 0.02}, 7.9),
    "ferrite": Material({"Fe": 0.70, "Cr": 0.25, "Ni": 0.05}, 7.7),
    "sigma": Material({"Fe": 0.52, "Cr": 0.40, "Ni": 0.04, "Mo": 0.04}, 7.8),
    "chi": Material({"Fe": 0.52, "Cr": 0.24, "Ni": 0.04, "Mo": 0.20}, 8.2),
    "M23C6": Material({"Cr": 0.65, "Fe": 0.25, "Mo": 0.045, "C": 0.055}, 7.0),
    "Laves": Material({"Fe": 0.42, "Cr": 0.12, "Ni": 0.03, "Mo": 0.43}, 8.9),
    "spinel": Material({"Fe": 0.25, "Cr": 0.40, "Mn": 0.05, "O": 0.30}, 5.1),
    "MnS": Material({"Mn": 0.58, "S": 0.37, "Fe": 0.05}, 4.0),
}


@PHANTOMS.register("grains")
def grains(
    shape: tuple[int, int] = (96, 96),
    *,
    n_grains: int = 24,
    n_channels: int = 1000,
    detector: Detector | None = None,
) -> Phantom:
    """Build the foil.

    Parameters
    ----------
    shape : (int, int)
        Pixels along y and x.
    n_grains : int
        At least 8; the phases take turns.
    n_channels : int
        Number of channels of 10 eV, from 0.2 keV on.
    detector : Detector, optional

    Raises
    ------
    ValueError
        If there are fewer grains than phases.
    """
    if n_grains < len(_MATERIALS):
        raise ValueError(f"n_grains must be at least {len(_MATERIALS)}, one of each phase, got {n_grains}")
    rng = np.random.default_rng(923)
    # Grains drift through the foil, each its own way: that inclines the boundaries.
    top = rng.random((n_grains, 2)) * shape
    bottom = top + rng.normal(0, 4, (n_grains, 2))
    y, x = np.indices(shape) + 0.5
    pixels = np.stack([y, x], axis=-1)
    fractions = np.zeros((*shape, len(_MATERIALS)))
    for depth in (np.arange(_SLICES) + 0.5) / _SLICES:
        grain = cKDTree((1 - depth) * top + depth * bottom).query(pixels)[1]
        fractions += np.eye(len(_MATERIALS))[grain % len(_MATERIALS)] / _SLICES
    return specimen(
        "grains",
        _MATERIALS,
        _FOIL_NM * fractions,
        channels(n_channels),
        pixel_nm=_PIXEL_NM,
        detector=detector,
    )
