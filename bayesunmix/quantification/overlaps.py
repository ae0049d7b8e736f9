"""Say which elements rest on a line that another element's lines cover, and that no second line confirms."""

from collections.abc import Mapping, Sequence

import numpy as np

from bayesunmix.spectra.detector import Detector
from bayesunmix.spectra.families import family_lines, strong_lines
from bayesunmix.spectra.k_factors import mean_kev

#: Families that are taken for each other where only one of the two elements was looked for.
PAIRS: tuple[frozenset[str], ...] = tuple(
    frozenset(pair.split())
    for pair in (
        "S_K Mo_L",
        "S_K Pb_M",
        "Mo_L Pb_M",
        "S_K Bi_M",
        "S_K Hg_M",
        "Ti_K Ba_L",
        "V_K Ba_L",
        "As_K Pb_L",
        "Ta_M W_M",
        "P_K Zr_L",
        "P_K Pt_M",
        "Zr_L Pt_M",
        "P_K Y_L",
        "Nb_L Au_M",
        "Nb_L Hg_M",
    )
)
_MEETS = 1.0  # of the peak width, between a main line and another family's line
_LEAST_SHARE = 0.05  # of a family's photons: a weaker line covers nothing
_LEAST_COVER = 0.1  # of the counts: a line that adds less does not matter
CONFIRMS_KEV = 1.0  # softer lines are too uncertain to confirm


def overlapping(
    family: str, others: Sequence[str], net: Mapping[str, float], detector: Detector
) -> list[str]:
    """Return the other families whose lines cover the main line of a family with a tenth of its counts or more.

    Parameters
    ----------
    family : str
    others : sequence of str
        Families that are in the spectrum.
    net : mapping from str to float
        Net counts of each.
    detector : Detector
        Its resolution decides.
    """
    energies, photons = strong_lines(*family.split("_"))
    main = energies[photons.argmax()]
    reach = _MEETS * float(detector.fwhm_kev(main))
    own = max(net.get(family, 0.0), 1.0) * photons[np.abs(energies - main) < reach].sum()
    found = []
    for other in others:
        if other.partition("_")[0] == family.partition("_")[0]:
            continue
        line_kev, weight = strong_lines(*other.split("_"))
        near = np.abs(line_kev - main) < reach
        share = float(weight[near].sum())
        if share > _LEAST_SHARE and net.get(other, 0.0) * share > _LEAST_COVER * own:
            found.append(other)
    return found


def rivals(family: str, others: Sequence[str], highest_kev: float) -> list[str]:
    """Return the families of elements that are not in the spectrum and are known to be taken for this one.

    An element whose harder lines would lie on the axis, up to `highest_kev`, would have been found by them.
    """
    present = {other.partition("_")[0] for other in others}
    pairs = (pair - {family} for pair in PAIRS if family in pair)
    candidates = sorted(name for pair in pairs for name in pair if name.partition("_")[0] not in present)
    return [name for name in candidates if not name.endswith("_K") and not _harder(name, highest_kev)]


def _harder(family: str, highest_kev: float) -> bool:
    """Return whether the element has harder lines on the axis."""
    element, _, shell = family.partition("_")
    return any(
        max(CONFIRMS_KEV, mean_kev(family)) < float(np.average(energies, weights=photons)) < highest_kev
        for name, (energies, photons) in family_lines(element).items()
        if name != shell
    )


def confirming(family: str, detected: Sequence[str], covered: Sequence[str]) -> list[str]:
    """Return the other families of the element that are detected above 1 keV, and that nothing covers."""
    element = family.partition("_")[0]
    return [
        name
        for name in detected
        if name != family
        and name.partition("_")[0] == element
        and name not in covered
        and mean_kev(name) >= CONFIRMS_KEV
    ]
