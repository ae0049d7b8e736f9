"""Characteristic X-ray lines of an element: energies and relative intensities within a family.

One vacancy in a shell is filled from above; the line's intensity is (vacancies in the shell) x (fluorescence
yield) x (radiative rate of the transition). A K vacancy has one shell; L vacancies start in proportion to the
electrons of L1, L2, L3 (2 : 2 : 4) and move up by Coster-Kronig transitions before they are filled.

References
----------
T. Schoonjans et al., "The xraylib library for X-ray-matter interactions. Recent developments",
Spectrochimica Acta B 66 (2011) 776-784: every number used here.
R. Jenkins et al., "Nomenclature system for X-ray spectroscopy", Pure and Applied Chemistry 63 (1991) 735-746.
"""

import re
from typing import NamedTuple

import numpy as np
import xraylib


class Lines(NamedTuple):
    """A family of lines.

    Parameters
    ----------
    names : tuple of str
        HyperSpy's name of the group each line belongs to: "Ni_Ka" twice (K-L3, K-L2), "Ni_Kb", ...
    energy_kev : (L,) array
    intensity : (L,) array
        Photons emitted, summing to one over the family.
    """

    names: tuple[str, ...]
    energy_kev: np.ndarray
    intensity: np.ndarray


def lines(element: str, family: str = "K") -> Lines:
    """Return the lines of an element's K or L family.

    Parameters
    ----------
    element : str
        Chemical symbol: "Ni".
    family : {"K", "L"}
        Shell of the vacancy.

    Raises
    ------
    ValueError
        If xraylib knows no such element, or no line of that family for it.
    """
    if family not in _VACANCIES:
        raise ValueError(f"family must be {' or '.join(map(repr, _VACANCIES))}, got {family!r}")
    number = _atomic_number(element)
    shells = _filled_vacancies(number, family)
    found = [
        (f"{element}_{family}{_group(shell, upper)}", energy, shells[shell] * rate)
        for shell, upper, energy, rate in _transitions(number, family)
        if shells[shell] * rate > 0
    ]
    if not found:
        raise ValueError(f"xraylib knows no {family} line of {element}; choose another family or element")
    names, energies, intensities = zip(*found, strict=True)
    intensity = np.array(intensities)
    return Lines(names, np.array(energies), intensity / intensity.sum())


# Electrons per subshell, before any Coster-Kronig transition.
_VACANCIES = {"K": {"K": 2.0}, "L": {"L1": 2.0, "L2": 2.0, "L3": 4.0}}
_TRANSITION = re.compile(r"(K|L[123])([LMNO]\d)_LINE")


def _atomic_number(element: str) -> int:
    try:
        return int(xraylib.SymbolToAtomicNumber(element))
    except (TypeError, ValueError) as error:
        raise ValueError(f"element must be a chemical symbol such as 'Ni', got {element!r}") from error


def _transitions(number: int, family: str) -> list[tuple[str, str, float, float]]:
    """List what xraylib tabulates: (shell of the vacancy, shell it is filled from, energy in keV, rate)."""
    found = []
    for constant in dir(xraylib):
        match = _TRANSITION.fullmatch(constant)
        # Within L itself vacancies move without a photon that matters: that is _filled_vacancies.
        if match is None or match[1][0] != family or match[2][0] == family:
            continue
        line = getattr(xraylib, constant)
        energy, rate = (_tabulated(table, number, line) for table in (xraylib.LineEnergy, xraylib.RadRate))
        if energy > 0 and rate > 0:
            found.append((match[1], match[2], energy, rate))
    return found


def _filled_vacancies(number: int, family: str) -> dict[str, float]:
    """Vacancies of each shell that end in a photon."""
    vacancies = dict(_VACANCIES[family])
    if family == "L":
        for donor, taker in (("L1", "L2"), ("L1", "L3"), ("L2", "L3")):
            constant = getattr(xraylib, f"F{donor}{taker[1]}_TRANS")
            vacancies[taker] += vacancies[donor] * _tabulated(xraylib.CosKronTransProb, number, constant)
    return {
        shell: count * _tabulated(xraylib.FluorYield, number, getattr(xraylib, f"{shell}_SHELL"))
        for shell, count in vacancies.items()
    }


def _group(shell: str, upper: str) -> str:
    """Siegbahn letter: K-L is a, K-M and K-N b; L3-M4,5 is a, L3-M1 l, L2-M1 n, L1,2-N g, other L b."""
    if shell == "K":
        return "a" if upper[0] == "L" else "b"
    if (shell, upper) in {("L3", "M4"), ("L3", "M5")}:
        return "a"
    if upper == "M1" and shell != "L1":
        return {"L3": "l", "L2": "n"}[shell]
    return "g" if shell != "L3" and upper[0] in "NO" else "b"


def _tabulated(table: object, *arguments: int) -> float:
    """Return xraylib's number, or 0 where it raises because it has none."""
    try:
        return float(table(*arguments))  # type: ignore[operator]
    except ValueError:
        return 0.0
