"""Say how many oxygen atoms belong to an atom of each element, where oxygen is not measured but follows."""

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any

import numpy as np

#: The usual valence in oxides and oxide minerals. Elements with several usual ones have the one of rocks.
VALENCES: Mapping[str, int] = MappingProxyType(
    {
        element: valence
        for valence, elements in (
            (1, ("H", "Li", "Na", "K", "Rb", "Cs", "Ag", "Tl")),
            (2, ("Be", "Mg", "Ca", "Sr", "Ba", "Mn", "Fe", "Co", "Ni", "Cu", "Zn", "Cd", "Pb", "Pd", "Hg")),
            (3, ("B", "Al", "Ga", "In", "Sc", "Y", "La", "Pr", "Nd", "Sm", "Eu", "Gd", "Tb", "Dy", "Ho")),
            (3, ("Er", "Tm", "Yb", "Lu", "Cr", "Bi", "Sb", "As", "Au", "Rh")),
            (4, ("C", "Si", "Ge", "Sn", "Ti", "Zr", "Hf", "Ce", "Th", "U", "Te", "Ru", "Ir", "Pt", "Os")),
            (5, ("P", "V", "Nb", "Ta")),
            (6, ("S", "Mo", "W", "Se")),
            (7, ("Re", "Tc")),
        )
        for element in elements
    }
)


def oxygen_atoms(elements: Sequence[str], valences: Mapping[str, Any] | None) -> np.ndarray:
    """Return the oxygen atoms that belong to an atom of each element.

    Parameters
    ----------
    elements : sequence of str
    valences : mapping from str to number, optional
        Valences that differ from the usual ones, such as ``{"Fe": 3}``.

    Raises
    ------
    ValueError
        If an element has no usual valence and none is given, or a valence is negative.
    """
    known: dict[str, Any] = {**VALENCES, **(valences or {})}
    missing = [element for element in elements if element not in known]
    if missing:
        raise ValueError(
            f"oxygen by stoichiometry needs the valence of {', '.join(missing)}, which has no usual one; give it, for "
            f"example valences={{{missing[0]!r}: 2}}"
        )
    found = np.array([float(known[element]) for element in elements])
    if not (np.isfinite(found) & (found >= 0)).all():
        raise ValueError(f"valences must not be negative, got {dict(valences or {})}; 2 is that of Mg in MgO")
    return found / 2
