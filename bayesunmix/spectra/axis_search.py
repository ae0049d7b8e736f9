r"""Search the energy axis and the elements of a spectrum together: which elements explain it, on which axis.

A channel nominally at E may really lie at :math:`o + g E`. With an axis that is off by 50 eV a peak stands where
another element has its line, so elements cannot be named before the axis is known, nor the axis before the elements.
Offsets o within 100 eV and gains g within 1 % are therefore tried together. On each axis the spectrum is explained by
few elements with all their lines (`bayesunmix.spectra.pursuit`). What is smallest counts,

.. math:: S(o, g) = \chi^2 + \sum_{elements} cost + prior(o, g):

an element that is rare in specimens costs more, and so does an axis that is far off. What is left of the peaks by a
model that is right to 7 % does not count, nor what escape, pile-up and tails of strong peaks may add. The best axes are
refined by a few linear steps. An element is certain if every explanation that is about as good has it, if no other
element could take its place, and if it makes most of a maximum of the spectrum. All others stay without a name: a wrong
name is worse than none. With peaks in one place only, the gain cannot be told from the offset and is taken to be right,
and of a single peak the nominal axis tells the element.
"""

from functools import lru_cache
from typing import NamedTuple

import numpy as np

from bayesunmix.spectra.coarse_spectrum import CoarseSpectrum, coarse_spectrum
from bayesunmix.spectra.element_patterns import HIGHEST_KEV, LOWEST_KEV
from bayesunmix.spectra.maxima import after_flank, clear_maxima, own_maxima
from bayesunmix.spectra.pursuit import Pursued, pursue, refit
from bayesunmix.spectra.standing import Standing, standings

MOST_OFFSET_KEV, MOST_GAIN = 0.1, 0.01  # how far the axis may be off
_OFFSETS = np.linspace(-MOST_OFFSET_KEV, MOST_OFFSET_KEV, 21)
_GAINS = 1 + np.linspace(-MOST_GAIN, MOST_GAIN, 11)
_FIRST, _MOST = 8, 24  # elements on each axis of the grid, and on those that are refined
_REFINED, _FOR_WIDTH = 24, 4  # axes that are refined, and that are tried with other widths of the peaks
_STEPS = 4
_LARGEST_STEP = np.array([[-0.02, -0.004], [0.02, 0.004]])
_OFFSET_SD_KEV, _GAIN_SD = 0.08, 0.008  # a weak pull towards the nominal axis
#: What specimens usually hold; a judgement that decides only between explanations that are about as good.
# fmt: off
COMMON = frozenset({
    "C", "N", "O", "F", "Na", "Mg", "Al", "Si", "P", "S", "Cl", "K", "Ca", "Ti", "V", "Cr", "Mn",
    "Fe", "Co", "Ni", "Cu", "Zn", "Ga", "As", "Zr", "Nb", "Mo", "Ag", "Sn", "Ba", "W", "Pt", "Au", "Pb",
})
# fmt: on
_COSTS = {True: 25.0, False: 50.0}  # of an element that is common, or not
_MARGIN = 15.0  # two explanations are about as good if their scores differ by less
_NOMINAL_KEV = 0.02  # so far off is nominal
_ONE_PEAK_KEV = 0.025  # farther off, a single peak tells no element
_FAR_COST = 30.0  # of an axis that is off by much more
_TYPICAL_KEV = 5.0  # energy at which an error of the gain is compared with an offset
_FAR_APART_KEV = 2.0  # of peaks that tell the gain
_FEWEST_CHANNELS = 8
_MOST_LEFT = 0.2  # of the counts of clear peaks, if their elements are to be believed
_NO_AXIS = (
    "No energy axis within 100 eV and 1 % of the given one explains the peaks: {left:.0f} % of their counts are left. "
    "No element is named: correct the axis, or name all elements of the specimen."
)


class Explanation(NamedTuple):
    """Hold what explains a spectrum.

    Attributes
    ----------
    offset_kev, gain : float
        A channel nominally at E lies at offset + gain x E; 0 and 1 where the nominal axis is as good as any.
    elements : dict of str to Standing
        What is certain, in the order of energy.
    ambiguous : dict of str to Standing
        Elements that are certain but for a rival with nearly the same lines.
    doubt : str
        A sentence where names had to be withheld because axes with different elements are about as good.
    """

    offset_kev: float
    gain: float
    elements: dict[str, Standing]
    ambiguous: dict[str, Standing]
    doubt: str


_NOTHING = Explanation(0.0, 1.0, {}, {}, "")


def explain(energy_kev: np.ndarray, counts: np.ndarray, likely: tuple[str, ...] = ()) -> Explanation:
    """Find the axis and the elements that explain a spectrum.

    Parameters
    ----------
    energy_kev : (C,) array
        Channel centres.
    counts : (C,) array
        Counts, or expected counts. Their size decides what exceeds the noise.
    likely : tuple of str
        Elements that are known to be there, and cost nothing.
    """
    inside = (energy_kev >= LOWEST_KEV) & (energy_kev <= HIGHEST_KEV)
    energy, spectrum = energy_kev[inside].astype(np.float64), counts[inside].astype(np.float64)
    if energy.size < _FEWEST_CHANNELS:
        return _NOTHING
    first = after_flank(energy, spectrum)
    return _explain(energy[first:].tobytes(), spectrum[first:].tobytes(), likely)


