"""Scan the core of one phase for places that are not like the rest.

Each photon has a score towards each direction, the log-likelihood ratio of a small admixture. Scores are summed over
square windows, over blocks and over the connected pieces of the core, after the mean score of the phase was taken off.
Blocks and pieces are compared with the phase channel group by channel group, too, which needs no direction.

Poisson numbers have long tails. Their roots are ranked, so that no window of few photons hides others.
"""

from itertools import pairwise
from typing import NamedTuple

import numpy as np
from scipy import ndimage, sparse

from bayesunmix.validation.phases.directions import Direction
from bayesunmix.validation.phases.photon_list import PhotonList

WINDOWS = ((1, 1), (3, 1), (5, 2), (9, 3))  # pixels a side, and between the centres
BLOCKS = (4, 8, 16)
PLACE = 8  # pixels a side of the places between which the content of a phase is compared
ADMIXTURE = 0.1
LEAST_APART = 1e-12  # of a direction that is the phase itself
_FEWEST_IN_WINDOW = 3  # photons
_FEWEST_IN_PIECE = 30
_PRIOR = 0.5  # photons in every channel group


class Windows(NamedTuple):
    """Hold square windows about core pixels, the smallest first, and the pieces of the core.

    Attributes
    ----------
    members : (W, n) sparse array
        1 for the core pixels inside a window.
    counts : (W,) array
        Photons of each window.
    first : (5,) int array
        Index of the first window of each size that occurs.
    size : (W,) int array
        Index of each window's size in `WINDOWS`; of pieces, the number of these sizes.
    """

    members: sparse.csr_array
    counts: np.ndarray
    first: np.ndarray
    size: np.ndarray


