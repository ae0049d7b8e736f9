"""Three minerals of the deep mantle, two spheres in a matrix: the simulated set of espm's paper, 128 x 128 x 1980.

Compositions in weight, relative brightness (1 : 0.8 : 1.2), 200 kV, 100 nm, the axis (0.3 keV + 0.010 keV per channel)
and the doses, N = 293 and N = 18 counts per pixel, are those of the authors' experiment, as their repository
adriente/espm states them. There the spheres are placed by the seed of a generator and are at most half as thick as the
foil; their places and radius here are ours. Physics of lines and continuum is that of `bayesunmix.spectra`.

References
----------
A. Teurtrie et al., "From STEM-EDXS data to phase separation and quantification using physics-guided NMF",
arXiv:2404.17496 (2024).
"""

import numpy as np

from bayesunmix.spectra import Detector
from simulations.material import Material
from simulations.phantom import PHANTOMS, Phantom
from simulations.specimen import specimen, sphere_chords

#: Mean counts per pixel of the paper's two sets.
DOSES = (293.0, 18.0)
_FOIL_NM = 100.0
_PIXEL_NM = 1.25
_RADIUS_NM = 25.0
_CENTRES = ((48.0, 52.0), (102.0, 110.0))  # (y, x) in nm
_BRIGHTNESS = (1.0, 0.8, 1.2)
_WEIGHTS = {
    "bridgmanite": {
        **{"Mg": 0.245, "Fe": 0.035, "Ca": 0.031, "Si": 0.219},
        **{"Al": 0.024, "O": 0.436, "Cu": 0.05, "Hf": 0.01},
    },
    "ferropericlase": {"Mg": 0.522, "Fe": 0.104, "O": 0.374, "Cu": 0.05},
    "Ca-perovskite": {
        **{"Mg": 0.020, "Fe": 0.018, "Ca": 0.188, "Si": 0.173, "Al": 0.010, "O": 0.572},
        **{"Ti": 0.004, "Cu": 0.05, "Sm": 0.007, "Lu": 0.006, "Nd": 0.006},
    },
}


@PHANTOMS.register("particles_espm")
def particles_espm(*, n_channels: int = 1980, detector: Detector | None = None) -> Phantom:
    """Build the foil with a sphere of ferropericlase and one of Ca-perovskite.

    Parameters
    ----------
    n_channels : int
        Number of channels of 10 eV, from 0.3 keV on; the paper has 1980.
    detector : Detector, optional
    """
    materials = {
        # The published fractions add up to 1.05: they are relative. One density: brightness is stated instead.
        label: Material({el: weight / sum(weights.values()) for el, weight in weights.items()}, 4.5)
        for label, weights in _WEIGHTS.items()
    }
    periclase, perovskite = sphere_chords((128, 128), _PIXEL_NM, np.array(_CENTRES), np.full(2, _RADIUS_NM))
    return specimen(
        "particles_espm",
        materials,
        np.stack([_FOIL_NM - periclase - perovskite, periclase, perovskite], axis=-1),
        0.3 + 0.010 * np.arange(n_channels),
        pixel_nm=_PIXEL_NM,
        detector=detector,
        brightness=_BRIGHTNESS,
    )
