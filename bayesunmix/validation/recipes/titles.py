"""Read which element, and which of its lines, the title of an element map names."""

import re
from contextlib import suppress

import numpy as np

from bayesunmix.spectra.families import strong_lines
from bayesunmix.spectra.lines import atomic_number

_TITLE = re.compile(
    r"^\W*(?:\d+[\s_.:-]+)?([A-Z][a-z]?)(?:[\s_-]*([KLM])(?:[\s_-]*(?:alpha|beta|gamma|series|[abgln\u03b1\u03b2\u03b3]))?)?(?![A-Za-z])"
)


def element_of(title: str) -> str | None:
    """Return the element that a title begins with ("Fe K", "Fe_Ka1", "Fe"), or None."""
    return _parsed(title)[0]


def family_of(title: str) -> str | None:
    """Return the family of lines that a title names, or None."""
    return _parsed(title)[1]


def strongest_kev(title: str, low_kev: float, high_kev: float) -> list[float]:
    """Return the strongest line in a range of each family that a title may mean."""
    element, family = _parsed(title)
    found: list[float] = []
    for shell in (family,) if family else ("K", "L", "M") if element else ():
        with suppress(ValueError):  # it has no such lines
            energy, photons = strong_lines(str(element), str(shell))
            inside = (energy > low_kev) & (energy < high_kev)
            if inside.any():
                found.append(float(energy[inside][np.argmax(photons[inside])]))
    return found


def _parsed(title: str) -> tuple[str | None, str | None]:
    match = _TITLE.match(title)
    if match is None:
        return None, None
    try:
        atomic_number(match[1])
    except (ValueError, TypeError):
        return None, None
    return match[1], match[2]
