"""Compare ranks of simulation-based calibration with uniform ones: the band that they must not leave.

The difference between the share of ranks below a bin's edge and the share expected is a Brownian bridge if the
sampler is right. The band is simultaneous [1]_: over all edges, and over all quantities of a sampler (by
Bonferroni's inequality), so that a right sampler leaves it anywhere in at most 5 % of calibrations.

References
----------
.. [1] T. Säilynoja, P.-C. Bürkner and A. Vehtari, "Graphical test for discrete uniformity and its applications in
   goodness-of-fit evaluation and multiple sample comparison", Statistics and Computing 32, 32 (2022).
"""

from functools import lru_cache

import numpy as np
import pandas as pd
from arviz_stats.ecdf_utils import get_pointwise_confidence_band, simulate_confidence_bands

BAND_CONFIDENCE = 0.95
_SIMULATIONS = 20_000


def ecdf_difference(histograms: np.ndarray) -> np.ndarray:
    """Return the share of ranks below each edge minus the share expected: (..., B) counts to (..., B + 1)."""
    below = np.insert(histograms.cumsum(axis=-1), 0, 0, axis=-1)
    return below / below[..., -1:] - np.linspace(0, 1, below.shape[-1])


@lru_cache
def band(n: int, bins: int, quantities: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the lower and upper bound of the difference at the edges, (B + 1,) each, for n ranks."""
    inner = np.arange(1, bins) / bins
    level = 1 - (1 - BAND_CONFIDENCE) / quantities
    rng = np.random.default_rng(0)
    pointwise = simulate_confidence_bands(n, 1, inner, level, _SIMULATIONS, rng)
    bounds = get_pointwise_confidence_band(pointwise, n, inner)
    lower, upper = (np.pad(bound - inner, 1) for bound in bounds)
    return lower, upper


def leaves(histograms: np.ndarray) -> np.ndarray:
    """Return which quantities of (quantities, B) counts leave the band."""
    quantities, bins = histograms.shape
    lower, upper = band(int(histograms[0].sum()), bins, quantities)
    off = ecdf_difference(histograms)
    rounding = 1e-9  # the bounds themselves are shares that ranks can have
    return np.asarray(((off < lower - rounding) | (off > upper + rounding)).any(axis=-1))


def with_band(summary: pd.DataFrame, histograms: dict[str, np.ndarray]) -> pd.DataFrame:
    """Add to the summary of `calibrations.sbc` whether ranks leave the band, as `leaves_band`."""
    return summary.assign(leaves_band=np.concatenate([leaves(counted) for counted in histograms.values()]))
