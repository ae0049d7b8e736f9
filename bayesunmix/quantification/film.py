"""Check what is said of the film, and turn it into a recipe for compositions."""

import math
import numbers
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, get_args

import numpy as np

from bayesunmix.quantification.cliff_lorimer import Recipe, absorber
from bayesunmix.quantification.line_choice import Choice
from bayesunmix.quantification.oxides import oxygen_atoms
from bayesunmix.spectra.bulk import LEAST_FILM_KEV
from bayesunmix.spectra.detector import Detector
from bayesunmix.spectra.k_factors import USUAL_BEAM_KEV

Oxygen = Literal["measured", "stoichiometry"]
USUAL_TAKEOFF_DEG = 22.0
_G_CM2_PER_KG_M2 = 0.1
_CM_PER_NM = 1e-7


@dataclass(frozen=True)
class FilmSettings:
    """Hold what is said of the film, the beam and the detector.

    Parameters
    ----------
    beam_kev : float or None
        Energy of the electrons; None where it is not known.
    thickness_nm, density : float or None
        Thickness of the film, and its density in g/cm3; both or none.
    takeoff_deg : float or None
        Angle between the film and the direction of the detector.
    oxygen : {"measured", "stoichiometry"}
    valences : mapping or None
    electrons : float or None
        Electrons for each pixel, with zeta-factors.
    detector : Detector or None

    Raises
    ------
    TypeError, ValueError
        If a number is not positive, or one is given without the other that it needs.
    """

    beam_kev: float | None = None
    thickness_nm: float | None = None
    density: float | None = None
    takeoff_deg: float | None = None
    oxygen: Oxygen = "measured"
    valences: Mapping[str, Any] | None = None
    electrons: float | None = None
    detector: Detector | None = None

    def __post_init__(self) -> None:
        for name in ("beam_kev", "thickness_nm", "density", "takeoff_deg", "electrons"):
            require_positive(name, getattr(self, name))
        if self.thickness_nm is not None and self.density is None:
            raise ValueError(
                "thickness_nm needs the density of the film in g/cm3 for its absorption; give density too"
            )
        if self.density is not None and self.thickness_nm is None:
            raise ValueError(
                "density needs the thickness of the film for its absorption; give thickness_nm too"
            )
        if self.thickness_nm is not None and self.electrons is not None:
            raise ValueError(
                "zeta-factors give the mass thickness themselves; leave out thickness_nm and density"
            )
        if self.oxygen not in get_args(Oxygen):
            raise ValueError(f"oxygen must be 'measured' or 'stoichiometry', got {self.oxygen!r}; choose one")
        if self.valences is not None and self.oxygen == "measured":
            raise ValueError(
                "valences change nothing where oxygen is measured; give oxygen='stoichiometry' too"
            )
        if self.takeoff_deg is not None and self.takeoff_deg >= 180:
            raise ValueError(
                f"takeoff_deg must lie between 0 and 180 degrees, got {self.takeoff_deg:g}; 22 is usual"
            )
        if self.detector is not None and not isinstance(self.detector, Detector):
            raise TypeError(
                f"detector must be a bayesunmix.spectra.Detector, got {type(self.detector).__name__}; leave it out "
                "for a usual one"
            )
        if self.beam_kev is not None and self.beam_kev < LEAST_FILM_KEV:
            raise ValueError(why_not_bulk(f"the beam has {self.beam_kev:g} keV"))

    @property
    def used_beam_kev(self) -> float:
        """Return the energy that is reckoned with."""
        return USUAL_BEAM_KEV if self.beam_kev is None else float(self.beam_kev)

    @property
    def used_detector(self) -> Detector:
        """Return the detector that is reckoned with."""
        return self.detector or Detector()

    @property
    def has_absorption(self) -> bool:
        """Return whether absorption is corrected."""
        return self.thickness_nm is not None or (self.electrons is not None and self.takeoff_deg is not None)

    def assumptions(self, computed: bool) -> tuple[str, ...]:
        """Say what the numbers rest on besides the counts."""
        said = []
        if self.beam_kev is None and computed:
            said.append(f"a beam of {USUAL_BEAM_KEV:g} keV (give beam_kev if it was another)")
        if not self.has_absorption:
            said.append(
                "a film so thin that no photon is absorbed in it (give thickness_nm and density to correct)"
            )
        elif self.takeoff_deg is None:
            said.append(
                f"a take-off angle of {USUAL_TAKEOFF_DEG:g} degrees (give takeoff_deg if it was another)"
            )
        if self.oxygen == "stoichiometry":
            said.append("oxygen by stoichiometry: it was not measured")
        return tuple(said)


def why_not_bulk(what: str) -> str:
    """Say why a bulk specimen is not quantified, and what to do."""
    return (
        f"thin-film factors do not hold for a bulk specimen, and {what}: there absorption, backscattering and the loss "
        "of speed decide the intensities; compare with standards by bayesunmix.k_ratios, or write the spectra by "
        "bayesunmix.write_msa for a program that corrects for them (DTSA-II, NeXL, CalcZAF)"
    )


def recipe_for(
    choice: Choice, film: FilmSettings, n_pixels: int | None, mass_thickness: float | None = None
) -> Recipe:
    """Make the recipe for a part of the image.

    Parameters
    ----------
    choice : Choice
    film : FilmSettings
    n_pixels : int or None
        Pixels of the part; None for a component, which has no area of its own.
    mass_thickness : float or None
        In g/cm2, for a component where zeta-factors gave that of the image.
    """
    elements = choice.elements
    by_stoichiometry = film.oxygen == "stoichiometry"
    valences = oxygen_atoms(elements, film.valences) if by_stoichiometry else None
    everything = (*elements, "O") if by_stoichiometry else elements
    absorbs = None
    if film.has_absorption:
        lines = [factor.family for factor in choice.factors]
        angle = film.takeoff_deg or USUAL_TAKEOFF_DEG
        absorbs = absorber(lines, everything, film.used_beam_kev, film.used_detector, angle)
    electrons = None
    k = choice.k
    if film.electrons is not None:
        k = k * _G_CM2_PER_KG_M2
        electrons = None if n_pixels is None else film.electrons * n_pixels
    elif film.thickness_nm is not None:
        mass_thickness = mass_thickness_of(film)
    return Recipe(elements, np.asarray(k), valences, absorbs, mass_thickness, electrons)


def mass_thickness_of(film: FilmSettings) -> float | None:
    """Return the mass thickness in g/cm2; None where it is not given."""
    if film.thickness_nm is None or film.density is None:
        return None
    return film.thickness_nm * _CM_PER_NM * film.density


def require_positive(name: str, value: Any) -> None:
    """Raise `TypeError` or `ValueError` unless a value is None or a positive number."""
    if value is None:
        return
    if isinstance(value, bool) or not isinstance(value, numbers.Real):
        raise TypeError(f"{name} must be a number, got {value!r}")
    if not (math.isfinite(value) and float(value) > 0):
        raise ValueError(f"{name} must be positive and finite, got {value}")
