"""FePt cores in iron oxide shells on a carbon film, with bare film and a hole: spheres seen in projection.

A shell is never seen alone over its core, and the film is never seen without what lies on it: the beam crosses the
front of the shell, the core, the back of the shell and the film. Materials after D. Rossouw et al., "Multicomponent
signal unmixing from nanoheterostructures", Nano Letters 15 (2015) 2716-2720; sizes and places are invented.
"""

import numpy as np

from bayesunmix.spectra import Detector
from simulations.material import Material
from simulations.phantom import PHANTOMS, Phantom
from simulations.specimen import channels, specimen, sphere_chords

_PIXEL_NM = 0.5
_FILM_NM = 10.0
_MATERIALS = {
    "carbon": Material("C", 2.0),
    "Fe3O4": Material("Fe3O4", 5.17),
    "FePt": Material("FePt", 15.1),
}
# Centre (y, x), radius of the core and of the whole particle, in nm in the default field of 36 nm.
_PARTICLES = (
    (9.0, 8.5, 3.2, 6.0),
    (10.0, 24.0, 2.4, 5.2),
    (22.5, 15.5, 3.8, 6.8),
    (27.5, 28.0, 2.8, 5.6),
    (20.0, 26.5, 2.0, 4.2),
)
_HOLE = (33.0, 5.0, 7.5)


@PHANTOMS.register("core_shell")
def core_shell(*, n_channels: int = 1000, detector: Detector | None = None) -> Phantom:
    """Build five particles, 72 x 72 pixels of half a nanometre.

    Parameters
    ----------
    n_channels : int
        Number of channels of 10 eV, from 0.2 keV on; Pt La stands at 9.44 keV.
    detector : Detector, optional
    """
    shape = (72, 72)
    particles = np.array(_PARTICLES)
    cores = sphere_chords(shape, _PIXEL_NM, particles[:, :2], particles[:, 2])
    whole = sphere_chords(shape, _PIXEL_NM, particles[:, :2], particles[:, 3])
    hole = sphere_chords(shape, _PIXEL_NM, np.array([_HOLE[:2]]), np.array(_HOLE[2:]))[0] > 0
    particle_nm, core_nm = whole.sum(axis=0), cores.sum(axis=0)
    film_nm = np.where(hole, 0.0, _FILM_NM)
    return specimen(
        "core_shell",
        _MATERIALS,
        np.stack([film_nm, particle_nm - core_nm, core_nm], axis=-1),
        channels(n_channels),
        pixel_nm=_PIXEL_NM,
        detector=detector,
    )
