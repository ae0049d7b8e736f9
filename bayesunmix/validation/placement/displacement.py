r"""Measure how far a label map lies from the counts, to a fraction of a pixel, and how wide its boundaries are.

The share of phase k in a pixel is the label map :math:`h_k` moved by d and blurred by a Gaussian of standard deviation
s, over the sum of all phases'. The photons of the pixels near a boundary have the likelihood

.. math:: \sum_{i,g} n_{ig} \log \sum_k f_{ik}(d, s) \, e_{kg}

with groups of channels g and the spectra :math:`e_k` of the pixels away from the boundaries, which a shift by a pixel
or two does not change. It may have two maxima, so a grid of places is tried first, and Fisher's scoring begins at the
best. Labels are moved, never the counts.
"""

import math
from typing import NamedTuple

import numpy as np
from scipy import ndimage
from scipy.special import ndtr

from bayesunmix.data.blocks import summing_matrix
from bayesunmix.data.image import SpectrumImage
from bayesunmix.dimension.pooling import groups_by_counts

_REACH, _WIDEST = 4, 3.0  # pixels from a boundary that are looked at, and the largest blur
_FAR, _BROADEST = 12, 9.0  # where that is not enough: phases that lie over each other
_AWAY = (3, 2, 1, 0)  # pixels from a boundary where spectra are taken, as far as there are enough counts
_GROUPS = 40
_ENOUGH_COUNTS = 400
_FLOOR = 0.002  # share of the whole map's spectrum in every phase's
_GRID = (-2.0, -1.0, 0.0, 1.0, 2.0)
_BLURS = (0.5, 1.2)
_NARROWEST, _FURTHEST = 0.1, 3.5
_STEP = 0.04
_ITERATIONS = 25
_DONE = 2e-3
_MOST_PIXELS = 30000
_CONSTANT = 8802
_PIECE = 8  # pixels along the side of a piece of the map
_BEND = 0.3
_FLATTEST = 1.0
# Steps of a slanted edge seem to tell a shift along it. The likelihood is flatter there than the model expects.
_FLATTER, _UNTOLD = 1.7, 100.0  # ratio of variances; variance in pixels^2


class Displacement(NamedTuple):
    """Hold how a label map must be moved to lie on the counts best.

    Attributes
    ----------
    shift : (2,) array
        Rows and columns, in pixels of the counts: where the specimen lies, seen from the map.
    covariance : (2, 2) array
        Of its errors of counting; infinite along directions in which no boundary tells it.
    blur : float
        Standard deviation of the blur across boundaries, in pixels.
    gain : float
        Log-likelihood ratio of the shift to no shift.
    n_photons : int
        Photons of the pixels that were looked at.
    """

    shift: np.ndarray
    covariance: np.ndarray
    blur: float
    gain: float
    n_photons: int


def displacement(image: SpectrumImage, labels: np.ndarray, n_phases: int, seed: int) -> Displacement | None:
    """Measure the shift of a label map against the counts.

    Parameters
    ----------
    image : SpectrumImage
    labels : (H, W) int array
        0 to K - 1, negative where there is no phase.
    n_phases : int
        K.
    seed : int
        Of the choice of pixels, where there are many.

    Returns
    -------
    Displacement or None
        None where no two phases touch, or there are no photons there.
    """
    found = None
    for reach, widest in ((_REACH, _WIDEST), (_FAR, _BROADEST)):
        task = _Task.of(image, labels, n_phases, reach, seed)
        if task is None:
            return None
        found = _found(task, widest)
        if found.blur < 0.8 * widest:
            break
    return found


def _found(task: "_Task", widest: float) -> Displacement:
    places = [(dy, dx, s) for s in _BLURS for dy in _GRID for dx in _GRID]
    values = [task.log_likelihood(task.expected(np.array(place))) for place in places]
    start = np.array(places[int(np.argmax(values))])
    best = _climb(task, start, widest)
    still = max(
        task.log_likelihood(task.expected(np.array([0.0, 0.0, s]))) for s in (*_BLURS, float(best[2]))
    )
    gain = task.log_likelihood(task.expected(best)) - still
    return Displacement(
        best[:2], _covariance(task, best), float(best[2]), max(gain, 0.0), int(task.counts.sum())
    )


