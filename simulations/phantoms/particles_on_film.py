"""Particles of TiO2 and SiO2 on a carbon film that lies behind everything: no particle is seen without film.

The film has the same thickness in every pixel, so its map says nothing: what is seen of it between the particles is as
bright as what is seen through them. The true map of the film has no holes. A solution that gives every particle a bit
of the film, and the film holes where particles are, fits as well; a prior that prefers empty pixels prefers it. Both
oxides hold O, and some particles lie on others. Sizes and places are invented, and always the same.
"""

import numpy as np

from bayesunmix.spectra import Detector
from simulations.material import Material
from simulations.phantom import PHANTOMS, Phantom
from simulations.specimen import channels, specimen, sphere_chords

_PIXEL_NM = 4.0
_CELL = 16  # pixels: each square of this edge holds the centre of one particle
_MATERIALS = {
    "carbon": Material("C", 2.0),
    "TiO2": Material("TiO2", 4.23),
    "SiO2": Material("SiO2", 2.2),
}


@PHANTOMS.register("particles_on_film")
def particles_on_film(
    shape: tuple[int, int] = (64, 64),
    *,
    film_nm: float = 60.0,
    n_channels: int = 1000,
    detector: Detector | None = None,
) -> Phantom:
    """Build the film with one particle for each 16 x 16 pixels.

    Parameters
    ----------
    shape : (int, int)
        Pixels along y and x.
    film_nm : float
        Thickness of the film.
    n_channels : int
        Number of channels of 10 eV, from 0.2 keV on.
    detector : Detector, optional

    Raises
    ------
    ValueError
        If the film has no thickness.
    """
    if not 0 < film_nm < np.inf:
        raise ValueError(f"film_nm must be a positive length in nm, got {film_nm}")
    cells = [max(n // _CELL, 1) for n in shape]
    n_particles = cells[0] * cells[1]
    rng = np.random.default_rng(612)
    corners = np.stack(np.unravel_index(np.arange(n_particles), cells), axis=-1)
    centres_nm = (corners + rng.random((n_particles, 2))) * np.array(shape) / cells * _PIXEL_NM
    radii_nm = 20 + 22 * rng.random(n_particles)
    chords = sphere_chords(shape, _PIXEL_NM, centres_nm, radii_nm)
    is_titania = rng.permutation(n_particles) < n_particles / 2
    titania, silica = chords[is_titania].sum(axis=0), chords[~is_titania].sum(axis=0)
    return specimen(
        "particles_on_film",
        _MATERIALS,
        np.stack([np.full(shape, film_nm), titania, silica], axis=-1),
        channels(n_channels),
        pixel_nm=_PIXEL_NM,
        detector=detector,
    )
