"""Hold a claim that lies on the counts, ready for the tests."""

from dataclasses import dataclass

import numpy as np

from bayesunmix.claims.claim import Claim
from bayesunmix.data.image import SpectrumImage
from bayesunmix.validation.tolerance import Tolerance


@dataclass(frozen=True, eq=False)
class Case:
    """Hold the counts, and the claim after it was laid on them.

    Parameters
    ----------
    image : SpectrumImage
        Two navigation axes, (H, W).
    claim : Claim
    labels : (H, W) int array
        Phase of each pixel of the counts: 0 to K - 1, `UNASSIGNED` or `UNDECIDED` (masked pixels, and those
        that the map does not reach or does not tell).
    core : (H, W) bool array
        Pixels of a phase that are further than `radius` from any other label.
    radius : int
        Pixels from a boundary over which phases mix, found from the counts.
    tolerance : Tolerance
    level : float
        Probability that a report on a right claim contradicts any part of it.
    seed : int
    mixed : tuple of int
        Phases that are too thin: what their core holds of their neighbours says nothing about them.
    """

    image: SpectrumImage
    claim: Claim
    labels: np.ndarray
    core: np.ndarray
    radius: int
    tolerance: Tolerance
    level: float
    seed: int
    mixed: tuple[int, ...] = ()

    @property
    def names(self) -> tuple[str, ...]:
        """Return the names of the phases."""
        return self.claim.names

    def core_of(self, phase: int) -> np.ndarray:
        """Return True for the pixels of a phase's core, (H, W)."""
        return (self.labels == phase) & self.core

    def spectrum_of(self, mask: np.ndarray) -> np.ndarray:
        """Return the summed counts of the pixels where the mask is True, (C,) int64."""
        return np.asarray(self.image.counts[mask.ravel()].sum(axis=0, dtype=np.int64)).ravel()
