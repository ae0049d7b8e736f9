"""Find the peaks of a spectrum, and name the element of each where only one fits.

A peak is a local maximum that exceeds its surroundings by six times the noise. The names come from the search that
takes all lines of a spectrum, and a possible error of its energy axis, together (`bayesunmix.spectra.axis_search`). An
element's name stands at its hardest strong line, be it a K, L or M line. All other peaks are given by their energy: a
wrong name is worse than none.
"""

from typing import NamedTuple

import numpy as np

from bayesunmix.spectra.axis_search import Explanation, explain
from bayesunmix.spectra.families import family_lines
from bayesunmix.spectra.maxima import Maximum, clear_maxima

_NEAR_KEV = 0.045  # a maximum so close to a line is that line's, or its and a neighbour's
_STRONG = 0.2  # of the element's highest peak: the hardest peak that reaches it has the name
_WEAK = 0.02  # fraction of a family's photons: fainter lines explain no peak


class Peak(NamedTuple):
    """Hold a peak: its energy, its height above zero, and the element's symbol, or "" if none is certain."""

    energy_kev: float
    height: float
    element: str


def find_peaks(energy_kev: np.ndarray, counts: np.ndarray, most: int = 12) -> list[Peak]:
    """Find and name the peaks of a spectrum.

    Parameters
    ----------
    energy_kev : (C,) array
    counts : (C,) array
        Counts, or expected counts. Their size decides what exceeds the noise.
    most : int
        Largest number of peaks to return, the most significant ones.

    Returns
    -------
    peaks : list of Peak
        In order of energy, each where it stands on the given axis, even if that is off. Of an element's lines only one
        has the name; further lines that a named element explains are left out.
    """
    found = clear_maxima(energy_kev, np.asarray(counts, dtype=np.float64))
    if not found:
        return []
    explanation = explain(energy_kev, np.asarray(counts))
    owners = _owners(found, explanation)
    explained = _line_positions(explanation)
    kept = [
        Peak(*peak, owners.get(peak, ""))
        for peak in found
        if peak in owners or not (np.abs(explained - peak.energy_kev) <= _NEAR_KEV).any()
    ]
    return sorted(kept[:most])


def _owners(found: list[Maximum], explanation: Explanation) -> dict[Maximum, str]:
    """Return the peak that has the name of each element: the hardest of its strong ones."""
    owners: dict[Maximum, str] = {}
    for symbol, standing in explanation.elements.items():
        nearest = [min(found, key=lambda peak: abs(peak.energy_kev - kev)) for kev in standing.nominal_kev]
        own = [
            peak
            for peak, kev in zip(nearest, standing.nominal_kev, strict=True)
            if abs(peak.energy_kev - kev) <= _NEAR_KEV and peak not in owners
        ]
        highest = max((peak.height for peak in own), default=0.0)
        for peak in own:
            if peak.height >= _STRONG * highest:
                owners[peak] = symbol
                break
    return owners


def _line_positions(explanation: Explanation) -> np.ndarray:
    """Return where lines of the named elements stand on the nominal axis."""
    positions = [
        energies[photons >= _WEAK]
        for symbol in explanation.elements
        for energies, photons in family_lines(symbol).values()
    ]
    return (np.concatenate([np.zeros(0), *positions]) - explanation.offset_kev) / explanation.gain
