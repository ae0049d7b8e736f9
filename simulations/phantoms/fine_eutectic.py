"""A ternary eutectic whose lamellae are finer than a pixel: every pixel is a mixture, and none is like its neighbour.

Proportions vary at random from pixel to pixel without spatial smoothness, so that neighbours say nothing of each other:
averaging over them blurs what is there. There are no pure pixels, and no edges. The proportions follow a Dirichlet
distribution with the volume fractions of the alloy as its mean; they are always the same.
"""

import numpy as np

from bayesunmix.spectra import Detector
from simulations.material import Material
from simulations.phantom import PHANTOMS, Phantom
from simulations.specimen import channels, specimen

_PIXEL_NM = 100.0
_FOIL_NM = 80.0
_VOLUMES = (0.50, 0.32, 0.18)
_MATERIALS = {
    "Al": Material("Al", 2.70),
    "Al2Cu": Material("Al2Cu", 4.35),
    "Si": Material("Si", 2.33),
}


@PHANTOMS.register("fine_eutectic")
def fine_eutectic(
    shape: tuple[int, int] = (64, 64),
    *,
    lamellae: float = 12.0,
    n_channels: int = 1000,
    detector: Detector | None = None,
) -> Phantom:
    """Build the foil.

    Parameters
    ----------
    shape : (int, int)
        Pixels along y and x.
    lamellae : float
        Lamellae in a pixel, the sum of the Dirichlet parameters. Fewer means that pixels differ more.
    n_channels : int
        Number of channels of 10 eV, from 0.2 keV on.
    detector : Detector, optional

    Raises
    ------
    ValueError
        If a pixel holds less than one lamella of each phase on average.
    """
    fewest = 1 / min(_VOLUMES)
    if not fewest <= lamellae < np.inf:
        raise ValueError(f"lamellae must be at least {fewest:.1f}, one of the rarest phase, got {lamellae}")
    proportions = np.random.default_rng(317).dirichlet(lamellae * np.array(_VOLUMES), shape)
    return specimen(
        "fine_eutectic",
        _MATERIALS,
        _FOIL_NM * proportions,
        channels(n_channels),
        pixel_nm=_PIXEL_NM,
        detector=detector,
    )
