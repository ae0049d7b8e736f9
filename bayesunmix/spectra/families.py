"""Record the spectra of an element's line families, each summing to one.

A family is all lines that follow a vacancy in one shell: "Ni_K" is Ni K-alpha and K-beta in their fixed ratio.
Absorption in the specimen, which changes ratios within a family, is left out.
"""

from collections.abc import Iterable
from contextlib import suppress

import numpy as np

from bayesunmix.spectra.detector import Detector
from bayesunmix.spectra.lines import atomic_number, lines

_KEV = " keV"
_FAINT = 0.003  # fraction of a family's photons: fainter lines change no channel by a count


def family_spectra(
    elements: Iterable[str], energy_kev: np.ndarray, detector: Detector | None = None
) -> dict[str, np.ndarray]:
    """Record every family of which at least half lies on the axis.

    Parameters
    ----------
    elements : iterable of str
        Chemical symbols.
    energy_kev : (C,) array
        Channel centres.
    detector : Detector, optional

    Returns
    -------
    spectra : dict of str to (C,) array
        Spectra by name, "Ni_K", in the order of the elements and of the shells; each sums to one.

    Raises
    ------
    ValueError
        If an element is unknown.
    """
    detector = detector or Detector()
    found = {}
    for element in elements:
        for family, (energies, photons) in family_lines(element).items():
            recorded = photons * detector.efficiency(energies)
            on_axis = (energies >= energy_kev[0]) & (energies <= energy_kev[-1])
            if recorded[on_axis].sum() > 0.5 * recorded.sum():
                spectrum = detector.record(energies, photons, energy_kev)
                found[f"{element}_{family}"] = spectrum / spectrum.sum()
    return found


def family_lines(element: str) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """Return energies and relative photons of the lines of each family that an element has."""
    atomic_number(element)
    found = {}
    for family in ("K", "L", "M"):
        with suppress(ValueError):  # the element has no such shell
            found[family] = strong_lines(element, family)
    return found


def strong_lines(element: str, family: str) -> tuple[np.ndarray, np.ndarray]:
    """Return energies and relative photons of a family's lines, without faint ones; `ValueError` if it has none."""
    found = lines(element, family)
    keep = found.intensity > _FAINT
    return found.energy_kev[keep], found.intensity[keep]


def lines_of(name: str) -> tuple[np.ndarray, np.ndarray]:
    """Return energies and relative photons of a family by name: "Ni_K", or "1.253 keV" for one line there."""
    if name.endswith(_KEV):
        return np.array([float(name.removesuffix(_KEV))]), np.ones(1)
    return strong_lines(*name.split("_"))


def line_at(kev: float) -> str:
    """Name the family that is one line at an energy, for lines of no known element."""
    return f"{kev:.3f}{_KEV}"
