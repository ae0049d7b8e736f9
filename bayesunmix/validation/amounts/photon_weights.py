r"""Count the photons of each spectrum without a fit: unbiased at any dose, with no prior.

Each photon in channel c adds :math:`g_k(c)` to the counts of spectrum k, with :math:`G E^\mathsf T = I`. Sums of these
over any pixels are unbiased estimates of the counts that belong to each spectrum, whatever the thickness. Of all such
weights those with

.. math:: G = (E \, \mathrm{diag}(1/p) \, E^\mathsf T)^{-1} E \, \mathrm{diag}(1/p)

have the least variance where the photons are distributed as p. Weights that are derived from the very counts that they
are applied to are biased: p must come from elsewhere, or from many more counts.
"""

from typing import NamedTuple

import numpy as np

FLOOR = 1e-6  # share of the whole map's spectrum in every spectrum: no channel is impossible


class PhotonWeights(NamedTuple):
    """Hold what a photon of each channel group adds to the counts of each spectrum.

    Attributes
    ----------
    values : (K, G) array
    condition : float
        Condition of the matrix that was inverted. Above 1e4 some spectra cannot be told apart.
    """

    values: np.ndarray
    condition: float


def photon_weights(spectra: np.ndarray, expected: np.ndarray) -> PhotonWeights:
    """Return the unbiased weights of least variance.

    Parameters
    ----------
    spectra : (K, G) array
        Each sums to one.
    expected : (G,) array
        Distribution of the photons; where it is zero a small share of the spectra's mean stands in.
    """
    p = np.maximum(expected / expected.sum(), FLOOR * spectra.mean(axis=0))
    p = np.maximum(p, 1e-300)
    scaled = spectra / p
    information = scaled @ spectra.T
    size = np.sqrt(np.diag(information))
    condition = float(np.linalg.cond(information / np.outer(size, size)))
    return PhotonWeights(np.linalg.pinv(information) @ scaled, condition)
