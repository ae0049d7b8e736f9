"""Turn intensities that somebody has measured into a composition, by the Cliff-Lorimer method."""

import math
import numbers
from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np

from bayesunmix.quantification.cliff_lorimer import Recipe, absorber, atomic_fractions
from bayesunmix.quantification.factors import LineFactor, computed_factor, given_factors
from bayesunmix.quantification.film import USUAL_TAKEOFF_DEG, FilmSettings, Oxygen, mass_thickness_of
from bayesunmix.quantification.oxides import oxygen_atoms
from bayesunmix.spectra.k_factors import parse_line


class Fractions(NamedTuple):
    """Hold atomic and weight fractions by element, which sum to one."""

    atomic: dict[str, float]
    weight: dict[str, float]


def cliff_lorimer(
    intensities: Mapping[str, float],
    k_factors: Any = None,
    *,
    thickness_nm: float | None = None,
    density: float | None = None,
    takeoff_deg: float | None = None,
    beam_kev: float | None = None,
    oxygen: Oxygen = "measured",
    valences: Mapping[str, float] | None = None,
) -> Fractions:
    """Turn net intensities into a composition, for example those that another program has measured.

    Parameters
    ----------
    intensities : mapping from line to float
        Net counts of one line of each element: ``{"Fe_Ka": 3710, "Pt_La": 15872}``.
    k_factors : mapping, list, or path of a CSV file, optional
        Factors for weight of the same lines, as in `bayesunmix.quantify`; computed where not given.
    thickness_nm, density : float, optional
        Of the film, to correct for absorption; density in g/cm3.
    takeoff_deg, beam_kev : float, optional
        Take-off angle (22 where not given) and energy of the electrons (200 where not given).
    oxygen : {"measured", "stoichiometry"}
    valences : mapping from str to float, optional

    Returns
    -------
    Fractions

    Raises
    ------
    TypeError, ValueError
        If an intensity is negative, all are zero, an element is there twice, or a factor is missing.

    Examples
    --------
    >>> import bayesunmix as bu
    >>> found = bu.cliff_lorimer({"Fe_Ka": 3710.0, "Pt_La": 15872.0}, {"Fe_Ka": 1.450226, "Pt_La": 5.075602})
    >>> round(100 * found.atomic["Fe"], 2)
    18.92
    """
    film = FilmSettings(beam_kev, thickness_nm, density, takeoff_deg, oxygen, valences)
    lines = _checked(intensities)
    given = given_factors(k_factors, list(lines))
    factors = [_factor(line, given, film) for line in lines]
    elements = tuple(factor.element for factor in factors)
    by_stoichiometry = film.oxygen == "stoichiometry"
    if by_stoichiometry and "O" in elements:
        raise ValueError(
            "oxygen follows by stoichiometry here, and is among the intensities too; leave one out"
        )
    recipe = Recipe(
        elements,
        np.array([factor.k for factor in factors]),
        oxygen_atoms(elements, valences) if by_stoichiometry else None,
        mass_thickness=mass_thickness_of(film),
    )
    if film.has_absorption:
        angle = film.takeoff_deg or USUAL_TAKEOFF_DEG
        table = absorber(list(lines), recipe.all_elements, film.used_beam_kev, film.used_detector, angle)
        recipe = recipe._replace(absorber=table)
    weights = recipe.weights(np.array(list(lines.values())))
    atoms = atomic_fractions(weights, recipe.all_elements)
    return Fractions(
        *(dict(zip(recipe.all_elements, values.tolist(), strict=True)) for values in (atoms, weights))
    )


def _checked(intensities: Mapping[str, float]) -> dict[str, float]:
    if not isinstance(intensities, Mapping) or not intensities:
        raise TypeError(f"intensities must be a mapping such as {{'Fe_Ka': 3710.0}}, got {intensities!r}")
    seen: set[str] = set()
    for line, value in intensities.items():
        element = parse_line(line)[0]
        if element in seen:
            raise ValueError(
                f"intensities must hold one line of each element, got two of {element}; leave one out"
            )
        seen.add(element)
        if isinstance(value, bool) or not isinstance(value, numbers.Real):
            raise TypeError(f"the intensity of {line} must be a number, got {value!r}")
        if not (math.isfinite(value) and float(value) >= 0):
            raise ValueError(
                f"the intensity of {line} must not be negative, got {value}; a line that is lost in the continuum has 0"
            )
    if not sum(intensities.values()) > 0:
        raise ValueError(
            "one of the intensities must be above 0, and all are 0; leave out nothing that was counted"
        )
    return {line: float(value) for line, value in intensities.items()}


def _factor(line: str, given: Mapping[str, LineFactor] | None, film: FilmSettings) -> LineFactor:
    if given is None:
        return computed_factor(line, film.used_beam_kev, None)
    if line not in given:
        raise ValueError(
            f"k_factors must hold the factor of every line, got none for {line}; add it to {', '.join(given)}"
        )
    return given[line]
