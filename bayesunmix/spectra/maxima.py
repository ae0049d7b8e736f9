"""Find the local maxima of a spectrum that are no noise."""

from typing import NamedTuple

import numpy as np
from scipy.ndimage import gaussian_filter1d

from bayesunmix.spectra.channels import channel_width

_SIGMA_KEV = 0.025  # less than half of a peak's own width
_PROMINENT = 4.0  # times the noise
_SIGNIFICANT = 6.0  # times the noise
_SMALLEST = 0.005  # fraction of the highest peak


_FLANK_KEV, _FALLS = 0.2, 0.7  # an axis begins on a flank if counts fall so far to a minimum so near


class Maximum(NamedTuple):
    """Hold a maximum: its energy, and its height above zero."""

    energy_kev: float
    height: float


def after_flank(energy_kev: np.ndarray, counts: np.ndarray) -> int:
    """Return the first channel beyond the flank of a peak, or of the strobe, that the beginning of the axis cuts."""
    width = channel_width(energy_kev)
    near = gaussian_filter1d(counts[: int(2 * _FLANK_KEV / width) + 2], max(_SIGMA_KEV / width, 0.5))
    rises = np.flatnonzero(np.diff(near[: int(_FLANK_KEV / width) + 2]) > 0)
    return int(rises[0]) if rises.size and near[rises[0]] < _FALLS * near[0] else 0


def own_maxima(energy_kev: np.ndarray, counts: np.ndarray) -> np.ndarray:
    """Return the channels of maxima of measured counts, however small beside the largest peak, without shoulders."""
    from scipy.signal import find_peaks as local_maxima

    sigma = max(_SIGMA_KEV / channel_width(energy_kev), 0.5)
    smooth = gaussian_filter1d(counts.astype(np.float64), sigma)
    noise = np.sqrt(np.maximum(smooth, 1.0) / (2 * np.sqrt(np.pi) * sigma))
    return np.asarray(local_maxima(smooth, prominence=_PROMINENT * noise)[0])


def clear_maxima(energy_kev: np.ndarray, counts: np.ndarray) -> list[Maximum]:
    """Return the maxima of counts or expected counts that nobody takes for noise, the most significant first.

    Noise is what remains in the fourth difference of neighbouring channels, in which peaks vanish, but at least
    Poisson's: the endmembers of a blind fit are rougher.
    """
    from scipy.signal import find_peaks as local_maxima

    width = channel_width(energy_kev)
    sigma = max(_SIGMA_KEV / width, 0.5)
    smooth = gaussian_filter1d(counts, sigma)
    # One difference a channel, also of fewer channels than it takes, where "same" would give five.
    difference = np.convolve(counts, (1, -4, 6, -4, 1))[2 : counts.size + 2]
    rough = gaussian_filter1d(difference**2 / 70, 8 * sigma)
    noise = np.sqrt(np.maximum(rough, np.maximum(smooth, 1.0)) / (2 * np.sqrt(np.pi) * sigma))
    # A window as wide as a peak, so that the edge of a gap in the spectrum is not taken for a flank.
    window, apart = (max(int(kev / width), 1) for kev in (0.4, 0.06))
    where, about = local_maxima(smooth, prominence=_SIGNIFICANT * noise, wlen=2 * window + 1, distance=apart)
    strong = about["prominences"] >= _SMALLEST * smooth.max()
    order = np.argsort(-(about["prominences"] / noise[where])[strong])
    return [
        Maximum(_centre_kev(energy_kev, smooth, i), float(counts[max(i - 1, 0) : i + 2].max()))
        for i in where[strong][order]
    ]


def find_maxima(counts: np.ndarray, most: int = 12) -> list[float]:
    """Find the maxima of any spectrum that exceed its noise, whatever is counted in it.

    Parameters
    ----------
    counts : (C,) array
        Counts, or expected counts. Peaks are taken to be as wide as those of X-rays in channels of 10 eV, some ten
        channels.
    most : int
        Largest number of maxima to return, the most significant ones.

    Returns
    -------
    channels : list of float
        Places in channels, in order.
    """
    width = 0.01
    found = clear_maxima(width * np.arange(len(counts)), np.asarray(counts, dtype=np.float64))[:most]
    return sorted(maximum.energy_kev / width for maximum in found)


def _centre_kev(energy_kev: np.ndarray, smooth: np.ndarray, i: int) -> float:
    """Return the top of the parabola through a maximum and its neighbours."""
    left, top, right = smooth[i - 1 : i + 2]
    bend = left - 2 * top + right
    shift = 0.5 * (left - right) / bend if bend < 0 else 0.0
    return float(energy_kev[i] + shift * (energy_kev[i + 1] - energy_kev[i]))
