r"""Hard phase map by matching each pixel to a spectrum library: the smallest chi-square wins.

Re-implemented from public descriptions, not a product. A phase library matches pixels by a chi-squared fit [1]_, and
phases may be defined by regions that the user draws, all else staying unassigned [2]_. Pixels are summed with their
neighbours, and channels into bands of about equal counts, until there is enough to compare;

.. math:: \chi^2_m = \frac{1}{B - 1} \sum_b \frac{(x_b - N e_{mb})^2}{N e_{mb}}

for a window of N counts, B bands and library spectrum m. A window that no spectrum matches stays unassigned.

References
----------
.. [1] S. Wallace, "Saying what you mean and meaning what you say!", EDAX blog (28 June 2019).
.. [2] Bruker, "Chemical phase analysis of a layered structure", application note for QUANTAX EDS for TEM.
"""

from dataclasses import dataclass
from typing import ClassVar

import jax
import numpy as np
from scipy import sparse

from bayesunmix.contracts.arguments import require_positive
from bayesunmix.contracts.method import METHODS
from bayesunmix.data.factorization import Factorization
from bayesunmix.data.image import SpectrumImage
from bayesunmix.data.result import Info, Unmixing
from bayesunmix.methods._phase_clusters import (
    FEWEST_COUNTS,
    LabelledPhases,
    phase_clusters,
    sum_neighbours,
    window_side,
)

BANDS = 40
SMALLEST_REGION = 5
FEWEST_EXPECTED = 0.5  # counts in a band: with fewer, a single photon would have a huge chi-square


@METHODS.register("vendor_library")
@dataclass(frozen=True)
class VendorLibrary:
    """Nearest library spectrum of each pixel by chi-square, with unassigned pixels.

    `Unmixing.labels` is the phase map; the endmembers are the library, in the order in which it was given.

    Parameters
    ----------
    library : tuple of tuple of float, optional
        Spectra (M, C) of the phases, for example sums over regions of the image; an array will do. Where not given, it
        is built as a user would: from the clusters of `bayesunmix.methods._phase_clusters`.
    window_counts : float
        Pixels are summed with their neighbours until a window has this many counts on average.
    worst_chi_square : float
        Largest chi-square per degree of freedom; pixels that match worse are unassigned.
    """

    finds_n_components: ClassVar[bool] = True
    library: tuple[tuple[float, ...], ...] | None = None
    window_counts: float = 100.0
    worst_chi_square: float = 2.0

    def __post_init__(self) -> None:
        require_positive(self)
        if self.library is not None:
            rows = np.asarray(self.library, np.float64)
            if (
                rows.ndim != 2
                or not np.isfinite(rows).all()
                or (rows < 0).any()
                or (rows.sum(axis=1) <= 0).any()
            ):
                raise ValueError(
                    "setting library of VendorLibrary must be (M, C) spectra without negative values, none empty, "
                    f"got an array of shape {rows.shape}; sum the counts of a region for each phase"
                )
            object.__setattr__(
                self, "library", tuple(map(tuple, (rows / rows.sum(1, keepdims=True)).tolist()))
            )

    def fit(self, image: SpectrumImage, n_components: int | None, key: jax.Array) -> Unmixing:
        """Match every pixel. Without a library, `n_components` is the largest number of phases to build one of."""
        library = self._library(image, n_components, key)
        chi_square, enough = _chi_squares(image, library, self.window_counts)
        matched = enough & (chi_square.min(axis=1) <= self.worst_chi_square)
        phases = LabelledPhases(np.where(matched, chi_square.argmin(axis=1), -1), library)
        info: Info = {
            "converged": True,
            "iterations": 1,
            "objective": [float(np.median(chi_square[image.takes_part].min(axis=1)))],
            "objective_name": "median chi-square of the best match",
            "area_fractions": phases.area_fractions(image),
            "warnings": [],
        }
        known = (self.library is not None,) * len(library)
        return Unmixing(
            Factorization(library, phases.one_hot(image)), info=info, labels=phases.labels, known=known
        )

    def _library(self, image: SpectrumImage, n_components: int | None, key: jax.Array) -> np.ndarray:
        if self.library is None:
            seed = int(jax.random.bits(key, dtype="uint32"))
            return phase_clusters(image, n_components, self.window_counts, SMALLEST_REGION, seed).spectra
        library = np.array(self.library)
        if library.shape[1] != image.n_channels:
            raise ValueError(
                f"setting library of VendorLibrary must have the {image.n_channels} channels of the image, "
                f"got {library.shape[1]}; crop and rebin both in the same way"
            )
        return library


def _chi_squares(
    image: SpectrumImage, library: np.ndarray, window_counts: float
) -> tuple[np.ndarray, np.ndarray]:
    """Return the chi-square of each pixel's window with each spectrum, (P, M), and if it has enough counts, (P,)."""
    spectrum = image.sum_spectrum() / image.n_photons
    band = np.minimum(np.cumsum(spectrum) * BANDS, BANDS - 1e-9).astype(int)
    gather = sparse.csr_array((np.ones(band.size), (np.arange(band.size), band)), shape=(band.size, BANDS))
    side = window_side(image, window_counts)
    counts = sum_neighbours((image.counts.astype(np.float32) @ gather).toarray(), image, side)
    total = counts.sum(axis=1)
    shares = library @ gather
    chi_square = np.empty((len(counts), len(library)))
    used = max(np.count_nonzero(gather.sum(axis=0)) - 1, 1)
    for m, share in enumerate(shares):
        expected = total[:, None] * share
        chi_square[:, m] = ((counts - expected) ** 2 / np.maximum(expected, FEWEST_EXPECTED)).sum(
            axis=1
        ) / used
    return chi_square, (total > FEWEST_COUNTS * np.median(total[total > 0.5])) & image.takes_part
