"""Bring a spectrum to the coarse axis of `bayesunmix.spectra.element_patterns`, on each of many energy axes.

What the model leaves out counts as noise: a fraction of the counts, and what escape, pile-up and tails of strong peaks
may add.
"""

from dataclasses import dataclass, replace

import numpy as np
from scipy.ndimage import gaussian_filter1d, grey_opening

from bayesunmix.spectra.channels import channel_edges, channel_width
from bayesunmix.spectra.detector import FWHM_PER_SD, Detector
from bayesunmix.spectra.element_patterns import Patterns, element_patterns

PEAK_ERROR, CONTINUUM_ERROR = 0.07, 0.02
# The continuum goes on before the first channel, though nobody knows how: otherwise it may rise there without limit.
_BEFORE_KEV, _BEFORE_ERROR = 0.035, 0.5
_WIDEST_KEV = 1.5  # what is wider is no peak
_ESCAPE, _ESCAPE_KEV = 0.012, 1.740
_PILE_UP = 0.006
_TAIL, _TAIL_KEV = 0.03, 0.25
_WIDTHS = 1.2 ** np.arange(-3, 7)  # factors on the square of the usual width that are tried
_TRUSTED = 8  # strongest peaks that tell the width, a quarter of them: many are several lines
_STEM_KEV = 200.0
_ENDS, _SHORT_KEV = 0.9, 15.0  # counts up to this fraction of an axis; an axis too short to tell the beam
_STRETCHES = ((0.7, 0.8), (0.9, 1.0))
_FLAT = 0.9


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
    width : float
        Factor on the square of the usual width that the strongest peaks seem to have.
    """

    edges_kev: np.ndarray
    summed: np.ndarray
    patterns: Patterns
    recorded: tuple[float, float]
    width: float

    def of_near_widths(self) -> "list[CoarseSpectrum]":
        """Return the same for peaks of this width, and of the next smaller and larger ones."""
        near = np.abs(np.log(_WIDTHS / self.width)).argmin() + np.arange(-2, 3)
        widths = [float(_WIDTHS[i]) for i in near if 0 <= i < len(_WIDTHS)]
        return [
            replace(self, patterns=element_patterns(*self.recorded, width), width=width) for width in widths
        ]

    def on_axes(self, offsets_kev: np.ndarray, gains: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return counts and weights in each bin, (N, B), if channels lie at offset + gain x E."""
        at = (self.patterns.edges_kev - offsets_kev[:, None]) / gains[:, None]
        counts, smooth, *faults = (
            np.diff(np.interp(at, self.edges_kev, column), axis=1) for column in self.summed.T
        )
        variance = np.maximum(smooth, 1.0) + sum(fault**2 for fault in faults)
        measured = (at[:, :-1] >= self.edges_kev[0]) & (at[:, 1:] <= self.edges_kev[-1])
        return counts, measured / variance


def coarse_spectrum(energy_kev: np.ndarray, counts: np.ndarray, peaks_kev: np.ndarray) -> CoarseSpectrum:
    """Prepare a spectrum.

    Parameters
    ----------
    energy_kev, counts : (C,) arrays
    peaks_kev : (n,) array
        Its clear peaks.
    """
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
    factor = _peak_width(energy_kev, counts, peaks_kev)
    return CoarseSpectrum(edges, summed, element_patterns(end, beam, factor), (end, beam), factor)


def _beam_kev(energy_kev: np.ndarray, counts: np.ndarray) -> float:
    """Guess the energy of the electrons from where the counts end, or from how Kramers' continuum falls towards it.

    Too low a guess lets soft lines stand alone and is safe; 200 keV is the highest.
    """
    total = np.cumsum(counts)
    top = float(energy_kev[min(int(np.searchsorted(total, 0.9999 * total[-1])), counts.size - 1)])
    last = float(energy_kev[-1])
    if top < _ENDS * last:
        return float(np.clip(round(1.1 * top), 3, 30))
    middle, end = ((energy_kev > low * last) & (energy_kev <= high * last) for low, high in _STRETCHES)
    if last < _SHORT_KEV or not middle.any() or not end.any():
        return _STEM_KEV
    per_photon = counts * energy_kev / Detector().efficiency(energy_kev)
    n_end = max(float(counts[end].sum()), 1.0)
    fall = float(np.mean(per_photon[end]) / max(np.median(per_photon[middle]), 1e-300))
    fall *= max(1 - 2 / np.sqrt(n_end), 0.0)  # of very few counts it says nothing
    if fall >= _FLAT:
        return _STEM_KEV
    return float(round(last * (0.95 - 0.75 * fall) / (1 - fall)))


def _below_peaks(smooth: np.ndarray, width_kev: float) -> np.ndarray:
    """Return a curve below all peaks: the highest one into whose valleys a window fits."""
    size = max(round(_WIDEST_KEV / width_kev), 1)
    return np.asarray(gaussian_filter1d(grey_opening(smooth, size), size / 4))


def _peak_width(energy_kev: np.ndarray, counts: np.ndarray, peaks_kev: np.ndarray) -> float:
    """Return the factor on the square of a peak's width that suits the strongest peaks, one of a few."""
    step = channel_width(energy_kev)
    sigma = max(0.02 / step, 0.5)
    smooth = gaussian_filter1d(counts, sigma)
    maxima = np.searchsorted(energy_kev, peaks_kev - step / 2)
    strongest = maxima[np.argsort(-smooth[maxima], kind="stable")][:_TRUSTED]
    bend = np.gradient(np.gradient(smooth, energy_kev), energy_kev)[strongest]
    variance = smooth[strongest] / np.maximum(-bend, 1e-300) - (sigma * step) ** 2
    usual = (Detector().fwhm_kev(energy_kev[strongest]) / FWHM_PER_SD) ** 2
    factor = np.clip(np.quantile(variance / usual, 0.25), 0.1, 10)
    return float(_WIDTHS[np.abs(np.log(_WIDTHS / factor)).argmin()])
