"""Bring a spectrum to the coarse axis of `bayesunmix.spectra.element_patterns`, on each of many energy axes.

What the model leaves out counts as noise: a fraction of the counts, and what escape, pile-up and tails of strong peaks
may add.
"""

from dataclasses import dataclass, replace

import numpy as np
from scipy.ndimage import gaussian_filter1d, grey_opening

from bayesunmix.spectra.channels import channel_edges, channel_width
from bayesunmix.spectra.detector import Detector
from bayesunmix.spectra.element_patterns import Patterns, element_patterns

PEAK_ERROR, CONTINUUM_ERROR = 0.07, 0.02
# The continuum goes on before the first channel, though nobody knows how: otherwise it may rise there without limit.
_BEFORE_KEV, _BEFORE_ERROR = 0.035, 0.5
_WIDEST_KEV = 1.5  # what is wider is no peak
_ESCAPE, _ESCAPE_KEV = 0.012, 1.740
_PILE_UP = 0.006
_TAIL, _TAIL_KEV = 0.03, 0.25
WIDTHS = (0.7, 0.85, 1.0, 1.2, 1.45)  # factors on the square of the usual width
_STEM_KEV = 200.0


@dataclass(frozen=True, eq=False)
class CoarseSpectrum:
    """Hold a spectrum, what its noise is made of, and the patterns to explain it by.

    Parameters
    ----------
    edges_kev : (n,) array
        Nominal channel edges, and some before.
    summed : (n, 6) array
        Running sums of the counts, of the smooth counts, and of four faults that the patterns do not have.
    patterns : Patterns
    recorded : (float, float)
        End of the axis and energy of the electrons, in keV.
    """

    edges_kev: np.ndarray
    summed: np.ndarray
    patterns: Patterns
    recorded: tuple[float, float]

    def of_width(self, factor: float) -> "CoarseSpectrum":
        """Return the same with peaks whose squared width is the usual one times a factor."""
        return replace(self, patterns=element_patterns(*self.recorded, factor))

    def on_axes(self, offsets_kev: np.ndarray, gains: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return counts and weights in each bin, (N, B), if channels lie at offset + gain x E."""
        at = (self.patterns.edges_kev - offsets_kev[:, None]) / gains[:, None]
        counts, smooth, *faults = (
            np.diff(np.interp(at, self.edges_kev, column), axis=1) for column in self.summed.T
        )
        variance = np.maximum(smooth, 1.0) + sum(fault**2 for fault in faults)
        measured = (at[:, :-1] >= self.edges_kev[0]) & (at[:, 1:] <= self.edges_kev[-1])
        return counts, measured / variance


def coarse_spectrum(energy_kev: np.ndarray, counts: np.ndarray) -> CoarseSpectrum:
    """Prepare a spectrum of counts (C,), for peaks of usual width."""
    width = channel_width(energy_kev)
    smooth = gaussian_filter1d(counts, max(0.02 / width, 0.1))
    escape = _ESCAPE * np.interp(energy_kev + _ESCAPE_KEV, energy_kev, smooth, right=0)
    sums = np.convolve(smooth, smooth) / max(smooth.sum(), 1.0)
    sums_kev = 2 * energy_kev[0] + width * np.arange(sums.size)
    pile_up = _PILE_UP * np.interp(energy_kev, sums_kev, sums, left=0, right=0)
    below = np.exp(-width / _TAIL_KEV * np.arange(min(max(round(4 * _TAIL_KEV / width), 1), counts.size)))
    tail = _TAIL * np.convolve(smooth[::-1], below / below.sum())[: smooth.size][::-1]
    low = _below_peaks(smooth, width)
    shape = PEAK_ERROR * (smooth - low) + CONTINUUM_ERROR * low
    columns = np.stack([counts, smooth, shape, escape, pile_up, tail], axis=1)
    n_before = max(round(_BEFORE_KEV / width), 1)
    before = low[0] * np.array([1, 1, _BEFORE_ERROR, 0, 0, 0])
    summed = np.cumsum(np.concatenate([np.zeros((1, 6)), np.tile(before, (n_before, 1)), columns]), axis=0)
    edges = channel_edges(energy_kev)
    edges = np.concatenate([edges[0] - width * np.arange(n_before, 0, -1), edges])
    end, beam = round(float(energy_kev[-1]), 1), _beam_kev(energy_kev, counts)
    return CoarseSpectrum(edges, summed, element_patterns(end, beam, 1.0), (end, beam))


def _beam_kev(energy_kev: np.ndarray, counts: np.ndarray) -> float:
    """Guess the energy of the electrons from where the counts end: 200 keV if they do not end on the axis."""
    per_photon = counts * energy_kev / Detector().efficiency(energy_kev)
    last = energy_kev[-1]
    end = np.mean(per_photon[energy_kev > 0.95 * last])
    before = np.median(per_photon[(energy_kev > 0.7 * last) & (energy_kev < 0.8 * last)])
    top = float(
        energy_kev[min(int(np.searchsorted(np.cumsum(counts), 0.9999 * counts.sum())), counts.size - 1)]
    )
    if end > 0.55 * before or (last < 15 and top > 0.9 * last):
        return _STEM_KEV
    return float(np.clip(round(1.1 * top), 3, 30))


def _below_peaks(smooth: np.ndarray, width_kev: float) -> np.ndarray:
    """Return a curve below all peaks: the highest one into whose valleys a window fits."""
    size = max(round(_WIDEST_KEV / width_kev), 1)
    return np.asarray(gaussian_filter1d(grey_opening(smooth, size), size / 4))
