"""Label maps of phantoms, as somebody would claim them who knew the truth."""

import numpy as np
from scipy import ndimage

import bayesunmix as bu
from bayesunmix.claims.claim import Claim
from simulations import PHANTOMS, Phantom, acquire


def labels_of(phantom: Phantom, shift: tuple[float, float] = (0, 0)) -> np.ndarray:
    """The phase with most counts in each pixel, after the specimen was moved; -1 in vacuum."""
    maps = phantom.truth.abundances.reshape(*phantom.navigation_shape, -1)
    if any(shift):
        maps = ndimage.shift(maps, (*shift, 0), order=1, mode="nearest")
    total = maps.sum(axis=2)
    return np.where(total > 0.02 * total.max(), maps.argmax(axis=2), -1)


def claim_of(phantom: Phantom, labels: np.ndarray, **parts) -> Claim:
    return Claim(labels, dict(enumerate(phantom.labels)), unassigned=-1, **parts)


def image_of(name: str, dose: float, seed: int) -> tuple[Phantom, bu.SpectrumImage]:
    phantom = PHANTOMS[name]()
    return phantom, acquire(phantom, dose, seed).image
