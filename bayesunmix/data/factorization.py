"""Hold a factorisation of expected counts, X = A E; truth and estimate have the same type.

The scale between A and E is arbitrary. The *canonical* form fixes it: every endmember sums to one, so that an abundance
is the expected number of counts of that component in a pixel.
"""

from dataclasses import dataclass

import numpy as np

from bayesunmix.data.display.text import MOST_LISTED, brief, columns


@dataclass(frozen=True, eq=False)
class Factorization:
    """Hold endmembers (spectra) and abundances (maps).

    Parameters
    ----------
    endmembers : (K, C) array
        One spectrum per row.
    abundances : (P, K) array
        Expected counts of each component in each pixel, once canonical.

    Raises
    ------
    ValueError
        If shapes do not agree or a value is not finite.

    Examples
    --------
    >>> import bayesunmix as bu
    >>> two = bu.Factorization(endmembers=[[2, 2, 0], [0, 1, 3]], abundances=[[3, 0], [1, 1]])
    >>> two.n_components
    2
    >>> two.canonical().abundances
    array([[12.,  0.],
           [ 4.,  4.]])
    >>> two.expected()
    array([[6., 6., 0.],
           [2., 3., 3.]])
    """

    endmembers: np.ndarray
    abundances: np.ndarray

    def __post_init__(self) -> None:
        endmembers, abundances = (np.asarray(a, dtype=np.float64) for a in (self.endmembers, self.abundances))
        if endmembers.ndim != 2 or abundances.ndim != 2 or not 0 < endmembers.shape[0] == abundances.shape[1]:
            raise ValueError(
                "endmembers must be (K, C) and abundances (P, K) with one K of at least 1, "
                f"got {endmembers.shape} and {abundances.shape}"
            )
        for name, array in (("endmembers", endmembers), ("abundances", abundances)):
            if not np.isfinite(array).all():
                raise ValueError(f"{name} must be finite, got NaN or infinity")
            object.__setattr__(self, name, array)

    def __repr__(self) -> str:
        sign = "" if self.is_nonnegative else ", some values negative"
        head = f"<Factorization: {self._size()}{sign}>"
        totals = self.abundances.sum(axis=0)
        listed = totals if len(totals) <= MOST_LISTED else totals[: MOST_LISTED - 1]
        rows = [
            ("component", "summed abundance"),
            *((str(k), f"{total:.6g}") for k, total in enumerate(listed)),
        ]
        more = [] if len(listed) == len(totals) else [f"... {len(totals) - len(listed)} more components"]
        return brief([head, *columns(rows), *more])

    def _repr_html_(self) -> str:
        from bayesunmix.data.display.components import Drawn, component_rows
        from bayesunmix.data.display.html import frame, paragraph

        names = [f"component {k}" for k in range(self.n_components)]
        totals = [f"summed abundance {total:.6g}" for total in self.abundances.sum(axis=0)]
        no_maps = paragraph("Maps are shown by the result, which knows the image.", soft=True)
        rows = component_rows(Drawn(names, totals, self.endmembers, self.abundances), None)
        return frame(type(self).__name__, [self._size()], [no_maps, *rows])

    def _size(self) -> str:
        (n_pixels, n_components), n_channels = self.abundances.shape, self.endmembers.shape[1]
        return f"{n_components} components, {n_pixels} pixels, {n_channels} channels"

    @property
    def n_components(self) -> int:
        """Return the number of components, K."""
        return int(self.endmembers.shape[0])

    @property
    def is_nonnegative(self) -> bool:
        """Return True if no endmember and no abundance is negative; False for PCA and ICA."""
        return bool(self.endmembers.min() >= 0 and self.abundances.min() >= 0)

    @property
    def fractions(self) -> np.ndarray:
        """Return the abundances divided by their sum in each pixel, (P, K); equal fractions in an empty pixel."""
        total = self.abundances.sum(axis=1, keepdims=True)
        empty = np.isclose(total, 0)
        return np.where(empty, 1 / self.n_components, self.abundances / np.where(empty, 1, total))

    def expected(self, pixels: slice = slice(None)) -> np.ndarray:
        """Return the expected counts of the given pixels, (pixels, C)."""
        return self.abundances[pixels] @ self.endmembers

    def canonical(self) -> "Factorization":
        """Fix the scale: endmembers sum to one, abundances are expected counts.

        Endmembers with negative values (PCA, ICA) cannot in general be scaled to sum to one. Their absolute values sum
        to one, and their sum is not negative; for non-negative ones the two rules are the same. A component that
        explains nothing (all zero) gets a flat endmember and abundance 0.
        """
        size = np.abs(self.endmembers).sum(axis=1)
        sign = np.where(self.endmembers.sum(axis=1) < 0, -1.0, 1.0)
        alive = size > 0
        scale = np.where(alive, size, 1) * sign
        flat = np.full(self.endmembers.shape[1], 1 / self.endmembers.shape[1])
        endmembers = np.where(alive[:, None], self.endmembers / scale[:, None], flat)
        return Factorization(endmembers, np.where(alive, self.abundances * scale, 0.0))

    def reorder(self, order: np.ndarray) -> "Factorization":
        """Return the components in the given order, spectra and maps alike."""
        return Factorization(self.endmembers[order], self.abundances[:, order])
