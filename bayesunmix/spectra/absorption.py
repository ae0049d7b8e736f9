r"""Compute how many photons leave the specimen towards the detector (Beer and Lambert).

Photons of energy E that cross a mass path :math:`\rho l` of a material survive with probability
:math:`e^{-\mu(E) \rho l}`. From a film of mass thickness :math:`\rho t` the path is :math:`\rho z / \sin(\theta +
\tau)`, where z is the depth below the side that faces the detector, :math:`\theta` the take-off angle and :math:`\tau`
the tilt towards the detector. Averaged over all depths,

.. math:: \bar T = \frac{1 - e^{-\chi}}{\chi}, \qquad \chi = \frac{\mu \rho t}{\sin(\theta + \tau)}.

A spectrum that depends on depth or thickness is no longer a sum of endmembers: absorption breaks linear mixing, and is
therefore an option everywhere.

References
----------
D. B. Williams and C. B. Carter, *Transmission Electron Microscopy*, 2nd ed., Springer (2009), section 35.6.
"""

from collections.abc import Mapping

import numpy as np
import xraylib

from bayesunmix.spectra.composition import weight_fractions

TABLES_BEGIN_KEV = 0.1  # xraylib's tables end here


def attenuation(composition: str | Mapping[str, float], energy_kev: np.ndarray) -> np.ndarray:
    """Return the mass attenuation coefficient of a material, (C,) in cm2/g.

    Parameters
    ----------
    composition : str, or mapping from str to float
        A chemical formula, or weight fractions.
    energy_kev : (C,) array
        Photon energies; below 0.1 keV the coefficient at 0.1 keV is returned.

    Raises
    ------
    ValueError
        If an element is unknown or the fractions do not sum to one.
    """
    energy = np.maximum(np.asarray(energy_kev, dtype=np.float64), TABLES_BEGIN_KEV)
    element_attenuation = np.vectorize(xraylib.CS_Total, otypes=[np.float64])
    parts = [
        weight * element_attenuation(xraylib.SymbolToAtomicNumber(element), energy)
        for element, weight in weight_fractions(composition).items()
    ]
    return np.sum(parts, axis=0)


def film_transmission(optical_thickness: np.ndarray, takeoff_deg: float, tilt_deg: float = 0.0) -> np.ndarray:
    """Return the fraction of a film's photons that reach the detector, averaged over depth.

    Parameters
    ----------
    optical_thickness : array
        Attenuation x mass thickness of the film, along its normal, for each photon energy.
    takeoff_deg : float
        Angle between the untilted film and the direction of the detector.
    tilt_deg : float
        Tilt towards the detector.

    Returns
    -------
    transmission : array of the same shape
        In (0, 1].

    Raises
    ------
    ValueError
        If the film hides the detector: take-off plus tilt is not between 0 and 180 degrees.
    """
    if not 0 < takeoff_deg + tilt_deg < 180:
        raise ValueError(
            "take-off angle plus tilt must lie between 0 and 180 degrees for photons to reach the detector, "
            f"got {takeoff_deg:g} + {tilt_deg:g}; tilt the film towards the detector"
        )
    chi = np.asarray(optical_thickness, dtype=np.float64) / np.sin(np.radians(takeoff_deg + tilt_deg))
    return np.where(chi > 1e-12, -np.expm1(-chi) / np.maximum(chi, 1e-12), 1.0)
