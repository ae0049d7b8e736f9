"""List the pixels whose label is improbable: so many that hardly any of the list is right.

The probability of a label is that of the phase map of an unmixing (`bayesunmix.phase_map`), the highest under any other
solution that fits as well. Pixels are listed while its mean over the list stays below the false discovery rate [1]_, so
that at most so many of them are expected to be right. Where no phase is probable enough, a pixel cannot be judged. A
component that no phase claims may be a part of any of them, unless its spectrum is known.

References
----------
.. [1] M. A. Newton et al., "Detecting differential gene expression with a semiparametric hierarchical mixture method",
   Biostatistics 5 (2004) 155-176.
"""

from dataclasses import dataclass

import numpy as np

from bayesunmix.analysis.phase_maps import phase_map
from bayesunmix.data.result import Unmixing
from bayesunmix.validation.case import Case

FALSE_DISCOVERIES = 0.05
AT_LEAST = 0.9
NONE = -1


@dataclass(frozen=True, eq=False)
class SuspectPixels:
    """Hold the pixels whose label is improbable.

    Parameters
    ----------
    listed : (H, W) bool array
        Pixels whose label is wrong, but for about one in twenty.
    looks_like : (H, W) int array
        The claimed phase that a listed pixel most probably is; -1 elsewhere, and where it is one that nobody claims.
    undecidable : (H, W) bool array
        Labelled pixels in which no phase is probable enough.
    p_label : (H, W) float array
        Probability of each label; NaN where there is none, or its phase has no component of its own.
    order : (n,) int array
        The listed pixels, the most improbable label first, by their number along the rows.
    """

    listed: np.ndarray
    looks_like: np.ndarray
    undecidable: np.ndarray
    p_label: np.ndarray
    order: np.ndarray


def suspect_pixels(case: Case, result: Unmixing, members: tuple[tuple[int, ...], ...]) -> SuspectPixels:
    """List the pixels whose label is improbable.

    Parameters
    ----------
    case : Case
    result : Unmixing
        Of `case.image`, with a posterior.
    members : tuple of K tuples of int
        Components of the result that each phase is; none for a phase without one (`Confusion.members`).

    Raises
    ------
    TypeError, ValueError
        If the result is not of this image, or has no posterior.
    """
    found = phase_map(result, case.image, at_least=AT_LEAST)
    assert found.bounds is not None
    shape = case.labels.shape
    p_label, own = np.full(shape, np.nan), np.full((*shape, len(members)), 0.0)
    claimed = {component for components in members for component in components}
    sure = np.array(result.known) | np.array(result.unique)
    open_ones = [k for k in range(found.probability.shape[-1]) if k not in claimed and not sure[k]]
    for phase, components in enumerate(members):
        if components:
            highest = found.bounds.highest[..., [*components, *open_ones]].sum(axis=-1)
            of_phase = case.labels == phase
            p_label[of_phase] = np.minimum(highest, 1.0)[of_phase]
            own[..., phase] = found.probability[..., list(components)].sum(axis=-1)
    ranked = np.argsort(np.where(np.isnan(p_label), np.inf, p_label), axis=None, kind="stable")
    ranked = ranked[: int((~np.isnan(p_label)).sum())]
    mean = np.cumsum(p_label.ravel()[ranked]) / np.arange(1, ranked.size + 1)
    order = ranked[: int((mean <= FALSE_DISCOVERIES).sum())]
    listed = np.zeros(shape, bool)
    listed.ravel()[order] = True
    unclaimed = [k for k in range(found.probability.shape[-1]) if k not in claimed]
    of_none = found.probability[..., unclaimed].max(axis=-1, initial=0.0)
    looks_like = np.where(listed & (own.max(axis=-1) >= of_none), own.argmax(axis=-1), NONE)
    undecidable = (case.labels >= 0) & (found.probability.max(axis=-1) < AT_LEAST) & ~listed
    return SuspectPixels(listed, looks_like, undecidable, p_label, order)
