"""Ask whether a claimed phase, or a part of it, is only a mixture of two others at their edges.

A pixel across an edge has the elements of both sides, and a program may take that for a third phase. Such a rim has no
inside: nearly all of its pixels lie close to both partners, and its counts are explained by the spectra of these two.
Both must be so. A real thin layer between them whose spectrum happens to be a mixture of theirs cannot be told from a
rim.
"""

from dataclasses import dataclass
from itertools import combinations

import numpy as np
from scipy import ndimage

from bayesunmix.analysis.regions import Region, region
from bayesunmix.data.result import Unmixing
from bayesunmix.validation.case import Case
from bayesunmix.validation.finding import Evidence
from bayesunmix.validation.phases.mixing_fit import MixingFit, fit_mixture
from bayesunmix.validation.phases.phase_pixels import counts_per_pixel, typical_pixels
from bayesunmix.validation.words import say_interval, say_number, say_phase

CLOSE = 0.8  # of the pixels of a piece that lie close to both partners
OWN_SHARE = 0.1  # of the counts: a mixture holds less that is its own
BEYOND = 3  # pixels beyond the radius that a rim may reach: half of its width, on either side
FEWEST_PIXELS = 10
FEWEST_COUNTS = 100


@dataclass(frozen=True, eq=False)
class Rim:
    """Hold a part of a phase that lies between two others.

    Parameters
    ----------
    phase : int
    partners : (int, int)
    pixels : (n,) int array
        Flat indices.
    of_phase : float
        Fraction of the pixels of the phase.
    fit : MixingFit
        By the spectra of the partners.
    content : Region or None
        What the result says that it holds, where there is one.
    """

    phase: int
    partners: tuple[int, int]
    pixels: np.ndarray
    of_phase: float
    fit: MixingFit
    content: Region | None


@dataclass(frozen=True, eq=False)
class Mixtures:
    """Hold the rims of all phases.

    Parameters
    ----------
    rims : tuple of Rim
    evidence : tuple of Evidence
        About those that are more of their phase than the tolerance.
    """

    rims: tuple[Rim, ...]
    evidence: tuple[Evidence, ...]


def mixtures(case: Case, result: Unmixing | None = None) -> Mixtures:
    """Test whether phases are mixtures of others.

    Parameters
    ----------
    case : Case
    result : Unmixing, optional
        With a posterior: what it finds in each rim is reported, too.
    """
    reach = case.radius + BEYOND
    near = {k: _near(case.labels == k, reach) for k in range(len(case.names))}
    rims = []
    for k in range(len(case.names)):
        own = case.labels == k
        pieces, n_pieces = ndimage.label(own, np.ones((3, 3)))
        sizes = np.bincount(pieces.ravel(), minlength=n_pieces + 1)
        taken = np.zeros(n_pieces + 1, bool)
        others = [j for j in near if j != k and near[j].any()]
        close = {
            (i, j): np.bincount(pieces.ravel(), (near[i] & near[j]).ravel(), n_pieces + 1)
            for i, j in combinations(others, 2)
        }
        for i, j in sorted(close, key=lambda pair: -close[pair][1:].sum()):
            mine = (close[i, j] > CLOSE * sizes) & ~taken
            mine[0] = False
            taken |= mine
            if rim := _rim(case, k, (i, j), mine[pieces], result):
                rims.append(rim)
    told = [rim for rim in rims if rim.of_phase > case.tolerance.content]
    return Mixtures(tuple(rims), tuple(_evidence(case, rim) for rim in told))


def _near(label: np.ndarray, reach: int) -> np.ndarray:
    """Return True for pixels within `reach` steps of a label, also diagonal ones."""
    if not label.any():
        return label
    return np.asarray(ndimage.distance_transform_cdt(~label, "chessboard") <= reach)


def _rim(
    case: Case, k: int, partners: tuple[int, int], mask: np.ndarray, result: Unmixing | None
) -> Rim | None:
    counts = case.spectrum_of(mask)
    others = [case.spectrum_of(typical_pixels(case, j)) for j in partners]
    if (
        np.count_nonzero(mask) < FEWEST_PIXELS
        or min(counts.sum(), *(other.sum() for other in others)) < FEWEST_COUNTS
    ):
        return None
    of_phase = np.count_nonzero(mask) / np.count_nonzero(case.labels == k)
    content = (
        region(result, case.image, mask) if result is not None and result.posterior is not None else None
    )
    return Rim(k, partners, np.flatnonzero(mask.ravel()), of_phase, fit_mixture(counts, others), content)


def _evidence(case: Case, rim: Rim) -> Evidence:
    name = case.names[rim.phase]
    first, second = (case.names[k] for k in rim.partners)
    whole = rim.of_phase > CLOSE
    subject = say_phase(name) if whole else f"{say_phase(name)} between {first} and {second}"
    what = subject if whole else f"{say_number(rim.of_phase)} of {say_phase(name)}"
    own = rim.fit.moved
    percent = f"{say_interval(own)} of its counts"
    says = f"{what} ({rim.pixels.size} pixels) lies between {first} and {second}, and "
    if own.upper < OWN_SHARE:
        mixed = f"{100 * rim.fit.shares[0]:.0f} % {first} and {100 * rim.fit.shares[1]:.0f} % {second}"
        says += f"{mixed} explain all but {percent}: a rim, not a phase"
    else:
        says += f"a mixture of the two leaves {percent} unexplained"
    needed = None
    if own.lower <= OWN_SHARE <= own.upper:
        needed = counts_per_pixel(case) * (own.upper**2 - own.lower**2) / OWN_SHARE**2
    return Evidence(
        subject,
        "Is it a phase of its own?",
        "mixture",
        says,
        own,
        OWN_SHARE,
        wrong_side="below",
        p_against=rim.fit.p_as_small(OWN_SHARE),
        p_for=rim.fit.p_explained,
        counts_needed=needed,
    )
