"""Scan the core of one phase for places that are not like the rest.

Each photon has a score towards each direction, the log-likelihood ratio of a small admixture. Scores are summed over
square windows, and over blocks, after the mean score of the phase was taken off. Blocks are compared with the phase
channel group by channel group, too, which needs no direction.
"""

from typing import NamedTuple

import numpy as np
from scipy import sparse

from bayesunmix.validation.phases.directions import Direction
from bayesunmix.validation.phases.photon_list import PhotonList

WINDOWS = ((1, 1), (3, 1), (5, 2), (9, 3))  # pixels a side, and between the centres
BLOCKS = (4, 8, 16)
PLACE = 8  # pixels a side of the places between which the content of a phase is compared
ADMIXTURE = 0.1
LEAST_APART = 1e-12  # of a direction that is the phase itself
_FEWEST_IN_WINDOW = 3  # photons
_PRIOR = 0.5  # photons in every channel group


class Windows(NamedTuple):
    """Hold square windows about core pixels, the smallest first.

    Attributes
    ----------
    members : (W, n) sparse array
        1 for the core pixels inside a window.
    counts : (W,) array
        Photons of each window.
    first : (4,) int array
        Index of the first window of each size that occurs.
    size : (W,) int array
        Index of each window's size in `WINDOWS`.
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
        # Share of the counts that are others if all of a phase becomes what is looked for.
        self.apart = np.array([np.abs(one.spectrum - self.spectrum).sum() / 2 for one in directions])
        self._y, self._x = np.divmod(photons.pixels, shape[1])
        self.windows = self._windows()
        self._pixel = photons.pixel_of_photon
        self._mean = np.bincount(coarse, self.spectrum)
        self._blocks = self._nested_blocks()
        self._places, self.place_counts = self._block_sums(PLACE)

    @property
    def names(self) -> list[str]:
        """Return the name of each statistic."""
        scans = [f"{one.name} {side} px" for side, _ in self._sides() for one in self.directions]
        spread = [f"{one.name} places" for one in self.directions]
        return (
            scans
            + spread
            + [f"{kind} {side}" for side in BLOCKS for kind in ("chi2", "own direction", "group")]
        )

    def _sides(self) -> list[tuple[int, int]]:
        return [WINDOWS[int(self.windows.size[first])] for first in self.windows.first]

    def statistics(self, groups: np.ndarray) -> np.ndarray:
        """Return all statistics for photons of these groups, in the order of `names`."""
        scores = self.photons.scores(groups, self.values)
        found = [
            np.maximum.reduceat(self.z_of_windows(scores), self.windows.first, axis=0).ravel()
            if self.windows.first.size
            else np.zeros(0)
        ]
        found.append(self.spread(scores))
        return np.concatenate([*found, self._without_direction(groups)])

    def z_of_windows(self, scores: np.ndarray) -> np.ndarray:
        """Return the score of each window in standard deviations, (W, M), from scores of pixels."""
        return np.asarray((self.windows.members @ scores) / np.sqrt(self.windows.counts)[:, None])

    def spread(self, scores: np.ndarray) -> np.ndarray:
        """Return the sum over places of their squared standardised scores, (M,)."""
        summed = self._places @ scores
        return np.asarray((summed**2 / self.place_counts[:, None]).sum(axis=0))

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
            found += [np.trace(gram), np.linalg.eigvalsh(gram)[-1], residual[usual].max()]
        return np.array(found)

    def strangest_place(self) -> np.ndarray:
        """Return the spectrum of the place that is least like the rest, (G,)."""
        in_places = self._places @ self.photons.scores(
            self.photons.groups, np.eye(self._mean.size)[self.coarse]
        )
        expected = in_places.sum(axis=1, keepdims=True) * self._mean
        place = int(((in_places - expected) ** 2 / expected).sum(axis=1).argmax())
        members = self._places[[place]].toarray()[0][self._pixel] > 0
        counts = np.bincount(self.photons.groups[members], minlength=self.n_groups)
        return np.asarray(counts / counts.sum())

    def along_own_direction(self) -> tuple[np.ndarray, float]:
        """Return how far each place lies along the direction of most variation, and what that is in counts.

        Returns
        -------
        positions : (n,) array
            Chi-square distances from the mean, noise included.
        share : float
            Share of the counts that are others (total variation distance) at a chi-square distance of one.
        """
        places = self._places @ self.photons.scores(self.photons.groups, np.eye(self._mean.size)[self.coarse])
        expected = places.sum(axis=1, keepdims=True) * self._mean
        residual = (places - expected) / np.sqrt(expected)
        along = np.linalg.eigh(residual.T @ residual)[1][:, -1]
        positions = residual @ along / np.sqrt(places.sum(axis=1))
        return positions, float(np.abs(along) @ np.sqrt(self._mean)) / 2

    def _block_sums(self, side: int) -> tuple[sparse.csr_array, np.ndarray]:
        """Return the matrix that sums core pixels over blocks that have photons, and the photons of each block."""
        number = self._y // side * (self.shape[1] // side + 1) + self._x // side
        _, row = np.unique(number, return_inverse=True)
        ones = np.ones(row.size)
        matrix = sparse.csr_array((ones, (row, np.arange(row.size))), shape=(row.max() + 1, row.size))
        counts = matrix @ self.photons.totals.astype(np.float64)
        return matrix[counts > 0], counts[counts > 0]

    def _nested_blocks(self) -> list[tuple[np.ndarray, int]]:
        """Return the block of each pixel, and of each block the next larger one, with their numbers."""
        found, y, x = [], self._y // BLOCKS[0], self._x // BLOCKS[0]
        for level, side in enumerate(BLOCKS):
            if level:
                y, x = y * BLOCKS[level - 1] // side, x * BLOCKS[level - 1] // side
            distinct, index = np.unique(np.stack([y, x], axis=1), axis=0, return_inverse=True)
            found.append((index.ravel(), len(distinct)))
            y, x = distinct[:, 0], distinct[:, 1]
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
        size = np.concatenate(sizes)
        first = np.unique(size, return_index=True)[1]
        return Windows(sparse.csr_array(sparse.vstack(members)), np.concatenate(counts), first, size)
