"""Return characteristic X-ray lines of an element: energies and relative intensities within a family.

One vacancy in a shell is filled from above. The intensity of a line is (vacancies in the shell) x (fluorescence yield)
x (radiative rate of the transition). The K shell has no subshells. L and M vacancies move to the outer subshells of
their shell by Coster-Kronig transitions before they are filled. If the number of vacancies of each subshell is not
given (`lines`), it is proportional to the number of electrons.

References
----------
T. Schoonjans et al., "The xraylib library for X-ray-matter interactions. Recent developments",
Spectrochimica Acta B 66 (2011) 776-784: every number used here.
R. Jenkins et al., "Nomenclature system for X-ray spectroscopy", Pure and Applied Chemistry 63 (1991) 735-746.
"""

import re
from collections.abc import Mapping
from functools import cache
from itertools import combinations
from typing import NamedTuple

import numpy as np
import xraylib


class Lines(NamedTuple):
    """Hold lines of one family or several.

    Parameters
    ----------
    names : tuple of str
        HyperSpy's name of the group each line belongs to: "Ni_Ka" twice (K-L3, K-L2), "Ni_Kb", ...
    energy_kev : (L,) array
    intensity : (L,) array
        Photons emitted.
    """

    names: tuple[str, ...]
    energy_kev: np.ndarray
    intensity: np.ndarray


def lines(element: str, family: str = "K") -> Lines:
    """Return the lines of an element's K, L or M family; their intensities sum to one.

    Parameters
    ----------
    element : str
        Chemical symbol: "Ni".
    family : {"K", "L", "M"}
        Shell of the vacancy.

    Raises
    ------
    ValueError
        If xraylib knows no such element, or no line of that family for it.
    """
    if family not in _VACANCIES:
        raise ValueError(f"family must be {' or '.join(map(repr, _VACANCIES))}, got {family!r}")
    found = emission(element, _VACANCIES[family])
    if not found.names:
        raise ValueError(f"xraylib knows no {family} line of {element}; choose another family or element")
    return found._replace(intensity=found.intensity / found.intensity.sum())


def emission(element: str, vacancies: Mapping[str, float]) -> Lines:
    """Return the photons with which an element fills vacancies of one shell. There may be none.

    Parameters
    ----------
    element : str
        Chemical symbol: "Ni".
    vacancies : mapping from str to float
        Vacancies in each subshell: {"K": 1.0}, or {"L1": 1.0, "L2": 1.0, "L3": 2.0}.

    Raises
    ------
    ValueError
        If xraylib knows no such element.
    """
    number = atomic_number(element)
    family = next(iter(vacancies))[0]
    filled = _filled_vacancies(number, vacancies)
    found = [
        (f"{element}_{family}{_group(shell, upper)}", energy, filled[shell] * rate)
        for shell, upper, energy, rate in _transitions(number, family)
        if filled.get(shell, 0) > 0
    ]
    names, energies, intensities = zip(*found, strict=True) if found else ((), (), ())
    return Lines(names, np.array(energies), np.array(intensities))


def atomic_number(element: str) -> int:
    """Return the atomic number of a chemical symbol.

    Raises
    ------
    ValueError
        If xraylib knows no such element.
    """
    try:
        return int(xraylib.SymbolToAtomicNumber(element))
    except (TypeError, ValueError) as error:
        raise ValueError(f"element must be a chemical symbol such as 'Ni', got {element!r}") from error


# Electrons per subshell, before any Coster-Kronig transition.
_VACANCIES: dict[str, dict[str, float]] = {
    "K": {"K": 2},
    "L": {"L1": 2, "L2": 2, "L3": 4},
    "M": {"M1": 2, "M2": 2, "M3": 4, "M4": 4, "M5": 6},
}
_TRANSITION = re.compile(r"(K|L[123]|M[1-5])([LMNOP]\d)_LINE")


@cache
def _transitions(number: int, family: str) -> list[tuple[str, str, float, float]]:
    """List the transitions of xraylib: (shell of the vacancy, shell it is filled from, energy in keV, rate)."""
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


def _filled_vacancies(number: int, vacancies: Mapping[str, float]) -> dict[str, float]:
    """Return the vacancies of each subshell that end in a photon."""
    moved = dict(vacancies)
    for donor, taker in combinations(sorted(moved), 2):
        constant = getattr(xraylib, f"F{donor}{taker[1]}_TRANS")
        moved[taker] += moved[donor] * _tabulated(xraylib.CosKronTransProb, number, constant)
    return {
        shell: count * _tabulated(xraylib.FluorYield, number, getattr(xraylib, f"{shell}_SHELL"))
        for shell, count in moved.items()
    }


def _group(shell: str, upper: str) -> str:
    """Return the Siegbahn letter: K-L is a, K-M and K-N b; L3-M4,5 is a, L3-M1 l, L2-M1 n, L1,2-N g, other L b."""
    if shell == "K":
        return "a" if upper[0] == "L" else "b"
    if shell[0] == "M":
        return _m_group(shell, upper)
    if (shell, upper) in {("L3", "M4"), ("L3", "M5")}:
        return "a"
    if upper == "M1" and shell != "L1":
        return {"L3": "l", "L2": "n"}[shell]
    return "g" if shell != "L3" and upper[0] in "NO" else "b"


def _m_group(shell: str, upper: str) -> str:
    """Return the Siegbahn letter: M5-N6,7 is a, M4-N6 b, M3-N5 g, M4,5-N2,3 z (zeta), other M m."""
    if upper in {"N6", "N7"} and shell in {"M4", "M5"}:
        return "a" if shell == "M5" else "b"
    if (shell, upper) == ("M3", "N5"):
        return "g"
    return "z" if shell in {"M4", "M5"} and upper in {"N2", "N3"} else "m"


def _tabulated(table: object, *arguments: int) -> float:
    """Return xraylib's number, or 0 where it raises because it has none."""
    try:
        return float(table(*arguments))  # type: ignore[operator]
    except ValueError:
        return 0.0
