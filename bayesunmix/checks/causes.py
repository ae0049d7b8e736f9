"""What may be wrong with a sum spectrum of X-rays, and how it is said.

Known faults have known shapes. An energy scale that is off moves every peak, peaks are wider or have tails, silicon
escape, pile-up and the strobe add peaks where the detector model predicts them, and a prior flattens spectra. Each is a
direction to test. A misfit that none of them explains is looked up: an excess may be an escape or sum peak of the
model's strong lines, or a line of an element that the model lacks.
"""

from typing import NamedTuple

import numpy as np
from scipy.ndimage import gaussian_filter1d

from bayesunmix.data.spectral_axis import SpectralAxis
from bayesunmix.spectra.channels import channel_width
from bayesunmix.spectra.detector import FWHM_PER_SD, Detector
from bayesunmix.spectra.peaks import find_peaks

ESCAPE_KEV = 1.740
NEAR_KEV = 0.04
SMOOTH_KEV = 0.010  # a fifth of a peak's standard deviation
_STRONGEST = 6
_CLEAR = 3.0  # standard deviations above which the slope of a spectrum is no noise
_IDEAL = Detector()
_FAULTS = {"tail": Detector(tail_share=0.1), "escape": Detector(escape=True)}


class XrayCauses:
    """Look up what may have caused a misfit of X-ray counts."""

    def __init__(self, axis: SpectralAxis, expected: np.ndarray) -> None:
        """Find the lines of the model's sum spectrum, (C,)."""
        self._energy_kev = axis.energy_kev
        self._lines = known_lines(axis.energy_kev, expected)

    def smoothed(self, expected: np.ndarray) -> np.ndarray:
        """Remove noise from the model's sum spectrum."""
        return smoothed(self._energy_kev, expected)

    def shapes(self, by_region: np.ndarray) -> dict[str, np.ndarray]:
        """Return what each fault adds to the sum of the expected counts (R, C), (C,) by name."""
        return fault_shapes(self._energy_kev, by_region, self._lines)

    def say_fault(self, name: str, amplitude: float, sd: float, place: float) -> str:
        """Describe a fault in words; `place` is where it shows most, in keV."""
        return say_fault(name, amplitude, sd, place, self._lines)

    def say_window(self, low: float, high: float, is_excess: bool, counts: np.ndarray) -> str:
        """Look up what may have caused counts that no fault explains."""
        return say_window(low, high, is_excess, self._energy_kev, counts, self._lines)


class KnownLines(NamedTuple):
    """Hold the lines of the model: energies in keV, counts, and names; the strongest first."""

    energy_kev: np.ndarray
    counts: np.ndarray
    names: tuple[str, ...]


def smoothed(energy_kev: np.ndarray, expected: np.ndarray) -> np.ndarray:
    """Remove noise from the model's sum spectrum."""
    return np.asarray(gaussian_filter1d(expected, SMOOTH_KEV / channel_width(energy_kev), mode="nearest"))


def known_lines(energy_kev: np.ndarray, expected: np.ndarray) -> KnownLines:
    """Find the lines of the model's sum spectrum, minor ones too."""
    from scipy.signal import find_peaks as local_maxima

    smooth = smoothed(energy_kev, expected)
    least = np.maximum(6 * np.sqrt(smooth), 0.003 * smooth.max())
    where, about = local_maxima(smooth, prominence=least)
    sd = _IDEAL.fwhm_kev(energy_kev[where]) / FWHM_PER_SD
    counts = about["prominences"] * np.sqrt(2 * np.pi) * sd / channel_width(energy_kev)
    order = np.argsort(-counts, kind="stable")
    named = [peak for peak in find_peaks(energy_kev, expected, most=40) if peak.element]
    names = []
    for kev in energy_kev[where][order]:
        own = [peak.element for peak in named if abs(peak.energy_kev - kev) < NEAR_KEV]
        names.append(f"{own[0]} ({kev:.2f} keV)" if own else f"the {kev:.2f} keV line")
    return KnownLines(energy_kev[where][order], counts[order], tuple(names))


def fault_shapes(energy_kev: np.ndarray, by_region: np.ndarray, lines: KnownLines) -> dict[str, np.ndarray]:
    """Return what each fault adds to the sum of the expected counts (R, C), to first order, (C,) by name.

    The unit of "shift" is 1 keV, and of "gain" and "width" a relative change of 1. The others have arbitrary units.
    """
    if energy_kev.size < 3:
        return {}
    smooth = smoothed(energy_kev, by_region.sum(axis=0))
    variance = (_IDEAL.fwhm_kev(energy_kev) / FWHM_PER_SD) ** 2

    def slope(values: np.ndarray) -> np.ndarray:
        return np.gradient(values, energy_kev)

    moved = -slope(smooth), -slope(energy_kev * smooth), slope(slope(variance * smooth))
    noise = _slope_noise(energy_kev, by_region.sum(axis=0), variance)
    shapes = {
        name: np.where(np.abs(shape) > _CLEAR * sd, shape, 0)
        for name, shape, sd in zip(("shift", "gain", "width"), moved, noise, strict=True)
    } | {
        "flat": np.full(smooth.size, smooth.mean()),
    }
    emitted = lines.counts / np.maximum(_IDEAL.efficiency(lines.energy_kev), 1e-6)
    for name, detector in _FAULTS.items():
        shapes[name] = detector.record(lines.energy_kev, emitted, energy_kev) - _IDEAL.record(
            lines.energy_kev, emitted, energy_kev
        )
    if np.allclose(np.diff(energy_kev), energy_kev[1] - energy_kev[0], rtol=1e-6):
        shapes["pile-up"] = _pairs(energy_kev, by_region)
    if energy_kev[0] < 0.1:
        shapes["strobe"] = Detector(strobe=0.01).count(smooth, energy_kev) - smooth
    return {name: shape for name, shape in shapes.items() if np.abs(shape).max() > 0}


