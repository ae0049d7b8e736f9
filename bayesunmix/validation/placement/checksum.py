"""Compare a claimed spectrum with summed counts, channel by channel: is it their sum, to the last photon."""

from typing import NamedTuple

import numpy as np

from bayesunmix.claims.claimed_parts import ClaimedSpectrum

_LEAST_COUNTS = 100
_LEAST_SHARE = 0.5


class Checksum(NamedTuple):
    """Hold where a claimed spectrum equals summed counts.

    Attributes
    ----------
    first : int
        Channel of the claimed spectrum at the first channel of the counts; negative if it begins later.
    counts : int
        Photons of the channels that were compared.
    """

    first: int
    counts: int


def checksum(claimed: ClaimedSpectrum, counts: np.ndarray) -> Checksum | None:
    """Return where a claimed spectrum equals counts (C,) in every channel that both have; None if nowhere."""
    if not claimed.are_whole or counts.sum() < _LEAST_COUNTS:
        return None
    for first in _offsets(claimed.counts, counts):
        low, high = max(0, -first), min(counts.size, claimed.counts.size - first)
        ours, theirs = counts[low:high], claimed.counts[low + first : high + first]
        if ours.sum() >= max(_LEAST_COUNTS, _LEAST_SHARE * counts.sum()) and np.array_equal(ours, theirs):
            return Checksum(first, int(ours.sum()))
    return None


def _offsets(claimed: np.ndarray, counts: np.ndarray) -> list[int]:
    """Return the offsets that are likely: the same first channel, the same last one, and the best agreement."""
    n = claimed.size + counts.size
    cross = np.fft.irfft(np.fft.rfft(claimed, n) * np.fft.rfft(counts, n).conj(), n)
    best = int(np.argmax(cross))
    return list(dict.fromkeys((0, claimed.size - counts.size, best - n if best >= claimed.size else best)))
