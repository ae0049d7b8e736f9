"""Judge how sure each element of an explanation is: what it explains, and what else could."""

from typing import NamedTuple

import numpy as np

from bayesunmix.spectra.coarse_spectrum import CoarseSpectrum
from bayesunmix.spectra.pursuit import gains, pattern_norms, refit

LEAST_GAIN = 25.0  # fall of chi-square: five times the noise
# Another element must explain less than this fraction of what this one does, and one that is rarer in specimens less
# than the second.
_CLEARLY, _CLEARLY_RARER = 0.8, 0.98
_AT_MAXIMUM_KEV, _AT_MAXIMUM_SD = 0.035, 0.8  # and standard deviations of a peak, whichever is more
_IN_PLACE_KEV = 0.1  # a rival has a main line so close to one of the element's
_OWN = 0.5  # of the counts of all elements at a line


class Standing(NamedTuple):
    """Hold how sure an element is.

    Attributes
    ----------
    nominal_kev : tuple of float
        Where its families' strongest peaks stand on the nominal axis, the hardest first: of those that are at a maximum
        of the spectrum, and that most counts there belong to.
    gain : float
        By how much chi-square rises without it.
    rival : str
        The element that could best take its place; empty if there is none.
    rival_gain : float
    is_clear : bool
        Whether the rival explains clearly less, its being rarer in specimens counted in.
    """

    nominal_kev: tuple[float, ...]
    gain: float
    rival: str
    rival_gain: float
    is_clear: bool


def standings(
    task: CoarseSpectrum,
    axis: np.ndarray,
    chosen: np.ndarray,
    amounts: np.ndarray,
    peaks_kev: np.ndarray,
    costs: np.ndarray,
    misfit: float,
) -> dict[str, Standing]:
    """Judge the elements that explain much, and most of a maximum of the spectrum; in the order of their lines.

    Parameters
    ----------
    task : CoarseSpectrum
    axis : (2,) array
        Offset and gain.
    chosen : (M,) int array
    amounts : (M, 2) array
        How much of the two patterns of each.
    peaks_kev : (n,) array
        Maxima of the spectrum, on the nominal axis.
    costs : (E,) array
        What each element costs: more if it is rarer.
    misfit : float
        Chi-square of the explanation per bin. Where it leaves much, an element must explain more.
    """
    if not chosen.size:
        return {}
    names, main_kev = task.patterns.elements, task.patterns.main_kev
    gained = _gains_without(task, axis, chosen)
    counts = (amounts[:, None] @ task.patterns.spectra[chosen])[:, 0]
    bins = np.minimum(np.searchsorted(task.patterns.edges_kev, main_kev[chosen]) - 1, counts.shape[1] - 1)
    widths = np.diff(task.patterns.edges_kev)
    judged = {}
    for m, e in enumerate(chosen):
        nominal = (main_kev[e] - axis[0]) / axis[1]
        near = np.maximum(_AT_MAXIMUM_KEV, _AT_MAXIMUM_SD * widths[bins[m]])
        at_maximum = np.abs(peaks_kev - nominal[:, None]).min(axis=1) <= near
        is_own = at_maximum & (counts[m, bins[m]] >= _OWN * counts[:, bins[m]].sum(axis=0))
        if not is_own.any() or gained[m, e] < LEAST_GAIN * max(misfit, 1.0):
            continue
        distance = np.abs(main_kev[:, :, None] - main_kev[e, at_maximum])
        in_place = (distance <= _IN_PLACE_KEV).any(axis=(1, 2))
        in_place[chosen] = False
        needed = np.where(costs > costs[e], _CLEARLY_RARER, _CLEARLY)
        worth = np.where(in_place, (gained[m] - costs + costs[e]) / needed, 0)
        rival = int(worth.argmax())
        judged[names[e]] = Standing(
            tuple(map(float, nominal[is_own])),
            float(gained[m, e]),
            names[rival] if worth[rival] > 0 else "",
            float(gained[m, rival]) if worth[rival] > 0 else 0.0,
            bool(worth[rival] <= gained[m, e]),
        )
    return dict(sorted(judged.items(), key=lambda item: item[1].nominal_kev[0]))


def _gains_without(task: CoarseSpectrum, axis: np.ndarray, chosen: np.ndarray) -> np.ndarray:
    """Return by how much chi-square falls with each element if one of the chosen is left out, (M, E)."""
    counts, weights = task.on_axes(*axis[:, None])
    patterns = task.patterns.spectra
    n = len(chosen)
    others = np.array([np.delete(chosen, m) for m in range(n)], dtype=int)
    shape = (n, counts.shape[1])
    every = np.broadcast_to(counts, shape), np.broadcast_to(weights, shape)
    _, fitted = refit(*every, patterns[others].reshape(n, -1, shape[1]), task.patterns.continuum)
    return gains((counts - fitted) * weights, patterns, pattern_norms(every[1], patterns))