@lru_cache(maxsize=64)
def _explain(energy: bytes, spectrum: bytes, likely: tuple[str, ...]) -> Explanation:
    energy_kev, counts = np.frombuffer(energy), np.frombuffer(spectrum)
    clear_kev = np.array([peak.energy_kev for peak in clear_maxima(energy_kev, counts)])
    if energy_kev.size < _FEWEST_CHANNELS or not clear_kev.size:
        return _NOTHING
    task = coarse_spectrum(energy_kev, counts, clear_kev)
    costs = np.array([0.0 if e in likely else _COSTS[e in COMMON] for e in task.patterns.elements])
    axes = _grid(clear_kev)
    found = _pursued(task, axes, costs, _FIRST)
    best = _distinct(found.chosen, _scores(axes, found, costs))
    axes, chosen = axes[best], found.chosen[best]
    task = min(task.of_near_widths(), key=lambda of_width: _lowest(of_width, axes[:_FOR_WIDTH], costs))
    for _ in range(_STEPS):
        axes = _refined(task, axes, chosen)
    return _decide(task, axes, costs, energy_kev[own_maxima(energy_kev, counts)], clear_kev)


def _grid(peaks_kev: np.ndarray) -> np.ndarray:
    """Return the offsets and gains to try, (N, 2); gains only where peaks lie far apart."""
    gains_tried = _GAINS if np.ptp(peaks_kev) > _FAR_APART_KEV else np.ones(1)
    return np.stack(np.meshgrid(_OFFSETS, gains_tried, indexing="ij"), axis=-1).reshape(-1, 2)


def _pursued(
    task: CoarseSpectrum, axes: np.ndarray, costs: np.ndarray, most: int, barred: np.ndarray | None = None
) -> Pursued:
    counts, weights = task.on_axes(*axes.T)
    return pursue(counts, weights, task.patterns.spectra, task.patterns.continuum, costs, most, barred)


def _scores(axes: np.ndarray, found: Pursued, costs: np.ndarray) -> np.ndarray:
    """Return what is smallest for the best explanation, (N,)."""
    paid = np.where(found.chosen >= 0, costs[found.chosen], 0).sum(axis=1)
    return np.asarray(found.chi_square + paid + _prior(axes))


def _lowest(task: CoarseSpectrum, axes: np.ndarray, costs: np.ndarray) -> float:
    return float(_scores(axes, _pursued(task, axes, costs, _FIRST), costs).min())


def _prior(axes: np.ndarray) -> np.ndarray:
    off2 = (_distance(axes, np.array([0.0, 1.0])) / _NOMINAL_KEV) ** 2
    return np.asarray(_FAR_COST * off2 / (1 + off2) + off2 / 5)


def _distinct(chosen: np.ndarray, scores: np.ndarray) -> np.ndarray:
    """Return the best axes, at most two with the same elements."""
    seen: dict[tuple[int, ...], int] = {}
    best = []
    for i in np.argsort(scores, kind="stable"):
        elements = tuple(sorted(chosen[i]))
        seen[elements] = seen.get(elements, 0) + 1
        if seen[elements] <= 2:
            best.append(i)
    return np.array(best[:_REFINED])


def _refined(task: CoarseSpectrum, axes: np.ndarray, chosen: np.ndarray) -> np.ndarray:
    """Move each axis by one linear step towards where its elements' lines fit best."""
    counts, weights = task.on_axes(*axes.T)
    patterns = np.where((chosen >= 0)[..., None, None], task.patterns.spectra[chosen], 0.0)
    peaks, fitted = refit(
        counts, weights, patterns.reshape(len(axes), -1, counts.shape[1]), task.patterns.continuum
    )
    edges = task.patterns.edges_kev
    centres, widths = (edges[1:] + edges[:-1]) / 2, np.diff(edges)
    slope = np.gradient(peaks / widths, centres, axis=1) * widths
    nominal = (centres - axes[:, :1]) / axes[:, 1:]
    turned = np.stack([slope, slope * nominal], axis=1)
    weighted = turned * weights[:, None]
    matrix = weighted @ turned.transpose(0, 2, 1) + np.diag([_OFFSET_SD_KEV**-2, _GAIN_SD**-2])
    pull = (axes - [0, 1]) / [_OFFSET_SD_KEV**2, _GAIN_SD**2]
    right = (weighted @ (counts - fitted)[..., None])[..., 0] - pull
    if np.unique(axes[:, 1]).size == 1:
        matrix[:, 1, 1] = 1e30
    moved = axes + np.clip(np.linalg.solve(matrix, right[..., None])[..., 0], *_LARGEST_STEP)
    return np.clip(
        moved, [-1.2 * MOST_OFFSET_KEV, 1 - 1.2 * MOST_GAIN], [1.2 * MOST_OFFSET_KEV, 1 + 1.2 * MOST_GAIN]
    )