class Scan:
    """Measure the core of one phase."""

    def __init__(
        self,
        photons: PhotonList,
        shape: tuple[int, int],
        directions: tuple[Direction, ...],
        n_groups: int,
        coarse: np.ndarray,
    ) -> None:
        """Prepare windows, blocks and scores.

        Parameters
        ----------
        photons : PhotonList
            Of the core, in channel groups.
        shape : (int, int)
        directions : tuple of Direction
        n_groups : int
            G.
        coarse : (G,) int array
            Wider group of each channel group, for comparisons without a direction.
        """
        self.photons, self.directions, self.shape = photons, directions, shape
        self.n_groups, self.coarse = n_groups, coarse.astype(np.int64)
        self.counts = np.bincount(photons.groups, minlength=n_groups)
        self.spectrum = self.counts / self.counts.sum()
        smooth = (self.counts + _PRIOR) / (self.counts + _PRIOR).sum()
        others = np.array([one.spectrum for one in directions]).reshape(-1, n_groups)
        raw = np.log((1 - ADMIXTURE) * smooth + ADMIXTURE * others) - np.log(smooth)
        raw -= (raw @ self.spectrum)[:, None]
        sd = np.maximum(np.sqrt(raw**2 @ self.spectrum), 1e-12)
        self.values = np.ascontiguousarray((raw / sd[:, None]).T)  # (G, M): of mean 0 and variance 1
        # How much the mean score of a photon rises from the phase to what is looked for.
        self.slopes = np.maximum(((others - self.spectrum) * self.values.T).sum(axis=1), 1e-9)
        # How skew a photon's score is: that of a rare line has a long tail, as a Poisson number has.
        self.skewness = np.maximum(self.spectrum @ self.values**3, 1e-9)
        # Share of the counts that are others if all of a phase becomes what is looked for.
        self.apart = np.array([np.abs(one.spectrum - self.spectrum).sum() / 2 for one in directions])
        self._y, self._x = np.divmod(photons.pixels, shape[1])
        self._piece = self._pieces()
        self._pixel = photons.pixel_of_photon
        self._mean = np.bincount(coarse, self.spectrum)
        pieces = self._sums(self._piece, _FEWEST_IN_PIECE)
        has_pieces = pieces[1].size > 1  # one alone has no others to be compared with
        self._blocks = self._nested_blocks(has_pieces)
        number = self._y // PLACE * (shape[1] // PLACE + 1) + self._x // PLACE
        self.parts = {"places": self._sums(number, 1)}
        if has_pieces:
            self.parts["pieces"] = pieces
        self.windows = self._windows()

    @property
    def names(self) -> list[str]:
        """Return the name of each statistic."""
        sizes = [*(f"{side} px" for side, _ in WINDOWS), "piece"]
        scans = [
            f"{one.name} {sizes[self.windows.size[first]]}"
            for first in self.windows.first
            for one in self.directions
        ]
        spread = [f"{one.name} {part}" for part in self.parts for one in self.directions]
        levels = [str(side) for side in BLOCKS] + ["pieces"] * ("pieces" in self.parts)
        return (
            scans
            + spread
            + [f"{kind} {level}" for level in levels for kind in ("chi2", "own direction", "group")]
        )

    def statistics(self, groups: np.ndarray) -> np.ndarray:
        """Return all statistics for photons of these groups, in the order of `names`."""
        scores = self.photons.scores(groups, self.values)
        found = [
            np.maximum.reduceat(self._evened(self.z_of_windows(scores)), self.windows.first, axis=0).ravel()
            if self.windows.first.size
            else np.zeros(0)
        ]
        found += [self.spread(scores, part) for part in self.parts]
        return np.concatenate([*found, self._without_direction(groups)])

    def z_of_windows(self, scores: np.ndarray) -> np.ndarray:
        """Return the score of each window in standard deviations, (W, M), from scores of pixels."""
        return np.asarray((self.windows.members @ scores) / np.sqrt(self.windows.counts)[:, None])

    def _evened(self, z: np.ndarray) -> np.ndarray:
        """Return scores of windows without their long tails: for a line alone, the square root of its counts."""
        root = np.sqrt(self.windows.counts)[:, None] / self.skewness
        return np.asarray(2 * root * (np.sqrt(np.maximum(1 + z / root, 0)) - 1))

    def z_at(self, limit: np.ndarray) -> np.ndarray:
        """Return the scores of windows, (W, M), that are at these limits (W, M) of the statistics."""
        root = np.sqrt(self.windows.counts)[:, None] / self.skewness
        return np.asarray(limit + limit**2 / (4 * root))

    def spread(self, scores: np.ndarray, part: str) -> np.ndarray:
        """Return the sum over places, or pieces, of their squared standardised scores, (M,)."""
        sums, counts = self.parts[part]
        return np.asarray(((sums @ scores) ** 2 / counts[:, None]).sum(axis=0))

    def _without_direction(self, groups: np.ndarray) -> np.ndarray:
        """Return chi-square, largest eigenvalue and largest residual of blocks x channel groups."""
        n_groups = self._mean.size
        block, n_blocks = self._blocks[0]
        cells = np.bincount(
            block[self._pixel] * n_groups + self.coarse[groups], minlength=n_blocks * n_groups
        )
        counts = cells.reshape(n_blocks, n_groups).astype(np.float64)
        found = []
        for level, (index, n) in enumerate(self._blocks):
            if level:
                merged = np.zeros((n, n_groups))
                np.add.at(merged, index, counts)
                counts = merged
            total = counts.sum(axis=1)
            expected = total[:, None] * self._mean
            residual = (counts - expected)[total > 0] / np.sqrt(expected[total > 0])
            usual = total[total > 0] >= total[total > 0].mean()
            gram = residual.T @ residual
            largest = 2 * (np.sqrt(counts) - np.sqrt(expected))[total > 0][usual].max()
            found += [np.trace(gram), np.linalg.eigvalsh(gram)[-1], largest]
        return np.array(found)

    def strangest_place(self) -> np.ndarray:
        """Return the spectrum of the place or piece that is least like the rest, (G,)."""
        sums = sparse.csr_array(sparse.vstack([sums for sums, _ in self.parts.values()]))
        in_places = sums @ self.photons.scores(self.photons.groups, np.eye(self._mean.size)[self.coarse])
        expected = in_places.sum(axis=1, keepdims=True) * self._mean
        place = int(((in_places - expected) ** 2 / expected).sum(axis=1).argmax())
        members = sums[[place]].toarray()[0][self._pixel] > 0
        counts = np.bincount(self.photons.groups[members], minlength=self.n_groups)
        return np.asarray(counts / counts.sum())

    def spectra_of_pieces(self, which: np.ndarray) -> np.ndarray:
        """Return the summed counts of some pieces, (G,)."""
        chosen = np.asarray(self.parts["pieces"][0][which].sum(axis=0)).ravel()[self._pixel] > 0
        return np.bincount(self.photons.groups[chosen], minlength=self.n_groups)

    def along_own_direction(self) -> tuple[np.ndarray, float]:
        """Return how far each place lies along the direction of most variation, and what that is in counts.

        Returns
        -------
        positions : (n,) array
            Chi-square distances from the mean, noise included.
        share : float
            Share of the counts that are others (total variation distance) at a chi-square distance of one.
        """
        places = self.parts["places"][0] @ self.photons.scores(
            self.photons.groups, np.eye(self._mean.size)[self.coarse]
        )
        expected = places.sum(axis=1, keepdims=True) * self._mean
        residual = (places - expected) / np.sqrt(expected)
        along = np.linalg.eigh(residual.T @ residual)[1][:, -1]
        positions = residual @ along / np.sqrt(places.sum(axis=1))
        return positions, float(np.abs(along) @ np.sqrt(self._mean)) / 2

    def _pieces(self) -> np.ndarray:
        """Return the connected piece of each pixel, (n,), from 0."""
        core = np.zeros(self.shape, bool)
        core[self._y, self._x] = True
        return np.asarray(ndimage.label(core, np.ones((3, 3)))[0][self._y, self._x] - 1)

    def _sums(self, number: np.ndarray, fewest: int) -> tuple[sparse.csr_array, np.ndarray]:
        """Return the matrix that sums core pixels with the same number, where they have photons; and the photons."""
        _, row = np.unique(number, return_inverse=True)
        ones = np.ones(row.size)
        matrix = sparse.csr_array((ones, (row, np.arange(row.size))), shape=(row.max() + 1, row.size))
        counts = matrix @ self.photons.totals.astype(np.float64)
        return matrix[counts >= fewest], counts[counts >= fewest]

    def _nested_blocks(self, has_pieces: bool) -> list[tuple[np.ndarray, int]]:
        """Return the block of each pixel, and of each block the next larger one, with their numbers.

        Blocks end where pieces of the core do; the last are the pieces, if there are several.
        """
        found, place = [], np.stack([self._piece, self._y, self._x])
        steps = [BLOCKS[0], *(large // small for small, large in pairwise(BLOCKS))]
        if has_pieces:
            steps.append(max(self.shape))
        for step in steps:
            place[1:] //= step
            place, index = np.unique(place, axis=1, return_inverse=True)
            found.append((index.ravel(), place.shape[1]))
        return found

    def _windows(self) -> Windows:
        position = np.full((self.shape[0] + 2 * 4, self.shape[1] + 2 * 4), -1, np.int64)  # 4: half of 9
        position[self._y + 4, self._x + 4] = np.arange(self._y.size)
        totals = self.photons.totals.astype(np.float64)
        members, counts, sizes = [], [], []
        for index, (side, step) in enumerate(WINDOWS):
            centre = np.flatnonzero((self._y % step == 0) & (self._x % step == 0))
            dy, dx = (d.ravel() - side // 2 for d in np.indices((side, side)))
            inside = position[self._y[centre, None] + dy + 4, self._x[centre, None] + dx + 4]
            rows, columns = np.nonzero(inside >= 0)[0], inside[inside >= 0]
            shape = (centre.size, totals.size)
            matrix = sparse.csr_array((np.ones(rows.size), (rows, columns)), shape=shape)
            n = matrix @ totals
            enough = n >= _FEWEST_IN_WINDOW
            members.append(matrix[enough])
            counts.append(n[enough])
            sizes.append(np.full(np.count_nonzero(enough), index))
        if "pieces" in self.parts:
            sums, n = self.parts["pieces"]
            members.append(sums)
            counts.append(n)
            sizes.append(np.full(n.size, len(WINDOWS)))
        size = np.concatenate(sizes)
        first = np.unique(size, return_index=True)[1]
        return Windows(sparse.csr_array(sparse.vstack(members)), np.concatenate(counts), first, size)
