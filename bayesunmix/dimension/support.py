"""Recognise a support: the dark quarter of the field has a spectrum of its own, the same everywhere.

A film or a mount behind the specimen is a component, and no phase of the specimen.
"""

import numpy as np

from bayesunmix.dimension.pooling import Pooled

_DARK = 0.4  # of the counts of the bright quarter
_OTHER = 0.4  # total variation distance of its spectrum from that of the bright quarter
_EVEN = 0.5  # root mean square of what differs from its mean spectrum, relative to the counts
_LEAST_SUPERPIXELS = 8


def shows_support(matrix: Pooled) -> bool:
    """Return True if the superpixels with few counts show one spectrum, and another one than those with many."""
    totals = matrix.counts.sum(axis=1)
    occupied = totals > 0
    if np.count_nonzero(occupied) < 4 * _LEAST_SUPERPIXELS:
        return False
    low, high = np.quantile(totals[occupied], [0.25, 0.75])
    dark, bright = occupied & (totals <= low), totals >= high
    if np.median(totals[dark]) >= _DARK * np.median(totals[bright]):
        return False
    spectrum, other = (matrix.counts[some].sum(axis=0) for some in (dark, bright))
    shape = spectrum / spectrum.sum()
    if np.abs(shape - other / other.sum()).sum() / 2 < _OTHER:
        return False
    expected = np.outer(totals[dark], shape)
    seen = expected > 0
    chi_square = ((matrix.counts[dark] - expected)[seen] ** 2 / expected[seen]).sum()
    return bool(chi_square - np.count_nonzero(seen) < _EVEN**2 * spectrum.sum())
