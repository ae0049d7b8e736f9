"""Choose the pixels by which a claimed phase is asked."""

import numpy as np
from scipy import ndimage

from bayesunmix.validation.case import Case

FEWEST_PIXELS = 20
INNER = 0.3  # of the pixels of each piece of a core that are asked again where it is not one thing
WIDEST_EDGE = 6  # pixels from a boundary: what varies over more is no edge


def typical_pixels(case: Case, phase: int) -> np.ndarray:
    """Return the core of a phase, or all of it where it has none, (H, W) bool."""
    core = case.core_of(phase)
    return core if core.any() else case.labels == phase


def counts_per_pixel(case: Case) -> float:
    """Return the mean counts of the pixels that are not masked."""
    return case.image.n_photons / max(int(np.count_nonzero(case.image.takes_part)), 1)


def far_inside(case: Case) -> np.ndarray:
    """Return the pixels furthest from the boundaries of each phase, (H, W) bool.

    Where a phase is not one thing, its inner pixels must say so, too: some boundaries may mix over more pixels than the
    rest of them, and what is mixed there contradicts no label.
    """
    far = np.zeros(case.labels.shape, bool)
    for k in range(len(case.names)):
        core = case.core_of(k)
        if not core.any() or core.all():
            far |= core
            continue
        # Steps from the edge of the core, not of the label: cores have radii of their own.
        steps = ndimage.distance_transform_cdt(np.pad(core, 1, "edge"), "chessboard")[1:-1, 1:-1]
        piece, n_pieces = ndimage.label(core, np.ones((3, 3)))
        radius = case.radius_of[k] if case.radius_of else case.radius
        most = max(WIDEST_EDGE - radius, 0) + 1
        # How many pixels of each piece are so many steps from its edge, or further.
        further = np.stack(
            [np.bincount(piece[steps >= step], minlength=n_pieces + 1) for step in range(most + 1)]
        )
        wanted = (further[1:] >= INNER * further[1]).sum(axis=0)
        far |= core & (steps >= wanted[piece])
    return far
