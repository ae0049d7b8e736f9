"""List the ways in which a label map may lie on the counts, and score them: which label belongs to which photons.

A way is scored by G2 of the table of labels and groups of channels: twice the log-likelihood ratio of a spectrum for
each label to one spectrum for all.
"""

import math
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from scipy import sparse

from bayesunmix.claims.claim import UNASSIGNED, UNDECIDED
from bayesunmix.claims.on_grid import on_grid
from bayesunmix.data.blocks import summing_matrix
from bayesunmix.data.image import SpectrumImage
from bayesunmix.dimension.pooling import groups_by_counts
from bayesunmix.validation.placement.orientation import Orientation, orientations

_GROUPS, _FEW_GROUPS = 20, 12
_LEAST_SIDE = 4
_CONSTANT = 8803
_ELSEWHERE = 19


class Place(NamedTuple):
    """Hold one way in which a label map may lie on the counts.

    Attributes
    ----------
    labels : (H, W) int32 array
        On the grid of the counts.
    orientation : Orientation
    scale : float
        Pixels of the (turned) map for each pixel of the counts, along a side.
    offset : (float, float)
        Row and column of the counts at which the map begins; negative where it begins before them.
    score : float
        G2.
    """

    labels: np.ndarray
    orientation: Orientation
    scale: float
    offset: tuple[float, float]
    score: float


