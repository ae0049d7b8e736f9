r"""Sum what photons say of every spectrum: shares, their scatter, and how they vary from place to place.

Photons of a pixel with shares f are independent, and each adds :math:`g_k(c)` to spectrum k, so that the mean of g is f
(`bayesunmix.validation.amounts.photon_weights`). For two different photons of one place,

.. math:: E[g_j(c)\, g_k(c')] = f_j f_k,

so that mean products of shares are estimated without bias too, by pairs of photons, at any dose and without a prior.
They tell an even mixture from a mixture of places that are one thing or the other. Shares weigh by counts.
"""

from dataclasses import dataclass

import numpy as np
from scipy import sparse
from scipy.ndimage import uniform_filter

from bayesunmix.data.blocks import block_numbers

BLOCKS = (1, 2, 4, 8, 16)  # sides of places, in pixels
LEAST_VARIANCE = 1e-12
AROUND = 5  # pixels, a side of the windows that say how many counts a pixel might have had


@dataclass(frozen=True, eq=False)
class Products:
    """Hold mean products of shares over places.

    Parameters
    ----------
    values : (M, M) array
        Mean of f f^T, weighted by counts.
    within : (M, M) array
        Covariance of what one photon of a place adds.
    outer : (M, M) array
        Sum of z z^T / N over the places: counts times products of the estimates, noise included.
    places : float
        Number of places with two photons or more.
    pairs : float
        Sum of N / (N - 1) over the places.
    counts : float
        Photons in these places.
    """

    values: np.ndarray
    within: np.ndarray
    outer: np.ndarray
    places: float
    pairs: float
    counts: float

    def mean_of(self, form: np.ndarray, turn: np.ndarray) -> float:
        """Return the mean of f^T B f with f = T z, for a symmetric (M, M) form B."""
        return float(np.sum(form * (turn @ self.values @ turn.T)))

    def sd_of(self, form: np.ndarray) -> float:
        """Return the standard deviation of the mean of f^T B f, from counting alone."""
        slopes, pure, _ = self._moments(form)
        return float(np.sqrt(slopes + pure) / max(self.counts, 1))

    def skewness_of(self, form: np.ndarray) -> float:
        """Return the skewness of this error: squares of noise in a few places are not normal."""
        slopes, pure, third = self._moments(form)
        variance = slopes + pure
        return third / variance**1.5 if variance > LEAST_VARIANCE else 0.0

    def _moments(self, form: np.ndarray) -> tuple[float, float, float]:
        """Return the variance of the sum that is linear in the noise, that of its squares, and their third moment."""
        noise = form @ self.within
        squared = float(np.sum(noise * noise.T))
        slopes = 4 * float(np.sum(form @ self.within @ form * self.outer)) - 4 * self.places * squared
        third = 8 * self.pairs * float(np.trace(noise @ noise @ noise))
        return max(slopes, 0.0), 2 * self.pairs * max(squared, 0.0), third


@dataclass(frozen=True, eq=False)
class PhotonSums:
    """Hold sums over the pixels of one area.

    Parameters
    ----------
    pixels, counts : int
    share : (M,) array
        Mean of what one photon adds: shares of the counts.
    scatter : (M, M) array
        Covariance of what one photon of the area adds.
    of_pixels : (M,) array
        Mean over the pixels of their shares, which weighs all pixels alike. Pixels without a photon count as those with
        few of them around.
    of_pixels_noise : (M, M) array
        Covariance of `of_pixels`, from counting alone.
    products : tuple of Products
        For places of each side in `BLOCKS`.
    """

    pixels: int
    counts: int
    share: np.ndarray
    scatter: np.ndarray
    of_pixels: np.ndarray
    of_pixels_noise: np.ndarray
    products: tuple[Products, ...]


def photon_sums(
    grouped: sparse.csr_array, weights: np.ndarray, mask: np.ndarray, expected: np.ndarray
) -> PhotonSums | None:
    """Sum over the pixels where the mask is True; None where they have no photon.

    Parameters
    ----------
    grouped : (P, G) sparse array
        Counts in groups of channels.
    weights : (M, G) array
        What a photon of each group adds.
    mask : (H, W) bool array
    expected : (H, W) array
        Counts that each pixel might have had: the mean of the pixels around (`counts_around`).
    """
    rows = np.flatnonzero(mask.ravel())
    some = grouped[rows]
    total = np.asarray(some.sum(axis=1)).ravel()
    if not total.any():
        return None
    added = np.asarray(some @ weights.T)
    spectrum = np.asarray(some.sum(axis=0)).ravel()
    share, counts = added.sum(axis=0) / total.sum(), total.sum()
    squares = (weights * spectrum) @ weights.T / counts
    blocks = [block_numbers(mask.shape, (side, side))[rows] for side in BLOCKS]
    products = tuple(_products(some, added, total, weights, block) for block in blocks)
    of_pixels, factor = _pixel_mean(added, total, expected.ravel()[rows])
    return PhotonSums(
        len(rows),
        int(counts),
        share,
        squares - np.outer(share, share),
        of_pixels,
        factor * products[0].within,
        products,
    )


def counts_around(image_totals: np.ndarray, mask: np.ndarray) -> np.ndarray:
    """Return the mean counts of the pixels around each pixel of a mask, that belong to it too, (H, W)."""
    inside = uniform_filter(mask.astype(np.float64), AROUND, mode="constant")
    counts = uniform_filter(np.where(mask, image_totals, 0).astype(np.float64), AROUND, mode="constant")
    return np.asarray(counts / np.maximum(inside, 1e-9))


def _pixel_mean(added: np.ndarray, total: np.ndarray, expected: np.ndarray) -> tuple[np.ndarray, float]:
    """Return the mean over pixels, each with one over its probability to have a photon, and the sum of w^2 / N."""
    filled = total > 0
    seen = -np.expm1(-np.maximum(expected[filled], 1 / AROUND**2))
    weight = (1 / seen) / (1 / seen).sum()
    shares = added[filled] / total[filled, None]
    return weight @ shares, float((weight**2 / total[filled]).sum())


def _products(
    some: sparse.csr_array, added: np.ndarray, total: np.ndarray, weights: np.ndarray, block: np.ndarray
) -> Products:
    """Return mean products over places, from all pairs of photons in a place."""
    place = np.unique(block, return_inverse=True)[1]
    n = np.bincount(place, total)
    z = np.stack([np.bincount(place, column, n.size) for column in added.T], axis=1)
    paired = n > 1.5
    per = np.where(paired, 1 / np.maximum(n - 1, 1), 0.0)
    counts = max(float(n[paired].sum()), 1.0)
    itself = np.asarray(per[place] @ some).ravel()  # a photon is no pair with itself
    values = ((z * per[:, None]).T @ z - (weights * itself) @ weights.T) / counts
    of_paired = np.asarray(paired[place].astype(np.float64) @ some).ravel()
    within = (weights * of_paired) @ weights.T / counts - values
    sizes, directions = np.linalg.eigh(within)
    within = (directions * np.maximum(sizes, 0)) @ directions.T
    outer = (z * np.where(paired, 1 / np.maximum(n, 1), 0)[:, None]).T @ z
    return Products(values, within, outer, float(paired.sum()), float((n * per)[paired].sum()), counts)
