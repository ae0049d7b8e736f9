r"""Cu joined to Ni and annealed: composition grades along x, and no boundary is to be found.

Two half-spaces of metals that mix in all proportions follow, with one diffusivity D and after a time t,

.. math:: c_{Ni}(x) = \tfrac12 \, \mathrm{erfc}\left(-\frac{x}{2 \sqrt{D t}}\right)

Volumes are taken to add up. Ni Kb (8.26 keV) stands close to Cu Ka (8.05 keV).

References
----------
J. Crank, *The Mathematics of Diffusion*, 2nd ed., Oxford University Press (1975), section 2.1.2.
"""

import numpy as np
from scipy.special import erfc

from bayesunmix.spectra import Detector
from simulations.material import Material
from simulations.phantom import PHANTOMS, Phantom
from simulations.specimen import channels, specimen

_FOIL_NM = 60.0


@PHANTOMS.register("diffusion_couple")
def diffusion_couple(
    shape: tuple[int, int] = (64, 96),
    *,
    pixel_nm: float = 10.0,
    diffusion_nm: float = 120.0,
    n_channels: int = 1000,
    detector: Detector | None = None,
) -> Phantom:
    """Build the couple, Cu at the left.

    Parameters
    ----------
    shape : (int, int)
        Pixels along y and x.
    pixel_nm : float
    diffusion_nm : float
        Diffusion length, twice the square root of D t.
    n_channels : int
        Number of channels of 10 eV, from 0.2 keV on.
    detector : Detector, optional

    Raises
    ------
    ValueError
        If a length is not positive.
    """
    if not (0 < diffusion_nm < np.inf and 0 < pixel_nm < np.inf):
        raise ValueError(
            f"diffusion_nm and pixel_nm must be positive lengths, got {diffusion_nm} and {pixel_nm}"
        )
    x_nm = pixel_nm * (np.arange(shape[1]) + 0.5 - shape[1] / 2)
    nickel = np.broadcast_to(erfc(-x_nm / diffusion_nm) / 2, shape)
    return specimen(
        "diffusion_couple",
        {"Cu": Material("Cu", 8.96), "Ni": Material("Ni", 8.91)},
        _FOIL_NM * np.stack([1 - nickel, nickel], axis=-1),
        channels(n_channels),
        pixel_nm=pixel_nm,
        detector=detector,
    )
