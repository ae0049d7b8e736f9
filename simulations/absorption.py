"""Photons that the specimen absorbs on their way to the detector: more from thick pixels and at low energy.

A pixel's column of materials is taken as mixed: photons start at all depths alike and cross part of the whole column
on the way out, whose length is the thickness over the sine of the take-off angle. The spectrum of a component then
depends on the pixel: mixing is no longer linear.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from bayesunmix.factorization import Factorization
from bayesunmix.spectra import attenuation, film_transmission

if TYPE_CHECKING:
    from simulations.phantom import Phantom

_G_PER_CM2_PER_NM = 1e-7  # mass thickness of a nanometre of density 1 g/cm3
_BLOCK = 4096  # pixels whose full spectra are held at a time


@dataclass(frozen=True, eq=False)
class Absorption:
    """Mass attenuation coefficients of J materials, and how much of each the column under a pixel holds.

    Parameters
    ----------
    coefficients : (J, C) array
        In cm2/g.
    mass_thickness : (P, J) array
        In g/cm2, along the beam.
    takeoff_deg : float
        Angle between the specimen's plane and the detector.
    """

    coefficients: np.ndarray
    mass_thickness: np.ndarray
    takeoff_deg: float

    @classmethod
    def of(cls, phantom: "Phantom", takeoff_deg: float) -> "Absorption":
        """Return the absorption in a phantom.

        Raises
        ------
        ValueError
            If the phantom does not say what it is made of and how thick it is.
        """
        if phantom.thickness_nm is None or not phantom.materials:
            raise ValueError(
                f"absorption follows from thickness and materials, and phantom {phantom.name!r} states none; "
                "set takeoff_deg to None or choose another phantom"
            )
        coefficients = [
            attenuation(material.composition, phantom.energy_kev) for material in phantom.materials
        ]
        density = np.array([material.density_g_cm3 for material in phantom.materials])
        return cls(np.array(coefficients), phantom.thickness_nm * density * _G_PER_CM2_PER_NM, takeoff_deg)

    def survival(self, pixel: np.ndarray, channel: np.ndarray) -> np.ndarray:
        """Probability that each of n photons gets out, (n,); frames of a pixel share its column."""
        column = self.mass_thickness[pixel % len(self.mass_thickness)]
        optical = (column * self.coefficients.T[channel]).sum(axis=1)
        return film_transmission(optical, self.takeoff_deg)

    def applied(self, emitted: Factorization) -> Factorization:
        """Return the photons that get out: each component's number in each pixel, and its mean spectrum."""
        abundances = np.zeros_like(emitted.abundances)
        spectra = np.zeros_like(emitted.endmembers)
        for start in range(0, len(abundances), _BLOCK):
            rows = slice(start, start + _BLOCK)
            pixel = np.arange(start, start + len(abundances[rows])) % len(self.mass_thickness)
            escaping = film_transmission(self.mass_thickness[pixel] @ self.coefficients, self.takeoff_deg)
            abundances[rows] = emitted.abundances[rows] * (escaping @ emitted.endmembers.T)
            spectra += emitted.abundances[rows].T @ escaping * emitted.endmembers
        total = spectra.sum(axis=1, keepdims=True)
        return Factorization(
            np.where(total > 0, spectra / np.maximum(total, 1e-300), emitted.endmembers), abundances
        )