def _decide(
    task: CoarseSpectrum, axes: np.ndarray, costs: np.ndarray, peaks_kev: np.ndarray, clear_kev: np.ndarray
) -> Explanation:
    """Take the best axis, and keep the elements without which no axis explains the spectrum about as well."""
    found = _pursued(task, axes, costs, _MOST)
    scores = _scores(axes, found, costs)
    best = int(scores.argmin())
    chosen, amounts, score, without = _improved(task, axes[best], costs, found, best, float(scores[best]))
    misfit = float(found.chi_square[best] / max(np.count_nonzero(task.on_axes(*axes[best][:, None])[1]), 1))
    judged = standings(task, axes[best], chosen, amounts, peaks_kev, costs, misfit)
    # Where even the best explanation leaves much, differences mean less.
    margin = _MARGIN * max(misfit, 1.0)
    names = np.array(task.patterns.elements)
    needed = {str(names[e]) for e, other in zip(chosen, without, strict=True) if other > score}
    judged = {name: standing for name, standing in judged.items() if name in needed}
    doubt: dict[str, tuple[int, set[str]]] = {}
    for i in np.flatnonzero((scores <= score + margin) & (_distance(axes, axes[best]) > _NOMINAL_KEV)):
        others = set(names[found.chosen[i][found.chosen[i] >= 0]])
        doubt |= {name: (int(i), others - set(names[chosen])) for name in judged if name not in others}
    offset, gain = (float(value) for value in axes[best])
    if judged and (left := _left(task, axes[best], chosen, clear_kev)) > _MOST_LEFT:
        sentence = "" if clear_kev.size == 1 else _NO_AXIS.format(left=100 * left)
        return Explanation(offset, gain, {}, {}, sentence)
    if clear_kev.size == 1 and abs(offset) > _ONE_PEAK_KEV:
        doubt = {name: (best, set()) for name in judged}
    certain = {name: standing for name, standing in judged.items() if name not in doubt}
    return Explanation(
        offset,
        gain,
        {name: standing for name, standing in certain.items() if standing.is_clear},
        {name: standing for name, standing in certain.items() if not standing.is_clear},
        _sentence(doubt, axes, offset),
    )


def _left(task: CoarseSpectrum, axis: np.ndarray, chosen: np.ndarray, clear_kev: np.ndarray) -> float:
    """Return the fraction of the counts of the clear peaks by which they differ from the fitted ones."""
    counts, weights = task.on_axes(*axis[:, None])
    patterns = task.patterns.spectra[chosen].reshape(1, -1, counts.shape[1])
    peaks, fitted = refit(counts, weights, patterns, task.patterns.continuum)
    at = np.searchsorted(task.patterns.edges_kev, axis[0] + axis[1] * clear_kev) - 1
    bins = np.clip(at[:, None] + np.arange(-1, 2), 0, counts.shape[1] - 1)
    measured = (counts - fitted + peaks)[0, bins].sum(axis=1)
    return float(np.abs(measured - peaks[0, bins].sum(axis=1)).sum() / max(measured.sum(), 1.0))


def _improved(
    task: CoarseSpectrum, axis: np.ndarray, costs: np.ndarray, found: Pursued, row: int, score: float
) -> tuple[np.ndarray, np.ndarray, float, np.ndarray]:
    """Bar each chosen element in turn: return elements, amounts and score of the best, and the scores without each.

    Elements are added one after another, so that the first may be one that two others explain better. Where others can
    take an element's place, the score without it must be clearly higher: it is returned less a margin.
    """
    for _ in range(3):
        taken = found.chosen[row] >= 0
        chosen, amounts = found.chosen[row][taken], found.amounts[row][taken]
        if not chosen.size:
            break
        axes = np.repeat(axis[None], chosen.size, axis=0)
        found = _pursued(task, axes, costs, _MOST, chosen)
        without = _scores(axes, found, costs)
        row = int(without.argmin())
        if without[row] >= score:
            replaced = (~np.isin(found.chosen, chosen) & (found.chosen >= 0)).any(axis=1)
            return chosen, amounts, score, np.where(replaced, without - _MARGIN, without)
        score = float(without[row])
    return chosen, amounts, score, np.full(chosen.size, score)


def _distance(axes: np.ndarray, axis: np.ndarray) -> np.ndarray:
    """Return by how much axes differ, in keV."""
    return np.asarray(np.hypot(axes[:, 0] - axis[0], _TYPICAL_KEV * (axes[:, 1] - axis[1])))


def _sentence(doubt: dict[str, tuple[int, set[str]]], axes: np.ndarray, offset: float) -> str:
    if not doubt:
        return ""
    row, others = next(iter(doubt.values()))
    elsewhere = (
        f"{', '.join(sorted(others))} if by {1000 * axes[row, 0]:+.0f} eV"
        if others
        else "others if it is not"
    )
    return (
        f"The energy axis is in doubt: {', '.join(doubt)} would be there if it is off by {1000 * offset:+.0f} eV, "
        f"{elsewhere}. None of them is named: correct the axis, or name all elements of the specimen."
    )
