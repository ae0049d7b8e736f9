"""Choose the pixels by which a claimed phase is asked."""

import numpy as np
from scipy import ndimage

from bayesunmix.validation.case import Case

FEWEST_PIXELS = 20
INNER = 0.3  # of the pixels of a piece that must be left, where its inner pixels are asked alone


def typical_pixels(case: Case, phase: int) -> np.ndarray:
    """Return the core of a phase, or all of it where it has none, (H, W) bool."""
    core = case.core_of(phase)
    return core if core.any() else case.labels == phase


def counts_per_pixel(case: Case) -> float:
    """Return the mean counts of the pixels that are not masked."""
    return case.image.n_photons / max(int(np.count_nonzero(case.image.takes_part)), 1)


def further_inside(case: Case) -> np.ndarray:
    """Return the core of each phase without its outermost pixels, (H, W) bool.

    Where a phase is not one thing, its inner pixels must say so, too: some boundaries may mix over more pixels than the
    rest of them, and what is mixed there contradicts no label. Pieces that have hardly any inner pixels stay whole.
    """
    inside = np.zeros(case.labels.shape, bool)
    for k in range(len(case.names)):
        core = case.core_of(k)
        # Nothing ends where the image does.
        inner = ndimage.binary_erosion(core, np.ones((3, 3)), border_value=1)
        piece, n_pieces = ndimage.label(core, np.ones((3, 3)))
        before, left = (np.bincount(piece[some], minlength=n_pieces + 1) for some in (core, inner))
        inside |= np.where((left >= INNER * before)[piece], inner, core)
    return inside
