"""Small images of known layers, and cases made of them, for the tests of validation."""

import numpy as np
from scipy.ndimage import gaussian_filter

import bayesunmix as bu
from bayesunmix.claims.claim import Claim
from bayesunmix.validation.case import Case
from bayesunmix.validation.phases.cores import find_cores
from bayesunmix.validation.tolerance import Tolerance

CHANNELS = 60


def spectrum(*lines: tuple[float, float]) -> np.ndarray:
    """Return a spectrum with lines of (centre in channels, height) on a continuum."""
    x = np.arange(CHANNELS)
    counts = 0.05 + sum(height * np.exp(-((x - centre) ** 2) / 4) for centre, height in lines)
    return counts / counts.sum()


A, B, C = spectrum((10, 1), (40, 0.3)), spectrum((25, 1)), spectrum((48, 1), (15, 0.5))


def record(labels: np.ndarray, spectra: list, dose: float, seed: int, *, blur: float = 0.0, thickness=1.0):
    """Return an image of these labels, each with its spectrum; -1 is vacuum."""
    shares = np.stack([labels == k for k in range(len(spectra))], axis=-1).astype(float)
    if blur:
        shares = gaussian_filter(shares, (blur, blur, 0), mode="nearest")
    return image_of(dose * np.asarray(thickness)[..., None] * (shares @ np.array(spectra)), seed)


def image_of(mean: np.ndarray, seed: int):
    """Return an image of counts with this mean, which are no X-rays: nothing is known of their lines."""
    counts = np.random.default_rng(seed).poisson(mean)
    axis = bu.Axis("Shift", scale=1.0, units="1/cm", offset=0.0)
    return bu.SpectrumImage(counts, spectral_axis=axis)


def case_of(image, labels: np.ndarray, names: str, *, seed: int = 0, **claimed) -> Case:
    claim = Claim(labels, tuple(names), unassigned=-1, **claimed)
    cores = find_cores(image, claim.labels, len(names))
    mixed = tuple(np.flatnonzero(cores.mixed).tolist())
    return Case(image, claim, claim.labels, cores.core, cores.radius, Tolerance(), 0.05, seed, mixed)


def layers(shape: tuple[int, int], *starts: int) -> np.ndarray:
    """Return labels 0, 1, ... from left to right, each but the first from its column on."""
    return np.broadcast_to(np.searchsorted(starts, np.arange(shape[1]), side="right"), shape).copy()
