r"""Find how far phases mix across their boundaries, and the pixels that are further inside.

The share of the neighbour in the pixels at distance d from a boundary is found with unbiased photon weights: with
:math:`u = (e_j - e_k) / (e_j + e_k)` the mean of u over the photons goes from that of phase k alone to that of phase j
alone. A blurred edge, :math:`s(d) = \Phi(-(d - 1/2) / w)`, is fitted to all pairs of neighbours at once. The radius is
the smallest at which the next pixels hold less than one percent of the neighbour.

Boundaries that lie inclined in a thick foil mix over more pixels than others. Hence each pair of neighbours is also
asked by pieces of its boundary: its own radius grows until the next pixels show the neighbour nowhere more than
counting noise does. Where they show more of the neighbour than of the phase, the label is wrong, and no edge is.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from scipy import ndimage
from scipy.special import gammaincc, ndtr

from bayesunmix.claims.claim import UNASSIGNED, UNDECIDED
from bayesunmix.data.image import SpectrumImage
from bayesunmix.dimension.pooling import groups_by_counts

LEAST_SHARE = 0.01
MOST_RADIUS = 5  # of the whole map
MOST_MORE = 3  # of a phase with inclined boundaries, beyond that of the whole map
FEWEST_PIXELS = 20  # of a core
_STEPS = MOST_RADIUS + MOST_MORE + 2  # distances that are told apart; the last holds all further pixels
_PIECE = 6  # pixels along a boundary that are asked together
_UNUSUAL = 0.05
_WIDTHS = np.linspace(0.1, 4.0, 40)
_GROUPS = 40  # of channels
_FAR_COUNTS = 3000  # that the spectrum of a phase's inner pixels should have
_FAR_SHARE = 0.25  # of the counts of a phase, at least, that its inner pixels should have
_TOLD_APART = 3.0  # standard deviations by which two phases, or a share and a half, must differ
_MAJORITY = 0.5


@dataclass(frozen=True, eq=False)
class Cores:
    """Hold the pixels of each phase that its neighbours do not reach.

    Parameters
    ----------
    core : (H, W) bool array
        Pixels of a phase further than its radius from another label. Each neighbour has its own. Of a phase that has
        hardly any, its innermost.
    radius : int
        1 to 5 pixels, from all boundaries together.
    radius_of : tuple of int
        The largest radius used for each phase: more than `radius` where it mixes with a neighbour over more pixels,
        less where it is too thin.
    mixed : tuple of bool
        True for phases that are too thin: what their core holds of their neighbours says nothing about the phase.
    width_px : float
        Standard deviation of the blur across boundaries, in pixels.
    mixing : (D, 3) array
        Distance from a boundary in pixels (1 is the pixel beside it), the share of the neighbour there, and the
        standard deviation of that share.
    """

    core: np.ndarray
    radius: int
    radius_of: tuple[int, ...]
    mixed: tuple[bool, ...]
    width_px: float
    mixing: np.ndarray


def find_cores(image: SpectrumImage, labels: np.ndarray, n_phases: int) -> Cores:
    """Find the pixels that are far enough from any boundary.

    Parameters
    ----------
    image : SpectrumImage
    labels : (H, W) int array
        0 to K - 1, `UNASSIGNED` or `UNDECIDED`. The first is another label; so is a patch of the second. Single
        undecided pixels and lines of them are no boundary. Masked pixels are undecided.
    n_phases : int
        K.
    """
    usable = labels.copy()
    if image.mask is not None:
        usable[~image.mask] = UNDECIDED
    whole = _without_specks(usable)
    distance, neighbour = _boundaries(whole, n_phases)
    sides = _Sides.of(image, usable, distance, neighbour, n_phases)
    pairs = list(sides.profiles())
    width = _width(pairs)
    mixing = _mixing(pairs, width)
    radius = _radius(mixing, width)
    core, radius_of, mixed = np.zeros(labels.shape, bool), [], []
    for k in range(n_phases):
        own = usable == k
        clean = {j: sides.clean_radius(k, j, radius) for j in sides.neighbours(k)}
        # Pixels that each one lacks to be further inside than all radii; where a phase is thin, some may lack.
        needs = np.where(own, np.maximum(radius + 1 - distance, 0), 0)
        for j, wanted in clean.items():
            if wanted > radius:
                steps = ndimage.distance_transform_cdt(whole != j, "chessboard")
                needs = np.maximum(needs, np.where(own, wanted + 1 - steps, 0))
        less = 0
        widest = max(clean.values(), default=radius)
        while less < widest and np.count_nonzero(own & (needs <= less)) < FEWEST_PIXELS:
            less += 1
        core |= own & (needs <= less)
        radius_of.append(widest - less)
        mixed.append(less > 0)
    return Cores(core, radius, tuple(radius_of), tuple(mixed), width, mixing)


def _without_specks(labels: np.ndarray) -> np.ndarray:
    """Give undecided pixels the label nearest to them, except patches in which a boundary could hide."""
    undecided = labels == UNDECIDED
    if not undecided.any() or undecided.all():
        return labels
    patches = ndimage.binary_opening(undecided, np.ones((3, 3), bool))
    nearest = ndimage.distance_transform_edt(undecided, return_distances=False, return_indices=True)
    return np.where(undecided & ~patches, labels[tuple(nearest)], labels)


def _boundaries(labels: np.ndarray, n_phases: int) -> tuple[np.ndarray, np.ndarray]:
    """Return how many steps, also diagonal ones, each pixel is from another label, and that label; both (H, W)."""
    distance = np.full(labels.shape, max(labels.shape), np.int64)
    neighbour = np.full(labels.shape, UNASSIGNED, np.int64)
    for k in range(n_phases):
        own = labels == k
        if own.any() and not own.all():
            steps, nearest = ndimage.distance_transform_cdt(own, "chessboard", return_indices=True)
            distance[own] = steps[own]
            neighbour[own] = labels[tuple(nearest)][own]
    return distance, neighbour


class _Profile(NamedTuple):
    """Hold what pixels of one phase show of one neighbour, by distance.

    `mean` is the mean score of their photons, (D,), `counts` their number, `variance` that of one photon's score, and
    `slope` how much the score rises from this phase to the neighbour.
    """

    mean: np.ndarray
    counts: np.ndarray
    variance: float
    slope: float


class _Sides(NamedTuple):
    """Hold the counts on each side of each piece of boundary, by distance.

    `table` is (R, D, G): a row for each phase, neighbour and piece, with distances and channel groups. `phase` and
    `neighbour` are (R,); `inner` are the counts of the innermost pixels, (K, G).
    """

    table: np.ndarray
    phase: np.ndarray
    neighbour: np.ndarray
    inner: np.ndarray

    @classmethod
    def of(
        cls,
        image: SpectrumImage,
        labels: np.ndarray,
        distance: np.ndarray,
        neighbour: np.ndarray,
        n_phases: int,
    ) -> "_Sides":
        group = groups_by_counts(image.sum_spectrum(), _GROUPS)
        pixel = np.flatnonzero(labels.ravel() >= 0)
        y, x = (index.ravel()[pixel] // _PIECE for index in np.indices(labels.shape))
        pieces = np.stack([labels.ravel()[pixel], neighbour.ravel()[pixel], y, x], axis=1)
        distinct, row = np.unique(pieces, axis=0, return_inverse=True)
        step = np.minimum(distance.ravel()[pixel], _STEPS) - 1
        counts, n_groups = image.counts[pixel], int(group.max()) + 1
        cell = (
            np.repeat(row.ravel() * _STEPS + step, np.diff(counts.indptr)) * n_groups + group[counts.indices]
        )
        table = np.bincount(cell, counts.data, len(distinct) * _STEPS * n_groups)
        table = table.reshape(len(distinct), _STEPS, n_groups)
        inner = [_innermost(table[distinct[:, 0] == k].sum(axis=0)) for k in range(n_phases)]
        return cls(table, distinct[:, 0], distinct[:, 1], np.array(inner))

    def profiles(self) -> Iterator[_Profile]:
        """Give the profile of every ordered pair of phases that touch."""
        for k, j in sorted(set(zip(self.phase.tolist(), self.neighbour.tolist(), strict=True))):
            rows = self.table[(self.phase == k) & (self.neighbour == j)].sum(axis=0)
            if rows[0].sum() and (profile := self._profile(rows, k, j)):
                yield profile

    def neighbours(self, k: int) -> list[int]:
        """Return the labels that a phase touches."""
        return [int(j) for j in np.unique(self.neighbour[self.phase == k])]

    def clean_radius(self, k: int, j: int, least: int) -> int:
        """Return the radius, from `least` on, beyond which no piece of their boundary shows the neighbour."""
        pieces = self.table[(self.phase == k) & (self.neighbour == j)]
        for radius in range(least, least + MOST_MORE + 1):
            # A row for each piece at this distance, and one for all pixels further inside.
            rows = np.vstack([pieces[:, radius], pieces[:, radius + 1 :].sum(axis=(0, 1))])
            pair = self._profile(rows[rows.any(axis=1)], k, j)
            if pair is None or len(pair.counts) < 2:
                return radius
            if _is_mostly_neighbour(pair):
                return least  # that is no edge: the label is wrong
            about = pair.counts @ pair.mean / pair.counts.sum()
            squares = float(pair.counts @ (pair.mean - about) ** 2) / pair.variance
            if gammaincc((len(pair.counts) - 1) / 2, squares / 2) > _UNUSUAL:
                return radius
        return least  # no edge is that wide: the phase itself varies

    def _profile(self, rows: np.ndarray, k: int, j: int) -> _Profile | None:
        """Return the scores of one row, from those of the phase alone."""
        if j < 0 or not self.inner[k].any() or not self.inner[j].any():
            return None
        own, other = (counts / counts.sum() for counts in (self.inner[k], self.inner[j]))
        difference = other - own
        score = difference / np.maximum(own + other, 1e-12)
        score -= score @ own
        slope, variance = float(score @ difference), float(score**2 @ own)
        # What noise alone makes of two spectra that are the same; a score made of noise finds its own pixels unlike.
        noise = (1 / self.inner[k].sum() + 1 / self.inner[j].sum()) / 2
        if slope <= noise * (own.size + _TOLD_APART * np.sqrt(2 * own.size)) or variance <= 0:
            return None
        n = rows.sum(axis=1)
        return _Profile(rows @ score / np.maximum(n, 1), n, variance, slope)


def _is_mostly_neighbour(pair: _Profile) -> bool:
    """Return True if a piece holds more of the neighbour than of the phase, which a right label never does."""
    share, sd = pair.mean / pair.slope, np.sqrt(pair.variance / np.maximum(pair.counts, 1)) / pair.slope
    return bool((share - _TOLD_APART * sd > _MAJORITY)[:-1].any())


def _innermost(by_distance: np.ndarray) -> np.ndarray:
    """Return the counts of the pixels furthest from a boundary that have enough of them; the last row is furthest."""
    total = np.cumsum(by_distance[::-1], axis=0)
    every = total[-1].sum()
    enough = total.sum(axis=1) >= min(max(_FAR_COUNTS, _FAR_SHARE * every), every)
    return np.asarray(total[int(enough.argmax())])


def _edge(width: float) -> np.ndarray:
    """Return the share of the neighbour at distances 1, 2, ..., (D,)."""
    return np.asarray(ndtr(-(np.arange(_STEPS) + 0.5) / width))


def _offset(pair: _Profile, edge: np.ndarray) -> float:
    """Return the mean score of the phase alone that fits a profile best."""
    return float(pair.counts @ (pair.mean - pair.slope * edge) / pair.counts.sum())


def _width(pairs: list[_Profile]) -> float:
    """Return the blur that fits the profiles of all pairs best."""
    misfit = []
    for width in _WIDTHS:
        edge = _edge(width)
        misfit.append(
            sum(
                float(pair.counts @ (pair.mean - _offset(pair, edge) - pair.slope * edge) ** 2)
                / pair.variance
                for pair in pairs
            )
        )
    return float(_WIDTHS[int(np.argmin(misfit))]) if pairs else float(_WIDTHS[0])


def _mixing(pairs: list[_Profile], width: float) -> np.ndarray:
    """Return distance, mean share of the neighbour and its standard deviation, (D, 3)."""
    edge, weight, total = _edge(width), np.zeros(_STEPS), np.zeros(_STEPS)
    for pair in pairs:
        precision = pair.counts * pair.slope**2 / pair.variance
        weight += precision
        total += precision * (pair.mean - _offset(pair, edge)) / pair.slope
    share = np.divide(total, weight, out=np.full(weight.size, np.nan), where=weight > 0)
    sd = np.divide(1, np.sqrt(weight), out=np.full(weight.size, np.inf), where=weight > 0)
    return np.stack([np.arange(1, _STEPS + 1), share, sd], axis=1)[:-1]


def _radius(mixing: np.ndarray, width: float) -> int:
    """Return the smallest radius beyond which neither the fitted edge nor the counts show the neighbour."""
    edge = _edge(width)
    for radius in range(1, MOST_RADIUS):
        _, share, sd = mixing[radius]  # the first distance that is kept
        if edge[radius] < LEAST_SHARE and not share - 2 * sd > LEAST_SHARE:
            return radius
    return MOST_RADIUS
