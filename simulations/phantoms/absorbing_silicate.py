"""One silicate of varying thickness on a carbon film: its spectrum changes with the thickness, by absorption.

Soft lines (O K, Mg K) are lost in thick places and hard ones (Fe K) are not. The true number of materials is two, the
silicate and its support, and no pair of spectra fits all pixels: further components that a fit shows are absorption.
The phantom knows the take-off angle, so that every acquisition of it is absorbed (`simulations.absorption`);
`Trial.truth` is the nearest pair of spectra. Sizes and places are invented.
"""

import numpy as np

from bayesunmix.spectra import Detector
from simulations.material import Material
from simulations.phantom import PHANTOMS, Phantom
from simulations.specimen import channels, specimen, sphere_chords

_PIXEL_NM = 12.0
_FILM_NM = 60.0
_TAKEOFF_DEG = 20.0
_MATERIALS = {
    "carbon": Material("C", 2.0),
    "olivine": Material("Mg1.6Fe0.4SiO4", 3.5),
}
# Centre (y, x) and radius in nm of the spheres that the grain is made of, in the field of 768 nm.
_LUMPS = (
    (345.0, 270.0, 240.0),
    (450.0, 480.0, 186.0),
    (210.0, 510.0, 135.0),
    (570.0, 240.0, 120.0),
)


@PHANTOMS.register("absorbing_silicate")
def absorbing_silicate(
    *, takeoff_deg: float = _TAKEOFF_DEG, n_channels: int = 1000, detector: Detector | None = None
) -> Phantom:
    """Build the grain, up to half a micrometre thick, 64 x 64 pixels of 12 nm.

    Parameters
    ----------
    takeoff_deg : float
        Angle of the detector above the film. Less means longer ways out, and more absorption.
    n_channels : int
        Number of channels of 10 eV, from 0.2 keV on.
    detector : Detector, optional

    Raises
    ------
    ValueError
        If the angle does not lie between 0 and 180 degrees.
    """
    shape = (64, 64)
    lumps = np.array(_LUMPS)
    silicate = sphere_chords(shape, _PIXEL_NM, lumps[:, :2], lumps[:, 2]).max(axis=0)
    return specimen(
        "absorbing_silicate",
        _MATERIALS,
        np.stack([np.full(shape, _FILM_NM), silicate], axis=-1),
        channels(n_channels),
        pixel_nm=_PIXEL_NM,
        detector=detector,
        takeoff_deg=takeoff_deg,
    )
