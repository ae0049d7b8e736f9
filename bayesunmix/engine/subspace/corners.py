"""Find a start for chains at the corners of the counts, in the space of the leading principal components.

Maximum likelihood is a bad start. With K free abundances in every superpixel it often splits the commonest material in
two, which fits its noise, and gives no endmember to a material that is in few pixels.

In the space of the K leading components (`bayesunmix.engine.subspace.pca`), with channels no finer than peaks need, the
composition of a superpixel has little noise. The noise is the same along all axes and inversely proportional to the
counts. Pure materials are the corners of a simplex that the mixtures fill. Successive projection [1]_ finds the corners
one after the other. The next corner is the superpixel whose distance from the plane through the previous ones is the
most significant, in standard deviations. It is averaged with the superpixels most similar to it.

References
----------
.. [1] M. C. U. Araujo et al., "The successive projections algorithm for variable selection in spectroscopic
   multicomponent analysis", Chemom. Intell. Lab. Syst. 57, 65 (2001).
"""

import jax
import numpy as np
from scipy import sparse

from bayesunmix.data.image import SpectrumImage
from bayesunmix.engine.device.events import LEAST_RATE, Occupied
from bayesunmix.engine.device.threefry import numpy_generator
from bayesunmix.engine.fits.extrapolation import LEAST_ENTRY
from bayesunmix.engine.fits.superpixels import Coarse, coarsen, resolve, spread
from bayesunmix.engine.subspace.pca import principal_components

COUNTS_PER_CORNER = 60  # in a superpixel: fewer hide a corner in noise, more hide a grain in its surroundings
MOST_CORNER_SUPERPIXELS = 16384
_AVERAGED = 3  # superpixels per corner
_OF_THE_MEAN = 0.05  # fraction of the mean in every endmember, so that no channel stays at zero
_ITERATIONS = 50


def coarsen_for_corners(image: SpectrumImage, n_components: int) -> Coarse:
    """Sum an image over superpixels that are small enough to lie inside a grain."""
    return coarsen(image, n_components, enough=COUNTS_PER_CORNER, most=MOST_CORNER_SUPERPIXELS)


def corner_start(
    image: SpectrumImage,
    pixels: Occupied,
    n_components: int,
    key: jax.Array,
    seen: float,
    *,
    coarse: Coarse | None = None,
) -> tuple[np.ndarray, np.ndarray]:
    """Find corners, and spread the compositions that they give over the pixels.

    Parameters
    ----------
    image : SpectrumImage
    pixels : Occupied
        The pixels of `image` that have counts.
    n_components : int
    key : JAX key
    seen : float
        Fraction of the superpixels to use, chosen at random.
    coarse : Coarse, optional
        ``coarsen_for_corners(image, n_components)``. Pass it if you look for corners more than once.

    Returns
    -------
    abundances : (K, padded pixels) float32 array
    endmembers : (K, C) float32 array
        Each sums to one.
    """
    coarse = coarse or coarsen_for_corners(image, n_components)
    superpixels = coarse.superpixels
    totals = np.asarray(superpixels.counts.sum(axis=1), np.float64)
    rank = min(n_components, *superpixels.counts.shape)
    found = principal_components(coarse.image, rank)
    compositions = found.abundances[superpixels.pixels] / totals[:, None]
    rng = numpy_generator(key)
    some = rng.permutation(totals.size)[: max(round(seen * totals.size), rank)]
    corners = find_corners(compositions[some], totals[some])
    mean = coarse.image.sum_spectrum() / image.n_photons
    endmembers = rng.gamma(1.0, size=(n_components, mean.size)) * mean  # where there are fewer corners
    endmembers[:rank] = np.maximum(corners @ found.endmembers, 0)
    endmembers *= (1 - _OF_THE_MEAN) / np.maximum(endmembers.sum(axis=1, keepdims=True), LEAST_RATE)
    endmembers += _OF_THE_MEAN * mean + LEAST_ENTRY
    endmembers /= endmembers.sum(axis=1, keepdims=True)
    shares = np.full((coarse.image.n_pixels, n_components), 1 / n_components)
    shares[superpixels.pixels] = likeliest_shares(superpixels.counts, endmembers).T
    maps = spread(shares, coarse.block, pixels, even=0.0)
    return maps, resolve(endmembers, image.sum_spectrum(), coarse.group)


def find_corners(points: np.ndarray, counts: np.ndarray) -> np.ndarray:
    """Return the corners (K, K) of points (P, K). Their noise variance is inversely proportional to counts (P,)."""
    n = points.shape[1]
    away = points - np.average(points, axis=0, weights=counts)
    corners: list[np.ndarray] = []
    for _ in range(n):
        farthest = points[np.argmax(counts * (away**2).sum(axis=1))]
        alike = np.argsort(((points - farthest) ** 2).sum(axis=1))[:_AVERAGED]
        corners.append(np.average(points[alike], axis=0, weights=counts[alike]))
        flat = np.linalg.qr((np.array(corners[1:]).reshape(-1, n) - corners[0]).T)[0]
        away = points - corners[0]
        away -= (away @ flat) @ flat.T
    return np.array(corners)


def likeliest_shares(counts: sparse.csr_array, endmembers: np.ndarray) -> np.ndarray:
    """Return the most likely composition of each row of counts (B, C), by EM: (K, B)."""
    rows = np.repeat(np.arange(counts.shape[0]), np.diff(counts.indptr))
    of_entry = endmembers[:, counts.indices]
    shares = np.full((len(endmembers), counts.shape[0]), 1 / len(endmembers))
    totals = np.add.reduceat(counts.data.astype(np.float64), counts.indptr[:-1])
    for _ in range(_ITERATIONS):
        part = shares[:, rows] * of_entry
        part *= counts.data / part.sum(axis=0)
        shares = np.add.reduceat(part, counts.indptr[:-1], axis=1) / totals
    return shares
