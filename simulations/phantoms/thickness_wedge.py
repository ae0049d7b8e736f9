"""A wedge of a superalloy: gamma' cubes in gamma, from the hole to 200 nm.

Counts grow with thickness while composition repeats. With absorption switched on in the acquisition, Al K (1.49 keV)
is lost in the thick part and mixing is no longer linear.
"""

import numpy as np

from bayesunmix.spectra import Detector
from simulations.material import Material
from simulations.phantom import PHANTOMS, Phantom
from simulations.specimen import channels, specimen

_PIXEL_NM = 8.0
_CUBE, _CHANNEL = 14.0, 4.0  # pixels: edge of a cube, width of the gamma between two
_MATERIALS = {
    "gamma": Material({"Ni": 0.62, "Cr": 0.16, "Co": 0.17, "Al": 0.02, "Re": 0.03}, 8.7),
    "gamma'": Material({"Ni": 0.76, "Al": 0.10, "Cr": 0.03, "Co": 0.06, "Ti": 0.05}, 7.9),
}


@PHANTOMS.register("thickness_wedge")
def thickness_wedge(
    shape: tuple[int, int] = (80, 112),
    *,
    thickest_nm: float = 200.0,
    n_channels: int = 1000,
    detector: Detector | None = None,
) -> Phantom:
    """Build the wedge, its edge at the left after a margin of vacuum.

    Parameters
    ----------
    shape : (int, int)
        Pixels along y and x.
    thickest_nm : float
        Thickness at the right edge.
    n_channels : int
        Number of channels of 10 eV, from 0.2 keV on.
    detector : Detector, optional

    Raises
    ------
    ValueError
        If the thickness is not positive.
    """
    if not 0 < thickest_nm < np.inf:
        raise ValueError(f"thickest_nm must be a positive length in nm, got {thickest_nm}")
    y, x = np.indices(shape) + 0.5
    thickness_nm = thickest_nm * np.clip((x / shape[1] - 0.1) / 0.9, 0, 1)
    turned = np.radians(12)
    across = x * np.cos(turned) + y * np.sin(turned), y * np.cos(turned) - x * np.sin(turned)
    inside = np.minimum(*(_within_cube(distance) for distance in across))
    return specimen(
        "thickness_wedge",
        _MATERIALS,
        thickness_nm[..., None] * np.stack([1 - inside, inside], axis=-1),
        channels(n_channels),
        pixel_nm=_PIXEL_NM,
        detector=detector,
    )


def _within_cube(distance: np.ndarray) -> np.ndarray:
    """Return 1 inside the cubes of one direction, 0 in the channels, and a ramp of one pixel between."""
    from_centre = np.abs((distance + _CUBE / 2) % (_CUBE + _CHANNEL) - (_CUBE + _CHANNEL) / 2)
    return np.clip(_CUBE / 2 - from_centre + 0.5, 0, 1)
