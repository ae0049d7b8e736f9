"""List what a phase could hold besides itself: every other claimed phase, and every line family of the image."""

from typing import NamedTuple

import numpy as np

from bayesunmix.spectra.element_search import find_elements
from bayesunmix.spectra.families import family_spectra
from bayesunmix.validation.case import Case
from bayesunmix.validation.phases.phase_pixels import typical_pixels
from bayesunmix.validation.words import say_phase

LOWEST_KEV = 0.1  # below lies the strobe
UNNAMED = "something that no phase and no line names"
_FEWEST_COUNTS = 50  # that a phase must have to be looked for in others
_MOST_FAMILIES = 24


class Direction(NamedTuple):
    """Hold one thing that may be mixed into a phase.

    Attributes
    ----------
    name : str
        "phase Cr", or "Cr_K", or `UNNAMED`.
    phase : int or None
        Number of the phase; None for a line family.
    spectrum : (G,) array
        Sums to one.
    """

    name: str
    phase: int | None
    spectrum: np.ndarray

    @property
    def said(self) -> str:
        """Return what it is, in words: "Cr_K lines"."""
        return self.name if self.phase is not None or self.name == UNNAMED else f"{self.name} lines"


def find_directions(case: Case, group: np.ndarray) -> tuple[Direction, ...]:
    """Return phases and line families as spectra of channel groups.

    Parameters
    ----------
    case : Case
    group : (C,) int array
        Group of each channel.
    """
    n_groups = int(group.max()) + 1
    found = []
    for k, name in enumerate(case.names):
        counts = case.spectrum_of(typical_pixels(case, k))
        if counts.sum() >= _FEWEST_COUNTS:
            found.append(Direction(say_phase(name), k, _grouped(counts, group, n_groups)))
    for name, spectrum in line_families(case).items():
        found.append(Direction(name, None, _grouped(spectrum, group, n_groups)))
    return tuple(found)


def line_families(case: Case, counts: np.ndarray | None = None) -> dict[str, np.ndarray]:
    """Return the spectra (C,) of the line families that the image, or other counts, show, and those of the claim."""
    image = case.image
    if image.spectral_axis.signal == "any":
        return {}
    energy_kev = image.energy_kev
    counts = image.sum_spectrum() if counts is None else counts
    usable = energy_kev >= LOWEST_KEV
    if np.count_nonzero(usable) < 3 or not counts[usable].any():
        return {}
    elements = dict.fromkeys(find_elements(energy_kev[usable], counts[usable]).reasons)
    elements |= dict.fromkeys(element for listed in case.claim.elements.values() for element in listed)
    families = family_spectra(elements, energy_kev[usable])
    found = {}
    for name, spectrum in list(families.items())[:_MOST_FAMILIES]:
        found[name] = np.zeros(energy_kev.size)
        found[name][usable] = spectrum
    return found


def _grouped(counts: np.ndarray, group: np.ndarray, n_groups: int) -> np.ndarray:
    pooled = np.bincount(group, counts, n_groups)
    return np.asarray(pooled / pooled.sum())
