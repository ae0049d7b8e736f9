"""Oxide scale on a steel, chromia under Cr-Mn spinel: Cr Kb (5.95 keV) lies on Mn Ka (5.90 keV).

The endmembers are nearly collinear: what tells spinel from chromia is Mn, and its strongest line hides under a line
of Cr that both have. The scale is wavy, as scales are, and its layers overlap along the beam.
"""

import numpy as np

from bayesunmix.spectra import Detector
from simulations.material import Material
from simulations.phantom import PHANTOMS, Phantom
from simulations.specimen import channels, specimen

_PIXEL_NM = 10.0
_FOIL_NM = 70.0
_MATERIALS = {
    "steel": Material({"Fe": 0.77, "Cr": 0.22, "Mn": 0.01}, 7.7),
    "Cr2O3": Material("Cr2O3", 5.22),
    "MnCr2O4": Material({"Cr": 0.52, "Mn": 0.18, "O": 0.30}, 4.9),
}


@PHANTOMS.register("overlapping_lines")
def overlapping_lines(
    shape: tuple[int, int] = (80, 80), *, n_channels: int = 1000, detector: Detector | None = None
) -> Phantom:
    """Build the cross-section: steel below, chromia, spinel, and vacuum above.

    Parameters
    ----------
    shape : (int, int)
        Pixels along y and x.
    n_channels : int
        Number of channels of 10 eV, from 0.2 keV on.
    detector : Detector, optional
    """
    height = (np.arange(shape[0])[::-1, None] + 0.5) / shape[0]
    along = 2 * np.pi * (np.arange(shape[1]) + 0.5) / shape[1]
    steel = 0.36 + 0.04 * np.sin(along) + 0.02 * np.sin(3 * along + 1)
    chromia = 0.62 + 0.03 * np.sin(2 * along + 2) + 0.02 * np.sin(5 * along)
    spinel = 0.90 + 0.02 * np.sin(3 * along) + 0.015 * np.sin(7 * along + 1)
    # Each boundary takes 4 % of the field's height to go from one side to the other, except the sharp surface.
    below_steel, below_chromia = (np.clip((edge - height) / 0.04 + 0.5, 0, 1) for edge in (steel, chromia))
    below_spinel = (height < spinel).astype(float)
    layers = [below_steel, below_chromia - below_steel, np.maximum(below_spinel - below_chromia, 0)]
    return specimen(
        "overlapping_lines",
        _MATERIALS,
        _FOIL_NM * np.stack(layers, axis=-1),
        channels(n_channels),
        pixel_nm=_PIXEL_NM,
        detector=detector,
    )
