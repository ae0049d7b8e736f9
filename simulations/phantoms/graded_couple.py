"""Al graded into Ag over the whole image: no pixel is pure, neither in the middle nor at the ends.

The share of the volume that is Ag rises along x from 12 to 88 %, along a smooth curve with no boundary in it. Without a
pure pixel, and with only one direction in which composition changes, the counts leave open how pure the components are.
The phantom `diffusion_couple` has pure ends. Layout after a recording of such a gradient; the numbers are invented.
"""

import numpy as np

from bayesunmix.spectra import Detector
from simulations.material import Material
from simulations.phantom import PHANTOMS, Phantom
from simulations.specimen import channels, specimen

_PIXEL_NM = 20.0
_FOIL_NM = 60.0


@PHANTOMS.register("graded_couple")
def graded_couple(
    shape: tuple[int, int] = (50, 50),
    *,
    purest: float = 0.88,
    n_channels: int = 1000,
    detector: Detector | None = None,
) -> Phantom:
    """Build the foil, rich in Al at the left.

    Parameters
    ----------
    shape : (int, int)
        Pixels along y and x.
    purest : float
        Largest share of the volume that one of the metals has, at its own end.
    n_channels : int
        Number of channels of 10 eV, from 0.2 keV on.
    detector : Detector, optional

    Raises
    ------
    ValueError
        If the share does not lie between one half and one.
    """
    if not 0.5 < purest < 1:
        raise ValueError(f"purest must lie between 0.5 and 1, got {purest}; 0.88 is the default")
    across = 2 * (np.arange(shape[1]) + 0.5) / shape[1] - 1  # from -1 to 1
    silver = 0.5 + (purest - 0.5) * np.sin(np.pi / 2 * across)
    silver = np.broadcast_to(silver, shape)
    return specimen(
        "graded_couple",
        {"Al": Material("Al", 2.70), "Ag": Material("Ag", 10.49)},
        _FOIL_NM * np.stack([1 - silver, silver], axis=-1),
        channels(n_channels),
        pixel_nm=_PIXEL_NM,
        detector=detector,
    )