class Scores:
    """Score label maps against the counts of an image, grouped by channels."""

    def __init__(self, image: SpectrumImage) -> None:
        self.shape = (image.navigation_shape[0], image.navigation_shape[1])
        self._used = np.ones(self.shape, bool) if image.mask is None else image.mask
        spectrum = image.sum_spectrum()
        self._grouped = (
            image.counts.astype(np.float64) @ summing_matrix(groups_by_counts(spectrum, _GROUPS)).T
        )
        few = groups_by_counts(spectrum, _FEW_GROUPS)
        self._few = sparse.csr_array(image.counts.astype(np.float64) @ summing_matrix(few).T)

    def of(self, labels: np.ndarray) -> float:
        """Return G2 of a label map (H, W); unassigned pixels are a label of their own."""
        known = ((labels >= UNASSIGNED) & self._used).ravel()
        number = labels.ravel()[known] - UNASSIGNED
        if not number.size:
            return 0.0
        by_label = sparse.csr_array(
            (np.ones(number.size), (number, np.flatnonzero(known))), (int(number.max()) + 1, known.size)
        )
        return float(_g2((by_label @ self._grouped).toarray()))

    def noise(self, labels: np.ndarray) -> float:
        """Return the standard deviation of the difference of G2 of two maps like this one that mean nothing."""
        n_labels = len(np.unique(labels[labels >= UNASSIGNED]))
        return math.sqrt(4 * max(n_labels - 1, 0) * max(self._grouped.shape[1] - 1, 0))

    def shown(self, labels: np.ndarray, seed: int) -> bool:
        """Return True if a map agrees with the counts better than after moving it elsewhere, round the edges.

        Moves that give the same areas again, under other numbers, are left out: two halves that change places.
        """
        rng = np.random.default_rng([seed, _CONSTANT])
        height, width = self.shape
        moves = zip(
            rng.integers(height // 6, height - height // 6 + 1, _ELSEWHERE).tolist(),
            rng.integers(width // 6, width - width // 6 + 1, _ELSEWHERE).tolist(),
            strict=True,
        )
        others = [other for move in moves if not _same_areas(labels, other := np.roll(labels, move, (0, 1)))]
        return bool(others) and self.of(labels) > max(map(self.of, others))

    def best_offset(self, turned: np.ndarray) -> tuple[int, int]:
        """Return the row and column of the counts at which a map of the same scale begins (negative: before them)."""
        moved = np.array(
            [turned == k for k in range(UNASSIGNED, int(turned.max()) + 1) if (turned == k).any()]
        )
        inside = all(np.less_equal(turned.shape, self.shape))
        frame = self.shape if inside else turned.shape
        spectra = np.fft.rfft2(moved.astype(float), frame)
        free = np.abs(np.subtract(turned.shape, self.shape)) + 1
        table = np.empty((self._few.shape[1], len(moved), *free))
        for g in range(self._few.shape[1]):
            counts = np.fft.rfft2(self._few[:, [g]].toarray().reshape(self.shape), frame)
            cross = counts * spectra.conj() if inside else counts.conj() * spectra
            table[g] = np.fft.irfft2(cross, frame)[:, : free[0], : free[1]]
        scores = _g2(np.maximum(np.round(np.moveaxis(table, (0, 1), (-1, -2))), 0))
        at = np.unravel_index(int(np.argmax(scores)), scores.shape)
        sign = 1 if inside else -1
        return sign * int(at[0]), sign * int(at[1])


def places(labels: np.ndarray, scores: Scores) -> list[Place]:
    """Return the ways in which a label map may lie on the counts; as it was given comes first.

    Raises
    ------
    ValueError
        If the size of the map fits the counts in no way.
    """
    found = []
    for turned in orientations(labels.shape, scores.shape):
        ways = list(_ways(turned.apply(labels), scores))
        if ways:
            scored = [Place(laid, turned, scale, offset, scores.of(laid)) for laid, scale, offset in ways]
            found.append(max(scored, key=lambda place: place.score))
    if not found:
        sizes = [" x ".join(map(str, shape)) for shape in (labels.shape, scores.shape)]
        raise ValueError(
            f"the label map is {sizes[0]} and the counts {sizes[1]} pixels: neither a multiple nor a part of them; "
            "export the map at the resolution of the counts, or cut both to the same area"
        )
    return found


def _ways(turned: np.ndarray, scores: Scores) -> Iterator[tuple[np.ndarray, float, tuple[float, float]]]:
    """Yield a turned map on the grid of the counts, with its scale and where it begins."""
    (h, w), (height, width) = turned.shape, scores.shape
    if (h, w) == (height, width):
        yield turned.astype(np.int32), 1.0, (0.0, 0.0)
        return
    down, across = h / height, w / width
    if math.isclose(down, across, abs_tol=0.51 / min(height, width), rel_tol=1e-9):
        yield on_grid(turned, scores.shape), (down + across) / 2, (0.0, 0.0)
        if math.isclose(down, round(down)) and math.isclose(across, round(across)):
            return
    # A bar with a scale beside the map: below or above it, or left or right.
    if across >= 1 and h > across * height:
        for first in dict.fromkeys((0.0, h - across * height)):
            yield _part(turned, scores.shape, across, (first, 0.0)), across, (-first / across, 0.0)
    if down >= 1 and w > down * width:
        for first in dict.fromkeys((0.0, w - down * width)):
            yield _part(turned, scores.shape, down, (0.0, first)), down, (0.0, -first / down)
    if min(h, w) >= _LEAST_SIDE and ((h <= height and w <= width) or (h >= height and w >= width)):
        row, column = scores.best_offset(turned)
        yield moved(turned, (row, column), scores.shape), 1.0, (float(row), float(column))


def _same_areas(labels: np.ndarray, other: np.ndarray) -> bool:
    """Return True if two maps cut the pixels into the same areas, whatever the numbers of these."""
    pairs = np.unique(np.stack([labels.ravel(), other.ravel()]), axis=1)
    return all(np.unique(side).size == side.size for side in pairs)


def _part(turned: np.ndarray, shape: tuple[int, int], step: float, origin: tuple[float, float]) -> np.ndarray:
    return on_grid(turned, shape, origin=origin, step=(step, step))


def moved(labels: np.ndarray, offset: tuple[int, int], shape: tuple[int, int]) -> np.ndarray:
    """Lay labels on a grid from a row and a column on, undecided where they do not reach, (H, W) int32."""
    laid = np.full(shape, UNDECIDED, np.int32)
    low = [max(at, 0) for at in offset]
    high = [min(at + n, size) for at, n, size in zip(offset, labels.shape, shape, strict=True)]
    if high[0] > low[0] and high[1] > low[1]:
        laid[low[0] : high[0], low[1] : high[1]] = labels[
            low[0] - offset[0] : high[0] - offset[0], low[1] - offset[1] : high[1] - offset[1]
        ]
    return laid


def _g2(table: np.ndarray) -> np.ndarray:
    """Return G2 of tables of counts (..., K, G): 2 sum n log(n N / (row sum x column sum))."""

    def entropy(counts: np.ndarray, axis: tuple[int, ...]) -> np.ndarray:
        return np.asarray((counts * np.log(np.maximum(counts, 1e-300))).sum(axis=axis))

    return 2 * (
        entropy(table, (-2, -1))
        - entropy(table.sum(axis=-1), (-1,))
        - entropy(table.sum(axis=-2), (-1,))
        + entropy(table.sum(axis=(-2, -1))[..., None], (-1,))
    )
