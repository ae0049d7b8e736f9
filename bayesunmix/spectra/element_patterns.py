"""Record what each element adds to a spectrum on a coarse axis, for a search among all elements at once.

The bins of the coarse axis are one standard deviation of a peak wide. An element has two patterns: its hardest family
on the axis alone, and that family with the others, as strong as they can be beside it. Non-negative sums of the two
have softer lines as weak as absorption makes them, but never without the harder lines: where copper's L lines show, its
K lines must show too. The ratio comes from the thin film's photons (`bayesunmix.spectra.thin_film`). The hardest family
is the hardest whose strongest line is on the axis and well below the energy of the electrons. Lines of one that is
harder still may be there.
"""

from dataclasses import dataclass, replace
from functools import cache
from typing import NamedTuple

import numpy as np
import xraylib
from scipy.special import ndtr

from bayesunmix.spectra.background import continuum_curves
from bayesunmix.spectra.detector import FWHM_PER_SD, Detector
from bayesunmix.spectra.thin_film import thin_film

#: Elements that hardly anyone has in a specimen: noble gases and what decays.
UNLIKELY = {"He", "Ne", "Kr", "Xe", "Tc", "Pm", "Po", "At", "Rn", "Fr", "Ra", "Ac", "Pa"}
LOWEST_KEV = 0.2  # below it lie the detector's noise and strobe
HIGHEST_KEV = 45.0
_SOFTEST_KEV = 0.5  # L and M families below it name no element
_EXCITED = 0.6  # of the beam energy: harder families need not show
_FAINT = 0.002  # fraction of a family's strongest line
# Softer families, times the ratio of a thin film behind a window of polyimide: yields differ between tables by a factor
# of two, and other windows let twice as many soft photons through.
_SOFTER = 4.0


@dataclass(frozen=True, eq=False)
class Patterns:
    """Hold patterns of E elements on a coarse axis of B bins.

    Parameters
    ----------
    elements : tuple of str
    spectra : (E, 2, B) array
        The hardest family, and that family with the others; each sums to one, or to zero where there is no other.
    main_kev : (E, 2) array
        The strongest peak of the hardest family and of the next softer one; infinite where there is none above 0.5 keV.
    continuum : (9, B) array
    edges_kev : (B + 1,) array
    """

    elements: tuple[str, ...]
    spectra: np.ndarray
    main_kev: np.ndarray
    continuum: np.ndarray
    edges_kev: np.ndarray


@cache
def element_patterns(highest_kev: float, beam_kev: float, width: float) -> Patterns:
    """Record the patterns of all elements from boron to uranium.

    Parameters
    ----------
    highest_kev : float
        Where the axis ends.
    beam_kev : float
        Energy of the electrons, which decides how strong hard families are.
    width : float
        Factor on the square of the peaks' width.
    """
    ideal = Detector()
    detector = replace(
        ideal,
        fwhm_offset_ev2=width * ideal.fwhm_offset_ev2,
        fwhm_slope_ev2_per_kev=width * ideal.fwhm_slope_ev2_per_kev,
    )
    edges = _edges(highest_kev)
    found = {}
    for number in range(5, 93):
        symbol = xraylib.AtomicNumberToSymbol(number)
        families = [] if symbol in UNLIKELY else _families(symbol, beam_kev, detector, edges)
        on_axis = [family.main_kev for family in families if family.main_kev < edges[-1]]
        main = [kev for kev in on_axis if kev < _EXCITED * beam_kev] or on_axis
        if main and (families[-len(main)].shell == "K" or main[0] > _SOFTEST_KEV):
            found[symbol] = families, [*main, 0.0][:2]
    patterns = np.array([_two_patterns(families, main[0]) for families, main in found.values()])
    size = np.maximum(patterns.sum(axis=2, keepdims=True), 1e-300)
    main_kev = np.array([main for _, main in found.values()])
    centres = (edges[1:] + edges[:-1]) / 2
    return Patterns(
        tuple(found),
        patterns / size,
        np.where(main_kev > np.array([0, _SOFTEST_KEV]), main_kev, np.inf),
        continuum_curves(centres, ideal) * np.diff(edges),
        edges,
    )


class _Family(NamedTuple):
    """Hold a family: its shell, the top of its strongest peak, and its recorded photons, (B,)."""

    shell: str
    main_kev: float
    photons: np.ndarray


def _two_patterns(families: list[_Family], hardest_kev: float) -> np.ndarray:
    """Return the hardest family whose strongest line is on the axis, and the same with all others, (2, B)."""
    hard = sum(family.photons for family in families if family.main_kev == hardest_kev)
    others = sum(family.photons for family in families if family.main_kev != hardest_kev)
    return np.stack([hard, (hard + _SOFTER * others) * np.any(others)])


def _edges(highest_kev: float) -> np.ndarray:
    """Return edges that are a standard deviation of a peak apart."""
    detector = Detector()
    edges = [LOWEST_KEV]
    while edges[-1] < min(highest_kev, HIGHEST_KEV):
        edges.append(edges[-1] + float(detector.fwhm_kev(np.array(edges[-1]))) / FWHM_PER_SD)
    return np.array(edges)


def _families(symbol: str, beam_kev: float, detector: Detector, edges: np.ndarray) -> list[_Family]:
    """List families with lines on the axis, the hardest first."""
    emitted = thin_film(symbol, beam_kev).lines
    photons = emitted.intensity * detector.efficiency(emitted.energy_kev)
    shells = np.array([name[name.index("_") + 1] for name in emitted.names])
    found = []
    for shell in "KLM":
        own = shells == shell
        strong = own & (photons > _FAINT * photons[own].max(initial=0.0))
        if not strong.any():
            continue
        line_kev, line_photons = emitted.energy_kev[strong], photons[strong]
        sd = detector.fwhm_kev(line_kev) / FWHM_PER_SD
        strongest = line_photons.argmax()
        # Of the usual width, so that the elements are the same for every width.
        reach = 1.5 * Detector().fwhm_kev(line_kev[strongest]) / FWHM_PER_SD
        near = np.abs(line_kev - line_kev[strongest]) <= reach
        main = float(np.average(line_kev[near], weights=line_photons[near]))
        if main > edges[0] and line_kev.min() < edges[-1]:
            found.append(
                _Family(shell, main, np.diff(ndtr((edges[:, None] - line_kev) / sd), axis=0) @ line_photons)
            )
    return found
