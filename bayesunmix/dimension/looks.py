r"""Say in a word what a small component looks like: few pixels, an edge, drift, dose, absorption, or unknown.

Real recordings hold changes of the spectrum that are no phases. Each kind leaves its mark on the map or on the spectrum
of the change:

=============  =====================================================================================================
a few pixels   a few superpixels have four fifths of it: a particle, or one bad pixel
edge           most of it lies in the outermost superpixels: a shadow, or a rim of the scan
absorption     it follows the total counts, and grows or falls along the energy axis
drift          it grows steadily along one direction, or its spectrum is that of moving peaks
dose pattern   it and the total counts differ alike from row to row (or column to column): beam current, partial frame
unknown        none of these
=============  =====================================================================================================

Whether a map follows something is measured by :math:`R^2`, the fraction of its variance that is explained; superpixels
count in proportion to their photons, and what chance explains is subtracted.
"""

import numpy as np

from bayesunmix.dimension.change import Change

_MOST = 0.8  # of a change is "most of it"
_FEW = 0.02  # fraction of the field that is "a few pixels"
_FEW_SUPERPIXELS = 3
_AT_RIM = 0.6
_EXPLAINED = 0.5  # R squared from which a map follows something
_WITH_DOSE = 0.7  # correlation of a map with the counts of the rows
_MOVING = 0.6  # R squared from which a spectrum is that of moving peaks
_OF_BOTH = 0.4  # both the R squared by thickness and the correlation with the logarithm of the energy

UNKNOWN = "unknown"


def looks_like(change: Change, spectrum: np.ndarray, groups: np.ndarray, axis: np.ndarray) -> str:
    """Return one plain word (or three) for a change of the spectrum.

    Parameters
    ----------
    change : Change
    spectrum : (C,) array
        Sum spectrum of the image.
    groups : (C,) int array
        Group of each channel.
    axis : (C,) array
        Energies, or whatever the channels are.
    """
    if few_superpixels(change).size:
        return "a few pixels"
    if _lies_at_the_rim(change):
        return "edge"
    if change.scores.size < 16:
        return UNKNOWN
    place, thickness = _of_place(change), _of_thickness(change)
    if thickness >= max(_OF_BOTH, place) and _along_energy(change, spectrum, groups, axis) >= _OF_BOTH:
        return "absorption"
    if place >= _EXPLAINED:
        return "drift"
    if _of_moving_peaks(change, spectrum, groups) >= _MOVING:
        return "drift"
    return "dose pattern" if _of_rows(change) >= _EXPLAINED else UNKNOWN


def few_superpixels(change: Change) -> np.ndarray:
    """Return the superpixels that have most of a change if they are few; empty otherwise."""
    power = change.scores.ravel() ** 2
    order = np.argsort(-power, kind="stable")
    needed = 1 + int(np.searchsorted(np.cumsum(power[order]), _MOST * power.sum()))
    few = max(_FEW_SUPERPIXELS, _FEW * np.count_nonzero(change.totals))
    return order[:needed] if needed <= few and 4 * needed < power.size else order[:0]


def _lies_at_the_rim(change: Change) -> bool:
    """Return True if most of a change is in the outermost superpixels, and more than their share of the field."""
    outermost = np.zeros(change.scores.shape, bool)
    shape: tuple[int, ...] = change.scores.shape
    for direction, side in enumerate(shape):
        if side > 4:
            place = np.indices(shape)[direction]
            outermost |= (place == 0) | (place == side - 1)
    share = outermost.mean()
    power = change.scores**2
    return bool(share < 0.5 and power[outermost].sum() >= max(_AT_RIM, (1 + share) / 2) * power.sum())


def _of_place(change: Change) -> float:
    """Return how much of the map is a steady gradient."""
    sides = np.indices(change.scores.shape).reshape(change.scores.ndim, -1)
    return _explained(change, sides.T)


def _of_thickness(change: Change) -> float:
    """Return how much of the map follows the total counts."""
    log = np.log(np.maximum(change.totals.ravel(), 1))
    return _explained(change, np.stack([log, log**2], axis=1))


def _of_rows(change: Change) -> float:
    """Return how much of the map is a function of one coordinate alone, where the counts of the rows go with it."""
    found = [0.0]
    for direction, side in enumerate(change.scores.shape):
        if side < 4 or change.scores.size < 4 * side:
            continue
        others = tuple(other for other in range(change.scores.ndim) if other != direction)
        totals, scores = change.totals.sum(axis=others), change.scores.sum(axis=others)
        per_count = scores / np.sqrt(np.maximum(totals, 1))
        if abs(_correlation(totals, per_count)) >= _WITH_DOSE:
            place = np.indices(change.scores.shape)[direction].ravel()
            found.append(_explained(change, (place[:, None] == np.arange(1, side)).astype(float)))
    return max(found)


def _correlation(first: np.ndarray, second: np.ndarray) -> float:
    scale = first.std() * second.std()
    return float(((first - first.mean()) * (second - second.mean())).mean() / scale) if scale > 0 else 0.0


def _explained(change: Change, design: np.ndarray) -> float:
    """Return the adjusted R squared of the change per count."""
    used = change.totals.ravel() > 0
    root = np.sqrt(change.totals.ravel()[used])
    columns = np.column_stack([np.ones(used.sum()), design[used]]) * root[:, None]
    values = change.scores.ravel()[used]
    free = values.size - columns.shape[1]
    if free < 4:
        return 0.0
    left = values - columns @ np.linalg.lstsq(columns, values, rcond=None)[0]
    mean = (values * root).sum() / (root**2).sum()
    total = ((values - mean * root) ** 2).sum()
    return 1 - float((left**2).sum() / free / max(total / (values.size - 1), 1e-300))


def _along_energy(change: Change, spectrum: np.ndarray, groups: np.ndarray, axis: np.ndarray) -> float:
    """Return the correlation of the relative change with the logarithm of the energy, without its sign."""
    counts = np.bincount(groups, spectrum)
    energy = np.bincount(groups, spectrum * axis) / np.maximum(counts, 1)
    if energy.min() <= 0:
        energy = energy - energy.min() + np.ptp(energy) / 100 + 1e-300
    relative = change.loadings / np.sqrt(np.maximum(counts, 1))
    log = np.log(energy) - np.average(np.log(energy), weights=counts)
    relative = relative - np.average(relative, weights=counts)
    scale = np.sqrt(np.average(log**2, weights=counts) * np.average(relative**2, weights=counts))
    return float(abs(np.average(log * relative, weights=counts)) / max(scale, 1e-300))


def _of_moving_peaks(change: Change, spectrum: np.ndarray, groups: np.ndarray) -> float:
    """Return how much of the spectrum of a change is that of peaks which move."""
    if spectrum.size < 3:
        return 0.0
    counts = np.bincount(groups, spectrum)
    moved = np.bincount(groups, np.gradient(spectrum)) / np.sqrt(np.maximum(counts, 1))
    return float((moved @ change.loadings) ** 2 / max(moved @ moved, 1e-300))