def _slope_noise(
    energy_kev: np.ndarray, expected: np.ndarray, variance: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return how far the shapes "shift", "gain" and "width" scatter if the expected counts scatter like counts.

    Where a shape does not exceed this, in a continuum, it may be noise that the endmembers copied from the same
    counts, and a test with it would find that noise in the counts again.
    """
    width = channel_width(energy_kev)
    reach = int(np.ceil(6 * SMOOTH_KEV / width)) + 3
    one = np.zeros(2 * reach + 1)
    one[reach] = 1
    answer = gaussian_filter1d(one, SMOOTH_KEV / width, mode="constant")
    once = np.gradient(answer, width)
    twice = np.gradient(once, width)
    first, second = (
        np.sqrt(np.maximum(np.convolve(expected, kernel**2, mode="full")[reach : reach + expected.size], 0))
        for kernel in (once, twice)
    )
    return first, energy_kev * first, variance * second


def _pairs(energy_kev: np.ndarray, by_region: np.ndarray) -> np.ndarray:
    """Return the spectrum of the sums of two photons of one region, as many as there are photons."""
    n = 2 * energy_kev.size
    transform = np.fft.rfft(by_region, n, axis=1)
    pairs = np.fft.irfft((transform**2 / by_region.sum(axis=1, keepdims=True)).sum(axis=0), n)
    pairs_kev = 2 * energy_kev[0] + (energy_kev[1] - energy_kev[0]) * np.arange(n)
    return np.interp(energy_kev, pairs_kev, np.maximum(pairs, 0), left=0, right=0)


def say_fault(name: str, amplitude: float, sd: float, kev: float, lines: KnownLines) -> str:
    """Describe a fault in words; `kev` is where it shows most."""
    more = amplitude > 0
    if name == "shift":
        side = "higher" if more else "lower"
        return f"peaks lie {1000 * abs(amplitude):.2g} +- {1000 * sd:.1g} eV {side} than the model's"
    if name == "gain":
        side = "higher" if more else "lower"
        return f"energies are {100 * abs(amplitude):.2g} +- {100 * sd:.1g} % {side} than the model's"
    if name == "width":
        side = "wider" if more else "narrower"
        return f"peaks are {100 * abs(amplitude):.2g} +- {100 * sd:.1g} % {side} than the model's"
    if name == "escape":
        if not more:
            return "the model has more of silicon's escape peaks than the counts"
        return f"an escape peak of {_nearest(kev + ESCAPE_KEV, lines)}?"
    if name == "flat" and not more:
        return "the endmembers are flatter than the counts: a prior that outweighs them? pool channels"
    words = {
        "flat": "a background of equal height everywhere",
        "tail": "tails of the peaks towards low energy",
        "pile-up": "pile-up: two photons counted as one",
    }
    said = words.get(name, "the strobe, the zero peak of the electronics")
    return f"{said}?" if more else f"the model has more of this than the counts: {said}"


def say_window(
    low_kev: float,
    high_kev: float,
    is_excess: bool,
    energy_kev: np.ndarray,
    counts: np.ndarray,
    lines: KnownLines,
) -> str:
    """Look up what may have caused counts that no fault explains."""
    kev, fwhm = (low_kev + high_kev) / 2, float(_IDEAL.fwhm_kev(np.array((low_kev + high_kev) / 2)))
    if high_kev - low_kev > 2 * fwhm:
        return "a continuum of another shape?"
    if (np.abs(lines.energy_kev - kev) < fwhm / 2).any():
        return f"another intensity of {_nearest(kev, lines)} beside the other lines of its component?"
    if not is_excess:
        return "a component's spectrum that is too high there?"
    energies = lines.energy_kev[:_STRONGEST]
    if (np.abs(energies - ESCAPE_KEV - kev) < fwhm / 2).any():
        return f"an escape peak of {_nearest(kev + ESCAPE_KEV, lines)}?"
    sums = energies[:, None] + energies
    if (np.abs(sums - kev) < fwhm / 2).any():
        first, second = np.unravel_index(np.abs(sums - kev).argmin(), sums.shape)
        return f"a sum peak of {lines.names[first]} and {lines.names[second]}?"
    for peak in find_peaks(energy_kev, counts, most=40):
        if peak.element and abs(peak.energy_kev - kev) < fwhm / 2:
            return f"{peak.element}, which the model lacks?"
    return "a line that the model lacks?"


def _nearest(kev: float, lines: KnownLines) -> str:
    return lines.names[int(np.abs(lines.energy_kev - kev).argmin())] if lines.names else f"{kev:.2f} keV"