class _Task(NamedTuple):
    """Hold the pixels near boundaries: counts by group (n, G), the label map one phase at a time, spectra (K, G)."""

    counts: np.ndarray
    maps: np.ndarray
    pixels: np.ndarray
    spectra: np.ndarray

    @staticmethod
    def of(image: SpectrumImage, labels: np.ndarray, n_phases: int, reach: int, seed: int) -> "_Task | None":
        maps = np.array([labels == k for k in range(n_phases)], np.float32)
        maps = maps[maps.any(axis=(1, 2))]
        wide = np.array([ndimage.maximum_filter(one, 2 * reach + 1, mode="constant") for one in maps])
        near = (wide.sum(axis=0) > 1) & (labels >= 0)
        if image.mask is not None:
            near &= image.mask
        pixels = np.flatnonzero(near)
        if len(maps) < 2 or not pixels.size:
            return None
        group = groups_by_counts(image.sum_spectrum(), _GROUPS)
        by_group = summing_matrix(group).T.astype(np.float64)
        spectra = _spectra(image, maps, by_group)
        if pixels.size > _MOST_PIXELS:
            chosen = np.random.default_rng([seed, _CONSTANT]).choice(pixels.size, _MOST_PIXELS, replace=False)
            pixels = pixels[np.sort(chosen)]
        counts = (image.counts[pixels].astype(np.float64) @ by_group).toarray()
        pixels, counts = pixels[counts.any(axis=1)], counts[counts.any(axis=1)]
        return _Task(counts, maps, pixels, spectra) if pixels.size else None

    def expected(self, place: np.ndarray) -> np.ndarray:
        """Return the spectrum of each pixel where the map was moved and blurred, (n, G)."""
        dy, dx, blur = place
        moved = ndimage.correlate1d(self.maps, _kernel(dy, blur), axis=1, mode="nearest")
        moved = ndimage.correlate1d(moved, _kernel(dx, blur), axis=2, mode="nearest")
        shares = moved.reshape(len(moved), -1)[:, self.pixels].T.astype(np.float64) + 1e-6
        return (shares / shares.sum(axis=1, keepdims=True)) @ self.spectra

    def log_likelihood(self, expected: np.ndarray) -> float:
        return float((self.counts * np.log(expected)).sum())


def _spectra(image: SpectrumImage, maps: np.ndarray, by_group: np.ndarray) -> np.ndarray:
    """Return the spectra of the pixels of each phase that lie furthest from the others, (K, G)."""
    found = []
    for one in maps:
        for away in _AWAY:
            inner = ndimage.minimum_filter(one, 2 * away + 1, mode="nearest") > 0
            counts = np.asarray(image.counts[inner.ravel()].sum(axis=0, dtype=np.int64)).ravel() @ by_group
            if counts.sum() >= _ENOUGH_COUNTS:
                break
        found.append(counts)
    spectra = np.array(found)
    mean = spectra.sum(axis=0) + 1e-3 * spectra.sum() / spectra.shape[1]
    mean /= mean.sum()
    spectra = spectra + mean  # one photon, distributed as all are
    spectra /= spectra.sum(axis=1, keepdims=True)
    return (1 - _FLOOR) * spectra + _FLOOR * mean


def _kernel(shift: float, blur: float) -> np.ndarray:
    """Return the weights of neighbours: a pixel's square, moved, blurred, and averaged over a pixel."""
    reach = math.ceil(abs(shift) + 4 * blur) + 1
    # correlate1d takes the neighbour at +u with weight u: what lies at +u came from there by a move of -u.
    at = np.arange(-reach - 1, reach + 2) + shift
    z = at / blur
    twice = blur * (z * ndtr(z) + np.exp(-0.5 * z**2) / math.sqrt(2 * math.pi))
    return np.asarray(np.diff(twice, 2))


def _climb(task: _Task, start: np.ndarray, widest: float) -> np.ndarray:
    """Climb to the next maximum by Fisher's scoring; return it, (3,)."""
    low = np.array([-_FURTHEST, -_FURTHEST, _NARROWEST])
    high = np.array([_FURTHEST, _FURTHEST, widest])
    here = start
    expected = task.expected(here)
    value = task.log_likelihood(expected)
    n = task.counts.sum(axis=1, keepdims=True)
    for _ in range(_ITERATIONS):
        slopes = _slopes(task, here, low)
        gradient = np.array([(task.counts * slope / expected).sum() for slope in slopes])
        information = np.array([[(n * a * b / expected).sum() for b in slopes] for a in slopes])
        damped = information + np.diag(1e-6 * np.diag(information).max() + 1e-6 + np.zeros(3))
        step = np.clip(np.linalg.solve(damped, gradient), -1, 1)
        for _ in range(6):
            there = np.clip(here + step, low, high)
            expected_there = task.expected(there)
            value_there = task.log_likelihood(expected_there)
            if value_there >= value - 1e-9:
                break
            step = step / 2
        else:
            break
        moved = np.abs(there - here).max()
        here, expected, value = there, expected_there, value_there
        if moved < _DONE:
            break
    return here


