"""Describe the components that are real but small: what each gains, and what it looks like."""

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from bayesunmix.data.image import SpectrumImage
from bayesunmix.dimension.change import Change
from bayesunmix.dimension.looks import few_superpixels, looks_like
from bayesunmix.dimension.pooling import groups_by_counts

_MOST = 0.8  # of the excess of those superpixels


@dataclass(frozen=True, eq=False)
class SmallComponent:
    """Hold a component that the counts show, and that explains little.

    Parameters
    ----------
    number : int
        Its number if components are counted from 1, the most important first.
    gain, error : float
        Log-likelihood of held-out photons that it gains, with its standard error. The error is NaN for one that only
        the singular values show, whose gain is estimated from its singular value.
    share : float
        Share of the gain of all components, 0 to 1.
    looks_like : str
        "absorption", "drift", "edge", "a few pixels", "dose pattern" or "unknown".
    n_pixels : int or None
        Number of pixels of "a few pixels".
    change : Change or None
        Map and spectrum of what it changes.
    """

    number: int
    gain: float
    error: float
    share: float
    looks_like: str
    n_pixels: int | None = None
    change: Change | None = None

    def __repr__(self) -> str:
        return f"<SmallComponent {self.say()}>"

    def say(self) -> str:
        """Return what it is in a few words."""
        estimated = ", estimated from its singular value" if math.isnan(self.error) else ""
        size = f"{_percent(self.share)} of the gain{estimated}"
        looks = self.looks_like
        if self.n_pixels is not None:
            looks = f"{looks}: about {self.n_pixels}"
        return f"component {self.number} ({size}, {looks})"

    def summary(self) -> dict[str, Any]:
        """Return all numbers but the map, for JSON."""
        return {
            "number": self.number,
            "gain": self.gain,
            "error": None if math.isnan(self.error) else self.error,
            "share": self.share,
            "looks_like": self.looks_like,
            "n_pixels": self.n_pixels,
        }


def described(
    image: SpectrumImage, change: Change | None, number: int, gain: float, error: float, share: float
) -> SmallComponent:
    """Say what a small component looks like."""
    if change is None:
        return SmallComponent(number, gain, error, share, "unknown")
    spectrum = image.sum_spectrum().astype(np.float64)
    groups = groups_by_counts(spectrum)
    looks = looks_like(change, spectrum, groups, image.spectral_axis.values)
    n_pixels = _count_pixels(image, change, spectrum, groups) if looks == "a few pixels" else None
    return SmallComponent(number, gain, error, share, looks, n_pixels, change)


def _count_pixels(image: SpectrumImage, change: Change, spectrum: np.ndarray, groups: np.ndarray) -> int:
    """Count the pixels that have most of a change, in the few superpixels that have it."""
    weights = (change.loadings / np.sqrt(np.maximum(np.bincount(groups, spectrum), 1)))[groups]
    steps = tuple(min(change.block, side) for side in image.navigation_shape)
    pixels = np.flatnonzero(np.isin(image.block_of_pixel(steps), few_superpixels(change)))
    counts = image.counts[pixels]
    mean = weights @ spectrum / spectrum.sum()
    excess = np.sort(np.maximum(counts @ weights - mean * np.asarray(counts.sum(axis=1)).ravel(), 0))[::-1]
    return 1 + int(np.searchsorted(np.cumsum(excess), _MOST * excess.sum()))


def _percent(share: float) -> str:
    percent = 100 * share
    return "less than 0.01 %" if percent < 0.01 else f"{percent:.1g} %" if percent < 1 else f"{percent:.2g} %"
