r"""Compute what a thin film of known composition emits: characteristic lines and continuum, per electron.

A film is thin if the electrons cross it without losing speed and the photons leave it without being absorbed. Then an
element of weight fraction w and atomic weight M emits, for every electron and mass thickness :math:`\rho t`,

.. math:: I = \rho t \, \frac{N_A w}{M} \; \sigma_s \, \omega_s \, R

photons of a line: ionisation cross-section of the subshell (`cross_section`) times fluorescence yield times radiative
rate (`lines`). Every atom adds continuum in proportion to its Z squared (`background`). Both are counted over all
directions; a detector of solid angle :math:`\Omega` sees :math:`\Omega / 4 \pi` of them.

Two effects of a few percent are left out: L vacancies that a K line leaves behind, and fluorescence by other lines.

References
----------
D. B. Williams and C. B. Carter, *Transmission Electron Microscopy*, 2nd ed., Springer (2009), chapter 35.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import xraylib

from bayesunmix.spectra.background import kramers_cross_section
from bayesunmix.spectra.composition import weight_fractions
from bayesunmix.spectra.cross_section import ionisation
from bayesunmix.spectra.detector import Detector
from bayesunmix.spectra.lines import Lines, atomic_number, emission

_SHELLS = {"K": ("K",), "L": ("L1", "L2", "L3"), "M": ("M1", "M2", "M3", "M4", "M5")}
_AVOGADRO_PER_UG = 6.02214e17  # atoms of a substance of atomic weight 1 in a microgram
_MARGIN_KEV = 0.5  # the continuum beyond the axis that the detector's width brings in


@dataclass(frozen=True, eq=False)
class ThinFilm:
    """Hold the photons emitted per electron and per ug/cm2 of mass thickness; `thin_film` makes one.

    Parameters
    ----------
    weights : dict of str to float
        Weight fraction of each element, summing to one.
    beam_kev : float
    lines : Lines
        Every K, L and M line that the beam excites, named as in HyperSpy ("Ni_Ka").
    """

    weights: dict[str, float]
    beam_kev: float
    lines: Lines

    def families(self) -> dict[str, float]:
        """Return the emitted photons of each family: {"Ni_K": ..., "Ni_L": ...}."""
        total: dict[str, float] = {}
        for name, photons in zip(self.lines.names, self.lines.intensity, strict=True):
            family = name[: name.index("_") + 2]
            total[family] = total.get(family, 0.0) + float(photons)
        return total

    def continuum(self, energy_kev: np.ndarray) -> np.ndarray:
        """Return the emitted continuum photons of each channel, (C,); `Detector.record` records them."""
        return self._radiators() * kramers_cross_section(energy_kev, self.beam_kev)

    def _radiators(self) -> float:
        """Return the sum of Z squared over the atoms of a ug/cm2."""
        return sum(_atoms_per_ug(el, weight) * atomic_number(el) ** 2 for el, weight in self.weights.items())

    def record(self, energy_kev: np.ndarray, detector: Detector | None = None) -> np.ndarray:
        """Return the recorded spectrum: photons per channel, per electron and ug/cm2, over all directions.

        Parameters
        ----------
        energy_kev : (C,) array
            Channel centres.
        detector : Detector, optional

        Raises
        ------
        ValueError
            If no line of the film lies on the axis.
        """
        detector = detector or Detector()
        low, high = float(energy_kev[0]), float(energy_kev[-1])
        if not ((self.lines.energy_kev >= low) & (self.lines.energy_kev <= high)).any():
            raise ValueError(
                f"no line of {', '.join(self.weights)} lies between {low:g} and {high:g} keV at a beam of "
                f"{self.beam_kev:g} keV; widen the axis or raise the beam"
            )
        peaks = detector.record(self.lines.energy_kev, self.lines.intensity, energy_kev)
        continuum = self._radiators() * _recorded_continuum(detector, self.beam_kev, tuple(energy_kev))
        return detector.count(peaks + continuum, energy_kev)


def thin_film(composition: str | Mapping[str, float], beam_kev: float = 200.0) -> ThinFilm:
    """Return what a thin film emits.

    Parameters
    ----------
    composition : str, or mapping from str to float
        A chemical formula ("Fe2O3"), or weight fractions of elements that sum to one ({"Fe": 0.7, "O": 0.3}).
    beam_kev : float
        Energy of the electrons.

    Raises
    ------
    ValueError
        If an element is unknown, the fractions do not sum to one, or the beam is not a positive energy.
    """
    if not 0 < beam_kev < np.inf:
        raise ValueError(f"beam_kev must be a positive energy in keV, got {beam_kev}; 200 is usual in a STEM")
    weights = weight_fractions(composition)
    found = [
        _emitted(element, weight, family, beam_kev)
        for element, weight in weights.items()
        for family in _SHELLS
    ]
    lines = Lines(
        tuple(name for part in found for name in part.names),
        np.concatenate([part.energy_kev for part in found]),
        np.concatenate([part.intensity for part in found]),
    )
    return ThinFilm(weights, float(beam_kev), lines)


@lru_cache(maxsize=16)
def _recorded_continuum(detector: Detector, beam_kev: float, energy_kev: tuple[float, ...]) -> np.ndarray:
    """Record the continuum of one atom of Z = 1: the same for all materials, and the slow part of a spectrum."""
    axis = np.array(energy_kev)
    emitted_kev = np.arange(max(axis[0] - _MARGIN_KEV, 0.02), axis[-1] + _MARGIN_KEV, 0.01)
    return detector.record(emitted_kev, kramers_cross_section(emitted_kev, beam_kev), axis)


def _emitted(element: str, weight: float, family: str, beam_kev: float) -> Lines:
    number = atomic_number(element)
    vacancies = {shell: ionisation(number, shell, beam_kev) for shell in _SHELLS[family]}
    photons = emission(element, vacancies)
    return photons._replace(intensity=photons.intensity * _atoms_per_ug(element, weight))


def _atoms_per_ug(element: str, weight: float) -> float:
    return weight * _AVOGADRO_PER_UG / float(xraylib.AtomicWeight(atomic_number(element)))
