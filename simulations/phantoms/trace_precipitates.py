"""An aged Al-Cu-Mg foil: one precipitate phase in 2.5 % of the pixels, another in half a percent.

Spheres of the phases sit in the foil at random, and the matrix fills the thickness that they leave.
"""

import numpy as np

from bayesunmix.spectra import Detector
from simulations.material import Material
from simulations.phantom import PHANTOMS, Phantom
from simulations.specimen import channels, specimen, sphere_chords

_FOIL_NM = 60.0
_PIXEL_NM = 5.0
_TOUCHED = 26.0  # pixels that a sphere of the rare phase lies in
_MATERIALS = {
    "matrix": Material({"Al": 0.97, "Cu": 0.02, "Mg": 0.01}, 2.73),
    "Al2Cu": Material("Al2Cu", 4.35),
    "Mg2Si": Material("Mg2Si", 1.99),
}


@PHANTOMS.register("trace_precipitates")
def trace_precipitates(
    shape: tuple[int, int] = (96, 96),
    *,
    trace: float = 0.005,
    n_channels: int = 1000,
    detector: Detector | None = None,
) -> Phantom:
    """Build the foil.

    Parameters
    ----------
    shape : (int, int)
        Pixels along y and x.
    trace : float
        Fraction of the pixels that contain the rare phase, Mg2Si, as closely as whole spheres allow.
    n_channels : int
        Number of channels of 10 eV, from 0.2 keV on.
    detector : Detector, optional

    Raises
    ------
    ValueError
        If the fraction is too small for one sphere, or so large that the spheres find no room.
    """
    n_pixels = shape[0] * shape[1]
    n_rare = round(trace * n_pixels / _TOUCHED)
    if not 1 <= n_rare <= 0.05 * n_pixels / _TOUCHED:
        raise ValueError(
            f"trace must give at least one precipitate of {_TOUCHED:g} pixels and at most 5 % of the {shape} field, "
            f"got {trace}"
        )
    n_common = 3 * n_rare
    radii_nm = np.array([12.5] * n_rare + [15.0] * n_common)
    centres_nm = _apart(shape, radii_nm)
    spheres = sphere_chords(shape, _PIXEL_NM, centres_nm, radii_nm)
    rare, common = spheres[:n_rare].sum(axis=0), spheres[n_rare:].sum(axis=0)
    thickness_nm = np.stack([_FOIL_NM - common - rare, common, rare], axis=-1)
    return specimen(
        "trace_precipitates",
        _MATERIALS,
        thickness_nm,
        channels(n_channels),
        pixel_nm=_PIXEL_NM,
        detector=detector,
    )


def _apart(shape: tuple[int, int], radii_nm: np.ndarray) -> np.ndarray:
    """Draw centres (y, x) so that no two spheres touch and none leaves the field; always the same ones."""
    rng = np.random.default_rng(2135)
    size_nm = np.array(shape) * _PIXEL_NM
    placed: list[np.ndarray] = []
    for _ in range(100_000):
        if len(placed) == radii_nm.size:
            return np.array(placed)
        radius = radii_nm[len(placed)] + _PIXEL_NM
        centre = radius + rng.random(2) * (size_nm - 2 * radius)
        if all(
            np.hypot(*(centre - other)) > radius + radii_nm[i] + _PIXEL_NM for i, other in enumerate(placed)
        ):
            placed.append(centre)
    raise ValueError("the precipitates find no room in the field; lower trace or enlarge shape")
