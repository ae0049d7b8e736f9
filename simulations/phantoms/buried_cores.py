"""Cores rich in Pt inside shells of iron oxide, on a carbon film: the shell lies in front of every core.

No pixel shows the core or the shell alone: in projection the beam crosses the shell before and behind the core, and the
film below. Fe is in the core and in the shell, so that only the difference between pixels says how much of it the core
holds. A prior that prefers maps which exclude each other gives the core the iron of its shell. The true ratio of lines
of each component follows from `Phantom.line_shares` and from `truth.endmembers`.

The phantom `core_shell` has equal numbers of Fe and Pt atoms in the core, and a hole in the film. Field, axis and
composition of the core are those of D. Rossouw et al., "Multicomponent signal unmixing from nanoheterostructures", Nano
Letters 15 (2015) 2716-2720 (bare particles: 16.6 at.% Fe); sizes and places are invented.
"""

import numpy as np

from bayesunmix.spectra import Detector
from simulations.material import Material
from simulations.phantom import PHANTOMS, Phantom
from simulations.specimen import channels, specimen, sphere_chords

_PIXEL_NM = 0.5
_FILM_NM = 12.0
_MATERIALS = {
    "carbon": Material("C", 2.0),
    "Fe3O4": Material("Fe3O4", 5.17),
    "core": Material({"Fe": 0.054, "Pt": 0.946}, 19.5),
}
# Centre (y, x), radius of the core and of the whole particle, in nm in the field of 32 nm.
_PARTICLES = (
    (6.0, 6.5, 2.4, 4.6),
    (7.0, 17.5, 2.8, 5.0),
    (5.5, 27.0, 1.9, 3.8),
    (16.5, 9.0, 2.6, 4.8),
    (16.0, 24.5, 3.0, 5.2),
    (26.5, 7.0, 2.1, 4.0),
    (25.5, 17.0, 2.5, 4.7),
    (27.5, 27.5, 1.7, 3.4),
)


@PHANTOMS.register("buried_cores")
def buried_cores(*, n_channels: int = 992, detector: Detector | None = None) -> Phantom:
    """Build eight particles, 64 x 64 pixels of half a nanometre.

    Parameters
    ----------
    n_channels : int
        Number of channels of 20 eV, from 0.16 keV on; Pt La stands at 9.44 keV.
    detector : Detector, optional
    """
    shape = (64, 64)
    particles = np.array(_PARTICLES)
    cores = sphere_chords(shape, _PIXEL_NM, particles[:, :2], particles[:, 2]).sum(axis=0)
    whole = sphere_chords(shape, _PIXEL_NM, particles[:, :2], particles[:, 3]).sum(axis=0)
    return specimen(
        "buried_cores",
        _MATERIALS,
        np.stack([np.full(shape, _FILM_NM), whole - cores, cores], axis=-1),
        channels(n_channels, 0.16, 0.020),
        pixel_nm=_PIXEL_NM,
        detector=detector,
    )
