r"""A silicon drift detector: which photons it records, and in which channel.

A photon of energy E gets through the window and the dead layer and stops in the crystal with probability

.. math:: \varepsilon(E) = e^{-\mu_w \rho_w t_w - \mu_{Si} \rho_{Si} t_d} (1 - e^{-\mu_{Si} \rho_{Si} t_{Si}})

and is recorded at a normally distributed energy, whose width adds electronic noise (constant) and the
statistics of electron-hole pairs (proportional to E): FWHM^2 = offset + slope E.

References
----------
U. Fano, "Ionization yield of radiations. II. The fluctuations of the number of ions", Physical Review 72
(1947) 26-29: the slope.
D. E. Newbury and N. W. M. Ritchie, "Is scanning electron microscopy/energy dispersive X-ray spectrometry
(SEM/EDS) quantitative?", Scanning 35 (2013) 141-168: silicon drift detectors in use.
"""

from dataclasses import dataclass

import numpy as np
import xraylib
from scipy.special import ndtr

from bayesunmix.spectra.channels import channel_edges

FWHM_PER_SD = 2 * np.sqrt(2 * np.log(2))
_WINDOW = ("C22H10N2O5", 1.42)  # polyimide and its density in g/cm3
_CRYSTAL = ("Si", 2.33)
_LOWEST_KEV = 0.1


@dataclass(frozen=True)
class Detector:
    """Efficiency and resolution.

    Parameters
    ----------
    fwhm_offset_ev2, fwhm_slope_ev2_per_kev : float
        FWHM^2 = offset + slope x energy; the defaults were read off the peaks of the Ni/Cr needle.
    window_um : float
        Polyimide in front of the crystal; 0 for a windowless detector. An assumption, as are the next two.
    dead_layer_um : float
        Silicon at the entrance that absorbs without recording.
    crystal_mm : float
        Silicon that records.
    """

    fwhm_offset_ev2: float = 5.55e3
    fwhm_slope_ev2_per_kev: float = 2.56e3
    window_um: float = 0.3
    dead_layer_um: float = 0.1
    crystal_mm: float = 0.45

    def fwhm_kev(self, energy_kev: np.ndarray) -> np.ndarray:
        """Full width at half maximum of a line, in keV."""
        variance = self.fwhm_offset_ev2 + self.fwhm_slope_ev2_per_kev * np.asarray(
            energy_kev, dtype=np.float64
        )
        return np.sqrt(variance) / 1000

    def efficiency(self, energy_kev: np.ndarray) -> np.ndarray:
        """Probability that a photon which hits the detector is recorded; none is below 0.1 keV, in the noise."""
        energy_kev = np.asarray(energy_kev, dtype=np.float64)
        above_noise = energy_kev >= _LOWEST_KEV
        energy_kev = np.maximum(energy_kev, _LOWEST_KEV)
        window = _optical_depth(*_WINDOW, self.window_um * 1e-4, energy_kev)
        dead = _optical_depth(*_CRYSTAL, self.dead_layer_um * 1e-4, energy_kev)
        crystal = _optical_depth(*_CRYSTAL, self.crystal_mm * 1e-1, energy_kev)
        return above_noise * np.exp(-window - dead) * -np.expm1(-crystal)

    def record(self, line_kev: np.ndarray, intensity: np.ndarray, energy_kev: np.ndarray) -> np.ndarray:
        """Return the recorded spectrum of emitted lines.

        Each peak is integrated exactly between channel edges, so its area does not depend on the channel
        width; what falls beyond the ends of the axis is lost, as in the instrument.

        Parameters
        ----------
        line_kev, intensity : (L,) arrays
            Energy and emitted photons of each line.
        energy_kev : (C,) array
            Channel centres.

        Returns
        -------
        photons : (C,) array
        """
        line_kev = np.asarray(line_kev, dtype=np.float64)
        sd = self.fwhm_kev(line_kev) / FWHM_PER_SD
        below_edge = ndtr((channel_edges(energy_kev)[:, None] - line_kev) / sd)
        return np.diff(below_edge, axis=0) @ (intensity * self.efficiency(line_kev))


def _optical_depth(formula: str, density: float, thickness_cm: float, energy_kev: np.ndarray) -> np.ndarray:
    attenuation = np.vectorize(xraylib.CS_Total_CP, otypes=[np.float64])
    return attenuation(formula, np.asarray(energy_kev, dtype=np.float64)) * density * thickness_cm
