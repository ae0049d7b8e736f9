"""One phase and nothing else: every further component that a method finds is noise.

The specimen is a wedge of nickel oxide, so brightness varies over the field and composition does not.
"""

import numpy as np

from bayesunmix.spectra import Detector
from simulations.material import Material
from simulations.phantom import PHANTOMS, Phantom
from simulations.specimen import channels, specimen


@PHANTOMS.register("null")
def null(
    shape: tuple[int, int] = (64, 64), *, n_channels: int = 1000, detector: Detector | None = None
) -> Phantom:
    """Build the wedge.

    Parameters
    ----------
    shape : (int, int)
        Pixels along y and x.
    n_channels : int
        Number of channels of 10 eV, from 0.2 keV on.
    detector : Detector, optional
    """
    thickness_nm = np.broadcast_to(np.linspace(40, 80, shape[1]), shape)
    return specimen(
        "null",
        {"NiO": Material("NiO", 6.67)},
        thickness_nm[..., None],
        channels(n_channels),
        pixel_nm=2.0,
        detector=detector,
    )
