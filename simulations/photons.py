"""Draw Poisson counts photon by photon, so that the cost grows with photons and not with pixels x channels.

X_pc ~ Poisson(sum_k A_pk E_kc) is the same as: a Poisson(A_pk) number of photons of each component in each pixel, each
of which falls into channel c with probability E_kc (the thinning property of the Poisson law). Effects on single
photons are then exact too: each photon survives absorption or not, and each arrives at its own time, when the detector
may be dead.

References
----------
J. F. C. Kingman, *Poisson Processes*, Oxford University Press (1993), section 5.1 (the colouring theorem).
L. Devroye, *Non-Uniform Random Variate Generation*, Springer (1986), section III.2 (inversion).
G. F. Knoll, *Radiation Detection and Measurement*, 4th ed., Wiley (2010), section 4.VII (dead time).
"""

from collections.abc import Callable, Iterable, Iterator

import numpy as np
from scipy import sparse

from bayesunmix.data.factorization import Factorization

#: Probability that photons of given pixels, component and channels leave the specimen.
Survival = Callable[[np.ndarray, int, np.ndarray], np.ndarray]
# Photons held at a time: about 100 MB of working memory, whatever the size of the image.
_BLOCK = 1 << 21
# Expected counts of one entry that 32 bits hold with room for the noise.
_LARGEST = 0.99 * np.iinfo(np.uint32).max


def draw_blocks(
    truth: Factorization,
    rng: np.random.Generator,
    *,
    survival: Survival | None = None,
    dead_time: float = 0.0,
    rate: np.ndarray | None = None,
) -> Iterator[sparse.csr_array]:
    """Draw one image in blocks of successive pixels, each of a size that fits into memory.

    Parameters
    ----------
    truth : Factorization
        Endmembers (K, C) that sum to one, abundances (P, K) in expected photons.
    rng : numpy Generator
    survival : callable (pixels, component, channels) -> probabilities, optional
        Probability to leave the specimen, for the photons of a component.
    dead_time : float
        Time for which a count blinds the detector, as a fraction of the time spent on a pixel. Photons that arrive
        meanwhile are lost and do not prolong it; the mean of a rate r falls to r / (1 + r dead_time).
    rate : (P,) array, optional
        Expected photons that reach the detector, where `survival` makes them fewer than the abundances.

    Yields
    ------
    counts : (rows, C) sparse array of uint32

    Raises
    ------
    ValueError
        If a single entry is expected to have more counts than an image can store.
    """
    brightest = truth.abundances.sum(axis=1).max() * truth.endmembers.max()
    if brightest > _LARGEST:
        raise ValueError(
            f"one entry would hold {brightest:.3g} counts, at most {_LARGEST:.3g} fit: lower the dose"
        )
    follow = survival is not None or dead_time > 0  # every photon, however many
    rate = truth.abundances.sum(axis=1) if rate is None else rate
    n_channels = truth.endmembers.shape[1]
    for rows in _blocks(truth, np.inf if follow else n_channels):
        abundances = truth.abundances[rows]
        bright = (abundances.sum(axis=1) > n_channels) & (not follow)
        drawn = []
        for k, endmember in enumerate(truth.endmembers):
            photons = _draw_photons(np.where(bright, 0, abundances[:, k]), endmember, rng)
            if survival is not None:
                pixel, channel = np.divmod(photons, n_channels)
                photons = photons[rng.random(photons.size) < survival(rows.start + pixel, k, channel)]
            drawn.append(photons)
        entry = np.concatenate(drawn)
        if dead_time > 0:
            entry = _registered(entry, n_channels, rate[rows], dead_time, rng)
        yield _gathered(entry, bright, abundances, truth.endmembers, rng)


def joined(blocks: Iterable[sparse.csr_array]) -> sparse.csr_array:
    """Put blocks of pixels under one another."""
    blocks = list(blocks)
    starts = np.cumsum(np.concatenate([[0], *(np.diff(block.indptr) for block in blocks)]))
    counts, channels = (np.concatenate([getattr(b, part) for b in blocks]) for part in ("data", "indices"))
    return sparse.csr_array((counts, channels, starts), shape=(starts.size - 1, blocks[0].shape[1]))


def _blocks(truth: Factorization, most: float) -> list[slice]:
    """Cut the pixels into runs that cost about `_BLOCK` each. A pixel never costs more than its channels."""
    cost = np.cumsum(np.minimum(truth.abundances.sum(axis=1), most))
    cuts = np.flatnonzero(np.diff(cost // _BLOCK)) + 1
    return [slice(int(a), int(b)) for a, b in zip([0, *cuts], [*cuts, cost.size], strict=True)]


def _draw_photons(rate: np.ndarray, endmember: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Draw the entry (pixel x C + channel) of every photon of one component."""
    photons = rng.poisson(rate)
    cumulative = np.cumsum(endmember)
    # Scaling by the total, and not by one, keeps rounding from sending a photon beyond the last channel.
    channel = np.searchsorted(cumulative, rng.random(photons.sum()) * cumulative[-1], side="right")
    return np.repeat(np.arange(rate.size) * endmember.size, photons) + channel


def _registered(
    entry: np.ndarray, n_channels: int, rate: np.ndarray, dead_time: float, rng: np.random.Generator
) -> np.ndarray:
    """Return the entries of the photons that find the detector ready: the first of each pixel, then the second, ..."""
    pixel, arrival = entry // n_channels, rng.random(entry.size)
    order = np.argsort(pixel + arrival)
    arrival, photons = arrival[order], np.bincount(pixel, minlength=rate.size)
    first = np.cumsum(photons) - photons
    # A count of the time before may still blind it: the equilibrium of an alternating process.
    blind = rng.random(rate.size) < rate * dead_time / (1 + rate * dead_time)
    ready = np.where(blind, rng.random(rate.size) * dead_time, 0)
    kept = np.zeros(entry.size, bool)
    for rank in range(photons.max(initial=0)):
        waiting = np.flatnonzero(photons > rank)
        photon = first[waiting] + rank
        counts = arrival[photon] >= ready[waiting]
        kept[photon] = counts
        ready[waiting[counts]] = arrival[photon[counts]] + dead_time
    return entry[order[kept]]


def _gathered(
    entry: np.ndarray,
    bright: np.ndarray,
    abundances: np.ndarray,
    endmembers: np.ndarray,
    rng: np.random.Generator,
) -> sparse.csr_array:
    """Count the photons of a block of pixels."""
    n_pixels, n_channels = abundances.shape[0], endmembers.shape[1]
    entry, count = np.unique(entry, return_counts=True)
    if bright.any():  # more photons than channels: drawing channel by channel is cheaper
        dense = rng.poisson(abundances[bright] @ endmembers)
        row, channel = np.nonzero(dense)
        entry = np.concatenate([entry, np.flatnonzero(bright)[row] * n_channels + channel])
        count = np.concatenate([count, dense[row, channel]])
        order = np.argsort(entry)
        entry, count = entry[order], count[order]
    pixel, channel = np.divmod(entry, n_channels)
    starts = np.concatenate([[0], np.cumsum(np.bincount(pixel, minlength=n_pixels))])
    # The image refuses what is larger; as 32 bits it would wrap around.
    kind = np.uint32 if count.max(initial=0) <= np.iinfo(np.uint32).max else np.uint64
    return sparse.csr_array(
        (count.astype(kind), channel.astype(np.int32), starts), shape=(n_pixels, n_channels)
    )