def _slopes(task: _Task, here: np.ndarray, low: np.ndarray) -> list[np.ndarray]:
    slopes = []
    for i in range(3):
        ahead, behind = here.copy(), here.copy()
        ahead[i] += _STEP
        behind[i] = max(behind[i] - _STEP, low[i])
        slopes.append((task.expected(ahead) - task.expected(behind)) / (ahead[i] - behind[i]))
    return slopes


def _covariance(task: _Task, here: np.ndarray) -> np.ndarray:
    """Return the covariance of the two shifts, the blur being unknown: that of a model that is not quite right.

    Edges of a label map are rounded to whole pixels, so that each piece of a boundary pulls another way. The scatter of
    these pulls over pieces of the map is in the errors: inverse curvature x scatter x inverse curvature (the "sandwich"
    estimator).
    """
    slopes = _slopes(task, here, np.array([-np.inf, -np.inf, _NARROWEST]))
    expected = task.expected(here)
    pulls = np.array([(task.counts * slope / expected).sum(axis=1) for slope in slopes])
    width = task.maps.shape[2]
    piece = (task.pixels // width // _PIECE) * (width // _PIECE + 1) + task.pixels % width // _PIECE
    by_piece = np.array([np.bincount(piece, pull) for pull in pulls])
    scatter = by_piece @ by_piece.T
    pieces = len(np.unique(piece))
    inverse = _inverse(_curvature(task, here))
    found = (inverse @ scatter @ inverse)[:2, :2] * pieces / max(pieces - 3, 1)
    # An edge without any blur is steeper than the steps see over which the curvature is taken.
    counting = _inverse(_information(task, np.array([*here[:2], max(here[2], _BEND)])))[:2, :2]
    value, vector = np.linalg.eigh(found)
    by_counting = np.einsum("ia,ij,ja->a", vector, counting, vector)
    by_curvature = np.einsum("ia,ij,ja->a", vector, inverse[:2, :2], vector)
    value = np.where(by_curvature > _FLATTER * by_counting, _UNTOLD, np.maximum(value, by_counting))
    return np.asarray((vector * value) @ vector.T)


def _information(task: _Task, here: np.ndarray) -> np.ndarray:
    """Return Fisher's information of the two shifts and the blur, (3, 3)."""
    slopes = _slopes(task, here, np.array([-np.inf, -np.inf, _NARROWEST]))
    expected, n = task.expected(here), task.counts.sum(axis=1, keepdims=True)
    return np.array([[(n * a * b / expected).sum() for b in slopes] for a in slopes])


def _curvature(task: _Task, here: np.ndarray) -> np.ndarray:
    """Return minus the second derivatives of the log-likelihood over steps that ripples do not reach, (3, 3)."""
    steps = np.array([_BEND, _BEND, 0.25 * here[2]])

    def value(*moves: tuple[int, int]) -> float:
        there = here.copy()
        for axis, sign in moves:
            there[axis] += sign * steps[axis]
        return task.log_likelihood(task.expected(there))

    middle = value()
    bent = np.zeros((3, 3))
    for a in range(3):
        bent[a, a] = (2 * middle - value((a, 1)) - value((a, -1))) / steps[a] ** 2
        for b in range(a):
            mixed = (
                value((a, 1), (b, 1))
                + value((a, -1), (b, -1))
                - value((a, 1), (b, -1))
                - value((a, -1), (b, 1))
            )
            bent[a, b] = bent[b, a] = -mixed / (4 * steps[a] * steps[b])
    return bent


def _inverse(curvature: np.ndarray) -> np.ndarray:
    value, vector = np.linalg.eigh(curvature)
    return np.asarray((vector / np.maximum(value, _FLATTEST)) @ vector.T)
