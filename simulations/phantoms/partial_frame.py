"""Grains of three minerals in a scan that was stopped within a frame: the upper rows have 1.49 times the dose.

Brightness changes at a row where the specimen does not. A model of one dose takes the step for thickness or for a
phase. The factor and the rows are those of a recording of a dacite: 20 of 75 rows. Places of the grains are invented.
"""

import numpy as np
from scipy.spatial import cKDTree

from bayesunmix.spectra import Detector
from simulations.material import Material
from simulations.phantom import PHANTOMS, Phantom
from simulations.specimen import channels, specimen

_PIXEL_NM = 20.0
_FOIL_NM = 100.0
_FINE = 5  # rays along each edge of a pixel
_MATERIALS = {
    "groundmass": Material({"O": 0.49, "Si": 0.34, "Al": 0.08, "K": 0.05, "Na": 0.03, "Fe": 0.01}, 2.5),
    "plagioclase": Material({"O": 0.47, "Si": 0.26, "Al": 0.15, "Ca": 0.08, "Na": 0.04}, 2.68),
    "pyroxene": Material({"O": 0.44, "Si": 0.25, "Mg": 0.14, "Fe": 0.16, "Ca": 0.01}, 3.4),
}
# Which mineral each grain is: the groundmass is the commonest.
_ORDER = (0, 1, 0, 2, 0, 1, 0, 0)


@PHANTOMS.register("partial_frame")
def partial_frame(
    shape: tuple[int, int] = (60, 64),
    *,
    ratio: float = 1.49,
    rows: int | None = None,
    n_channels: int = 1000,
    detector: Detector | None = None,
) -> Phantom:
    """Build the grains.

    Parameters
    ----------
    shape : (int, int)
        Pixels along y and x.
    ratio : float
        Dose of the upper rows over that of the others.
    rows : int, optional
        How many rows the last frame reached; four of fifteen by default.
    n_channels : int
        Number of channels of 10 eV, from 0.2 keV on.
    detector : Detector, optional

    Raises
    ------
    ValueError
        If the ratio is not positive, or there are not so many rows.
    """
    rows = round(shape[0] * 4 / 15) if rows is None else rows
    if not (0 < ratio < np.inf and 0 <= rows <= shape[0]):
        raise ValueError(
            f"ratio must be positive and rows from 0 to {shape[0]}, got {ratio} and {rows}; 1.49 and 16 are usual"
        )
    dose = np.where(np.arange(shape[0])[:, None] < rows, ratio, 1.0)
    return specimen(
        "partial_frame",
        _MATERIALS,
        _FOIL_NM * _areas(shape),
        channels(n_channels),
        pixel_nm=_PIXEL_NM,
        detector=detector,
        relative_dose=np.broadcast_to(dose, shape),
    )


def _areas(shape: tuple[int, int]) -> np.ndarray:
    """Return the share of each mineral in each pixel, (Y, X, K), from a Voronoi pattern of grains."""
    rng = np.random.default_rng(45)
    n_grains = max(shape[0] * shape[1] // 120, len(_ORDER))
    centres = rng.random((n_grains, 2)) * shape
    y, x = ((np.indices((shape[0] * _FINE, shape[1] * _FINE))) + 0.5) / _FINE
    grain = cKDTree(centres).query(np.stack([y, x], axis=-1))[1]
    mineral = np.array(_ORDER)[grain % len(_ORDER)]
    one_hot = np.eye(len(_MATERIALS))[mineral]
    return one_hot.reshape(shape[0], _FINE, shape[1], _FINE, -1).mean(axis=(1, 3))
