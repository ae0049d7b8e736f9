"""A small tilt series that tests of an acquisition share."""

import numpy as np

from bayesunmix.data.factorization import Factorization
from bayesunmix.data.image import Axis
from bayesunmix.spectra import thin_film
from simulations import Phantom
from simulations.nicr import MATERIALS

ENERGY = 0.5 + 0.05 * np.arange(160)


def make_series(margin=3):
    """Two tilts each of Si and Ni blocks with vacuum around, 8 x 14 pixels of 4 nm, and a thickness of 50 to 300 nm."""
    thickness = np.zeros((4, 8, 14, 2))
    inside = slice(margin, -margin or None)
    thickness[:, inside, inside, 0] = 300 * np.linspace(1, 0, 14 - 2 * margin)
    thickness[:, inside, inside, 1] = 50 * np.arange(1, 5)[:, None, None]
    spectra = np.array(
        [thin_film(material.composition).record(ENERGY) for material in (MATERIALS[0], MATERIALS[2])]
    )
    spectra /= spectra.sum(axis=1, keepdims=True)
    abundances = thickness.reshape(-1, 2) * [1.0, 3.0]
    total = abundances.sum(axis=1)
    return Phantom(
        name="series",
        truth=Factorization(spectra, abundances / total[total > 0].mean()),
        energy_kev=ENERGY,
        navigation_shape=(4, 8, 14),
        labels=("Si", "Ni"),
        axes=(Axis("tilt", 90, "deg"), Axis("y", 4, "nm"), Axis("x", 4, "nm")),
        tilts_deg=(0, 90, 180, 270),
        thickness_nm=thickness.reshape(-1, 2),
        materials=(MATERIALS[0], MATERIALS[2]),
    )
