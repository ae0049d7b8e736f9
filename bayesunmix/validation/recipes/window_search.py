"""Find the window of channels whose counts a map shows, among all windows."""

from collections.abc import Iterator
from functools import cached_property
from typing import NamedTuple

import numpy as np
from scipy import ndimage, sparse

from bayesunmix.data.image import SpectrumImage, sum_blocks
from bayesunmix.validation.recipes.map_values import Relation, relate

EDGES = ("reflect", "nearest", "mirror", "wrap", "constant")
_SIGNATURES = 24
_TO_COMPARE = 48
_BLOCK = 256
_CONSTANT = 8801
_PROMISING = 0.8  # cosine of two signatures, below which no map follows from a window
_ALIKE = 0.9  # correlation of a map with its window, below which the rule for the edges does not matter


class Found(NamedTuple):
    """Hold the window that is nearest to a map.

    Attributes
    ----------
    first, last : int
        Channels, both included.
    relation : Relation
    edges : str
        What stands for pixels beyond the edge.
    """

    first: int
    last: int
    relation: Relation
    edges: str


class WindowSearch:
    """Search the windows of one image, binned, and averaged over neighbours."""

    def __init__(self, image: SpectrumImage, binning: int, mean: int) -> None:
        """Sum the counts over `binning` x `binning` pixels; maps will be means over `mean` x `mean` of these."""
        self.image = sum_blocks(image, binning) if binning > 1 else image
        self.mean = mean
        self.shape = (self.image.navigation_shape[0], self.image.navigation_shape[1])
        self.totals = self.image.sum_spectrum()
        # A channel without counts begins no window of its own.
        self.cuts = np.concatenate([[0], np.flatnonzero(self.totals) + 1])

    @property
    def range_kev(self) -> tuple[float, float]:
        """Return the first and the last energy."""
        energy = self.image.energy_kev
        return float(energy[0]), float(energy[-1])

    @cached_property
    def _by_channel(self) -> sparse.csc_array:
        return sparse.csc_array(self.image.counts)

    @cached_property
    def used(self) -> np.ndarray:
        """Return True for pixels whose neighbours are all unmasked, (H, W)."""
        mask = np.ones(self.shape, bool) if self.image.mask is None else self.image.mask
        return np.asarray(ndimage.minimum_filter(mask, self.mean, mode="nearest"))

    def counts(self, first: int, last: int) -> np.ndarray:
        """Return the counts of each pixel in channels `first` to `last`, (H, W)."""
        low, high = self._by_channel.indptr[[first, last + 1]]
        part = slice(int(low), int(high))
        n = self.shape[0] * self.shape[1]
        return np.bincount(self._by_channel.indices[part], self._by_channel.data[part], n).reshape(self.shape)

    def nearest(self, claimed: np.ndarray, offset: tuple[int, int], likely_kev: list[float]) -> Found | None:
        """Return the window that is nearest to a map (h, w) that begins at row and column `offset` of the counts.

        Of windows that fit exactly, that about the energies is preferred.
        """
        part = np.s_[offset[0] : offset[0] + claimed.shape[0], offset[1] : offset[1] + claimed.shape[1]]
        if not self.used[part].any() or self.cuts.size < 2:
            return None
        candidates, cosine = self._candidates(claimed, part, likely_kev)
        if not candidates:
            return None
        promising = cosine > _PROMISING
        best: Found | None = None
        for first, last in candidates if promising else candidates[:1]:
            found = self._compare(claimed, part, first, last)
            if found.relation.exact:
                return found
            if best is None or found.relation.correlation > best.relation.correlation:
                best = found
        return self._climb(claimed, part, best) if promising and best is not None else best

    def _candidates(
        self, claimed: np.ndarray, part: tuple[slice, slice], likely_kev: list[float]
    ) -> tuple[list[tuple[int, int]], float]:
        """Return the windows of the smallest angles to the map, and the largest cosine."""
        signature, prefix = self._signatures(claimed, part)
        size = np.linalg.norm(signature)
        if not size > 0:
            return [], 0.0
        along = prefix @ signature / size
        square = (prefix**2).sum(axis=1)
        n = square.size
        found: list[tuple[np.ndarray, np.ndarray, np.ndarray]] = []
        for start in range(0, n - 1, _BLOCK):
            rows = np.arange(start, min(start + _BLOCK, n - 1))
            length = square[rows, None] + square[None, start:] - 2 * prefix[rows] @ prefix[start:].T
            cosine = (along[None, start:] - along[rows, None]) / np.sqrt(
                np.maximum(length, 1e-9 * size**2 / n)
            )
            cosine[np.arange(n - start)[None, :] <= (rows - start)[:, None]] = -2
            top = (
                np.argpartition(cosine, -_TO_COMPARE, axis=None)[-_TO_COMPARE:]
                if cosine.size > _TO_COMPARE
                else (np.arange(cosine.size))
            )
            row, column = np.unravel_index(top, cosine.shape)
            found.append((cosine[row, column], rows[row], column + start))
        value, low, high = (np.concatenate(part) for part in zip(*found, strict=True))
        energy = self.image.energy_kev
        windows = [(int(self.cuts[a]), int(self.cuts[b]) - 1) for a, b in zip(low, high, strict=True)]
        about = np.array([self._is_about(energy[a], energy[b], likely_kev) for a, b in windows])
        order = np.lexsort([high, low, ~about, -np.round(value, 9)])[:_TO_COMPARE]
        return [windows[i] for i in order if value[i] > 0], float(value.max())

    @staticmethod
    def _is_about(low: float, high: float, likely_kev: list[float]) -> bool:
        return any(low <= kev <= high for kev in likely_kev)

    def _signatures(self, claimed: np.ndarray, part: tuple[slice, slice]) -> tuple[np.ndarray, np.ndarray]:
        """Return the signature of the map, (J,), and those of the channels up to each cut, (B, J)."""
        rng = np.random.default_rng(_CONSTANT)
        inside = self.used[part].copy()
        if inside.all() or self.mean > 1:
            # Edges depend on a rule that is not known yet.
            edge = self.mean // 2
            inner = np.zeros(inside.shape, bool)
            inner[edge : inside.shape[0] - edge, edge : inside.shape[1] - edge] = True
            inside = inside & inner if (inside & inner).sum() > 3 else inside
        n = int(inside.sum())
        weights = rng.standard_normal((_SIGNATURES, n))
        weights -= weights.mean(axis=1, keepdims=True)
        whole = np.zeros((_SIGNATURES, *self.shape))
        local = np.zeros((_SIGNATURES, *inside.shape))
        local[:, inside] = weights
        whole[:, part[0], part[1]] = local
        if self.mean > 1:
            whole = ndimage.uniform_filter(whole, (0, self.mean, self.mean), mode="constant")
        channels = (self.image.counts.T.astype(np.float64)) @ whole.reshape(_SIGNATURES, -1).T
        prefix = np.concatenate([np.zeros((1, _SIGNATURES)), np.cumsum(channels, axis=0)])
        return weights @ claimed[inside], prefix[self.cuts]

    def _compare(self, claimed: np.ndarray, part: tuple[slice, slice], first: int, last: int) -> Found:
        used = self.used[part]
        best: Found | None = None
        for edges, counts in self._shown(part, first, last):
            if best is not None and best.relation.correlation < _ALIKE:
                break
            found = Found(first, last, relate(claimed[used], counts[used]), edges)
            if found.relation.exact:
                return found
            if best is None or found.relation.correlation > best.relation.correlation:
                best = found
        assert best is not None
        return best

    def _shown(self, part: tuple[slice, slice], first: int, last: int) -> Iterator[tuple[str, np.ndarray]]:
        """Yield what a map of a window shows, by the rule for its edges."""
        counts = self.counts(first, last)
        if self.mean == 1:
            yield "", counts[part]
            return
        for edges in EDGES:
            yield edges, ndimage.uniform_filter(counts, self.mean, mode=edges)[part]
        if counts[part].shape != counts.shape:  # averaged after it was cut out
            for edges in EDGES:
                yield edges, ndimage.uniform_filter(counts[part], self.mean, mode=edges)

    def _climb(self, claimed: np.ndarray, part: tuple[slice, slice], best: Found) -> Found:
        """Move the ends of a window channel by channel while the map comes nearer."""
        tried = {(best.first, best.last)}
        while True:
            a, b = (int(np.searchsorted(self.cuts, cut)) for cut in (best.first, best.last + 1))
            steps = [(a + i, b + j) for i in (-2, -1, 0, 1, 2) for j in (-2, -1, 0, 1, 2)]
            steps = [(i, j) for i, j in steps if 0 <= i < j < self.cuts.size]
            windows = [(int(self.cuts[i]), int(self.cuts[j]) - 1) for i, j in steps]
            windows = [window for window in windows if window not in tried]
            tried.update(windows)
            before = best
            for first, last in windows:
                found = self._compare(claimed, part, first, last)
                if found.relation.exact:
                    return found
                if found.relation.correlation > best.relation.correlation:
                    best = found
            if best is before:
                return best

    def freedom(self, found: Found) -> tuple[tuple[int, int], tuple[int, int]]:
        """Return the lowest and highest first, and last, channel that give the same counts."""
        occupied = np.flatnonzero(self.totals)
        inside = occupied[(occupied >= found.first) & (occupied <= found.last)]
        before, after = occupied[occupied < inside[0]], occupied[occupied > inside[-1]]
        first = (int(before[-1]) + 1 if before.size else 0, int(inside[0]))
        last = (int(inside[-1]), int(after[0]) - 1 if after.size else self.totals.size - 1)
        return first, last
