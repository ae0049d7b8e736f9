"""Small maps whose truth is known, for the tests of validation: layers of three phases, blurred at their boundaries."""

import numpy as np
from scipy import ndimage

import bayesunmix as bu
from bayesunmix.claims.claim import Claim
from bayesunmix.data.factorization import Factorization
from bayesunmix.data.result import Unmixing
from bayesunmix.validation.case import Case
from bayesunmix.validation.tolerance import Tolerance

ENERGY = 0.5 + 0.05 * np.arange(80)
NAMES = ("a", "b", "c")


def spectra(overlap=0.0):
    """Return three spectra (3, 80), each a peak on a continuum; b and c approach each other with the overlap."""
    peak = np.exp(-((np.arange(80) - np.array([[15], [40], [60]])) ** 2) / 18)
    peak[2] = (1 - overlap) * peak[2] + overlap * peak[1]
    rows = peak / peak.sum(axis=1, keepdims=True) + 0.5 / 80
    return rows / rows.sum(axis=1, keepdims=True)


def fractions(shape=(32, 36), blur=0.7):
    """Return shares of three vertical layers, (H, W, 3)."""
    phase = np.minimum(np.arange(shape[1]) * 3 // shape[1], 2)
    sharp = np.broadcast_to(np.eye(3)[phase], (*shape, 3))
    return ndimage.gaussian_filter1d(sharp, blur, axis=1) if blur else np.array(sharp)


def recorded(shares, dose, seed, endmembers):
    """Return an image, and its known result with the true maps as the fit."""
    amounts = dose * shares.reshape(-1, shares.shape[-1])
    counts = np.random.default_rng(seed).poisson(amounts @ endmembers).reshape(*shares.shape[:2], -1)
    image = bu.SpectrumImage(counts, ENERGY[: endmembers.shape[1]])
    return image, Unmixing(Factorization(endmembers, amounts), known=(True,) * len(endmembers), names=NAMES)


def case_of(image, labels, names=NAMES, radius=2, areas=None, **more):
    """Return a case whose cores are further than the radius from any other label."""
    labels = np.asarray(labels, np.int32)
    claim = Claim(labels, dict(enumerate(names)), unassigned=-1, areas=areas)
    side = 2 * radius + 1
    high, low = (
        one(labels, side, mode="nearest") for one in (ndimage.maximum_filter, ndimage.minimum_filter)
    )
    core = (high == low) & (labels >= 0)
    return Case(image, claim, labels, core, radius, Tolerance(), 0.05, more.get("seed", 0))
