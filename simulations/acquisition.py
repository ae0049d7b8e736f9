"""Draw Poisson counts photon by photon, so that the cost grows with photons and not with pixels x channels.

X_pc ~ Poisson(sum_k A_pk E_kc) is the same as: a Poisson(A_pk) number of photons of each component in each
pixel, each of which falls into channel c with probability E_kc (the thinning property of the Poisson law).

References
----------
J. F. C. Kingman, *Poisson Processes*, Oxford University Press (1993), section 5.1 (the colouring theorem).
L. Devroye, *Non-Uniform Random Variate Generation*, Springer (1986), section III.2 (inversion).
"""

import numpy as np
from scipy import sparse

from bayesunmix.factorization import Factorization

# Photons held at a time: about 100 MB of working memory, whatever the size of the image.
_BLOCK = 1 << 21
# Expected counts of one entry that 32 bits hold with room for the noise.
_LARGEST = 0.99 * np.iinfo(np.uint32).max


def draw_counts(truth: Factorization, rng: np.random.Generator) -> sparse.csr_array:
    """Draw one image.

    Parameters
    ----------
    truth : Factorization
        Endmembers (K, C) that sum to one, abundances (P, K) in expected counts.
    rng : numpy Generator

    Returns
    -------
    counts : (P, C) sparse array of uint32

    Raises
    ------
    ValueError
        If a single entry is expected to hold more counts than an image can.
    """
    n_pixels, n_channels = truth.abundances.shape[0], truth.endmembers.shape[1]
    brightest = truth.abundances.sum(axis=1).max() * truth.endmembers.max()
    if brightest > _LARGEST:
        raise ValueError(
            f"one entry would hold {brightest:.3g} counts, at most {_LARGEST:.3g} fit: lower the dose"
        )
    blocks = [
        _draw_block(truth.abundances[rows], truth.endmembers, rng) for rows in _blocks(truth, n_channels)
    ]
    return sparse.csr_array(
        (
            np.concatenate([count for _, _, count in blocks]),
            np.concatenate([channel for _, channel, _ in blocks]),
            np.concatenate([[0], np.cumsum(np.concatenate([entries for entries, _, _ in blocks]))]),
        ),
        shape=(n_pixels, n_channels),
    )


def _blocks(truth: Factorization, n_channels: int) -> list[slice]:
    """Cut the pixels into runs that cost about `_BLOCK` each; a pixel never costs more than its channels."""
    cost = np.cumsum(np.minimum(truth.abundances.sum(axis=1), n_channels))
    cuts = np.flatnonzero(np.diff(cost // _BLOCK)) + 1
    return [slice(*pair) for pair in zip([0, *cuts], [*cuts, cost.size], strict=True)]


def _draw_block(
    abundances: np.ndarray, endmembers: np.ndarray, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Entries per pixel (P,), then channel and count of every entry."""
    n_pixels, n_channels = abundances.shape[0], endmembers.shape[1]
    bright = abundances.sum(axis=1) > n_channels
    drawn = [
        _draw_photons(np.where(bright, 0, rate), endmember, rng)
        for rate, endmember in zip(abundances.T, endmembers, strict=True)
    ]
    entry, count = np.unique(np.concatenate(drawn), return_counts=True)
    if bright.any():  # more photons than channels: drawing channel by channel is cheaper
        dense = rng.poisson(abundances[bright] @ endmembers)
        row, channel = np.nonzero(dense)
        entry = np.concatenate([entry, np.flatnonzero(bright)[row] * n_channels + channel])
        count = np.concatenate([count, dense[row, channel]])
        order = np.argsort(entry)
        entry, count = entry[order], count[order]
    pixel, channel = np.divmod(entry, n_channels)
    return np.bincount(pixel, minlength=n_pixels), channel.astype(np.int32), count.astype(np.uint32)


def _draw_photons(rate: np.ndarray, endmember: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Entry (pixel x C + channel) of every photon of one component."""
    photons = rng.poisson(rate)
    cumulative = np.cumsum(endmember)
    # Scaling by the total, and not by one, keeps rounding from sending a photon beyond the last channel.
    channel = np.searchsorted(cumulative, rng.random(photons.sum()) * cumulative[-1], side="right")
    return np.repeat(np.arange(rate.size) * endmember.size, photons) + channel
