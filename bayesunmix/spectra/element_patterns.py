"""Record what each element adds to a spectrum on a coarse axis, for a search among all elements at once.

The bins of the coarse axis are one standard deviation of a peak wide. An element has two patterns: its hardest family
on the axis alone, and that family with its softer ones, as strong as they can be beside it. Non-negative sums of the
two have softer lines as weak as absorption makes them, but never without the harder lines: where copper's L lines show,
its K lines must show too. The ratio comes from the thin film's photons (`bayesunmix.spectra.thin_film`).
"""

from dataclasses import dataclass, replace
from functools import cache

import numpy as np
import xraylib
from scipy.special import ndtr

from bayesunmix.spectra.background import continuum_curves
from bayesunmix.spectra.detector import FWHM_PER_SD, Detector
from bayesunmix.spectra.thin_film import thin_film

#: Elements that hardly anyone has in a specimen: noble gases and what decays.
UNLIKELY = {"He", "Ne", "Kr", "Xe", "Tc", "Pm", "Po", "At", "Rn", "Fr", "Ra", "Ac", "Pa"}
LOWEST_KEV = 0.2  # below it lie the detector's noise and strobe
_HIGHEST_KEV = 45.0
_SOFTEST_KEV = 0.5  # L and M families below it name no element
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
        The hardest family, and that family with softer ones; each sums to one, or to zero where there is no softer one.
    main_kev : (E, 2) array
        The strongest line of the hardest family and of the next softer one; infinite where there is none above 0.5 keV.
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
        if families and families[0][1] > _SOFTEST_KEV * (families[0][0] != "K"):
            found[symbol] = families
    hard = np.array([families[0][2] for families in found.values()])
    soft = np.array([sum((part[2] for part in families[1:]), 0 * hard[0]) for families in found.values()])
    spectra = np.stack([hard, np.where(soft.any(axis=1, keepdims=True), hard + _SOFTER * soft, 0)], axis=1)
    size = np.maximum(spectra.sum(axis=2, keepdims=True), 1e-300)
    centres = (edges[1:] + edges[:-1]) / 2
    return Patterns(
        tuple(found),
        spectra / size,
        np.array([_main(families) for families in found.values()]),
        continuum_curves(centres, ideal) * np.diff(edges),
        edges,
    )


def _main(families: list[tuple[str, float, np.ndarray]]) -> tuple[float, float]:
    softer = families[1][1] if families[1:] else 0.0
    return families[0][1], softer if softer > _SOFTEST_KEV else np.inf


def _edges(highest_kev: float) -> np.ndarray:
    """Return edges that are a standard deviation of a peak apart."""
    detector = Detector()
    edges = [LOWEST_KEV]
    while edges[-1] < min(highest_kev, _HIGHEST_KEV):
        edges.append(edges[-1] + float(detector.fwhm_kev(np.array(edges[-1]))) / FWHM_PER_SD)
    return np.array(edges)


def _families(
    symbol: str, beam_kev: float, detector: Detector, edges: np.ndarray
) -> list[tuple[str, float, np.ndarray]]:
    """List families on the axis, the hardest first: its shell, its strongest line in keV, and its photons, (B,)."""
    emitted = thin_film(symbol, beam_kev).lines
    photons = emitted.intensity * detector.efficiency(emitted.energy_kev)
    shells = np.array([name[name.index("_") + 1] for name in emitted.names])
    found = []
    for shell in "KLM":
        own = np.where(shells == shell, photons, 0)
        if not own.any():
            continue
        main = float(emitted.energy_kev[own.argmax()])
        keep = own > _FAINT * own.max()
        line_kev = emitted.energy_kev[keep]
        if edges[0] < main < edges[-1]:
            below = ndtr((edges[:, None] - line_kev) / (detector.fwhm_kev(line_kev) / FWHM_PER_SD))
            found.append((shell, main, np.diff(below, axis=0) @ own[keep]))
    return found
