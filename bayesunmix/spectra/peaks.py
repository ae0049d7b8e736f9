"""Find the peaks of a spectrum, and name the element of each where only one fits.

A peak is a local maximum that exceeds its surroundings by six times the noise. It gets the name of an element only if
that element's strongest line is the only candidate within the calibration error, and if the element's other strong
lines, where the beam must have excited them, are peaks too. All other peaks are given by their energy: a wrong name is
worse than none.
"""

from functools import cache
from typing import NamedTuple

import numpy as np
import xraylib

from bayesunmix.spectra.channels import channel_width

_SIGNIFICANT = 6.0  # times the noise
_SMALLEST = 0.005  # fraction of the highest peak
_TOLERANCE_KEV = 0.022
_RESOLUTION_KEV = 0.075  # half of a peak's width: a companion this close to another peak hides in its flank
_MUST_SHOW_KEV = (3.0, 9.5)  # strong lines in this range cannot be absorbed away or lack beam energy
#: Elements that hardly anyone has in a specimen: noble gases and what decays.
UNLIKELY = {"He", "Ne", "Kr", "Xe", "Tc", "Pm", "Po", "At", "Rn", "Fr", "Ra", "Ac", "Pa"}


class Peak(NamedTuple):
    """Hold a peak: its energy, its height above zero, and the element's symbol, or "" if none is certain."""

    energy_kev: float
    height: float
    element: str


def find_peaks(energy_kev: np.ndarray, counts: np.ndarray, most: int = 12) -> list[Peak]:
    """Find and name the peaks of a spectrum.

    Parameters
    ----------
    energy_kev : (C,) array
    counts : (C,) array
        Counts, or expected counts. Their size decides what exceeds the noise.
    most : int
        Largest number of peaks to return, the most significant ones.

    Returns
    -------
    peaks : list of Peak
        In order of energy. Of an element's lines only the strongest, a K-alpha or L-alpha, has the name; further lines
        that a named element explains are left out.
    """
    found = _maxima(energy_kev, np.asarray(counts, dtype=np.float64))
    energies = np.array([peak.energy_kev for peak in found])
    named: dict[str, float] = {}
    owners: dict[Peak, str] = {}
    for peak in sorted(found, key=lambda peak: -peak.height):
        if any(
            height > peak.height and _is_minor_line(peak.energy_kev, symbol)
            for symbol, height in named.items()
        ):
            continue
        owners[peak] = _owner(peak.energy_kev, energies)
        if owners[peak]:
            named.setdefault(owners[peak], peak.height)
    kept = [peak for peak in found if peak in owners][:most]
    return sorted(peak._replace(element=owners[peak]) for peak in kept)


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
    found = _maxima(width * np.arange(len(counts)), np.asarray(counts, dtype=np.float64))[:most]
    return sorted(peak.energy_kev / width for peak in found)


def _maxima(energy_kev: np.ndarray, counts: np.ndarray) -> list[Peak]:
    """Return local maxima that are no noise, the most significant first.

    Noise is what remains in the fourth difference of neighbouring channels, in which peaks vanish, but at least
    Poisson's: the endmembers of a blind fit are rougher.
    """
    from scipy.ndimage import gaussian_filter1d
    from scipy.signal import find_peaks as local_maxima

    width = channel_width(energy_kev)
    sigma = max(0.025 / width, 0.5)  # channels; less than half of a peak's own width
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
        Peak(_centre(energy_kev, smooth, i), float(counts[max(i - 1, 0) : i + 2].max()), "")
        for i in where[strong][order]
    ]


def _centre(energy_kev: np.ndarray, smooth: np.ndarray, i: int) -> float:
    """Return the top of the parabola through a maximum and its neighbours."""
    left, top, right = smooth[i - 1 : i + 2]
    bend = left - 2 * top + right
    shift = 0.5 * (left - right) / bend if bend < 0 else 0.0
    return float(energy_kev[i] + shift * (energy_kev[i + 1] - energy_kev[i]))


def _owner(energy: float, peaks: np.ndarray) -> str:
    """Return the one element whose strongest line is here and whose other strong lines show; empty if none is."""
    candidates = {
        symbol
        for symbol, strong, companions in _elements()
        if any(abs(energy - line) <= _TOLERANCE_KEV for line in strong)
        and all(_shows(line, peaks) for line in strong if _MUST_SHOW_KEV[0] <= line <= _MUST_SHOW_KEV[1])
        and all(_shows(line, peaks) for line in companions)
    }
    return candidates.pop() if len(candidates) == 1 else ""


def _is_minor_line(energy: float, symbol: str) -> bool:
    """Return True if an element that is there anyway explains this peak by a line other than its strongest."""
    number = int(xraylib.SymbolToAtomicNumber(symbol))
    minor = (_line(number, getattr(xraylib, f"{name}_LINE")) for name in ("KB", "LA", "LB", "L3M1", "L2N4"))
    return any(abs(energy - line) <= 2 * _TOLERANCE_KEV for line in minor if line)


def _shows(line: float, peaks: np.ndarray) -> bool:
    return bool((np.abs(peaks - line) <= _RESOLUTION_KEV).any())


@cache
def _elements() -> list[tuple[str, tuple[float, ...], tuple[float, ...]]]:
    """List symbol, strongest lines in keV, and companions that must be seen with them, from boron to uranium.

    Up to zinc and its neighbours the K lines decide. L-alpha of heavier elements is accepted with L-beta beside it.
    """
    table: list[tuple[str, tuple[float, ...], tuple[float, ...]]] = []
    for number in range(5, 93):
        symbol = xraylib.AtomicNumberToSymbol(number)
        k_alpha, l_alpha, l_beta = (
            _line(number, c) for c in (xraylib.KA_LINE, xraylib.LA_LINE, xraylib.LB_LINE)
        )
        if symbol in UNLIKELY:
            continue
        if number <= 32:
            table.append((symbol, (k_alpha,), ()))
        elif l_beta - l_alpha > 3 * _TOLERANCE_KEV:
            table.append((symbol, (l_alpha,), (l_beta,)))
    return table


def _line(number: int, constant: int) -> float:
    """Return the energy in keV, or 0 if xraylib has none."""
    try:
        return float(xraylib.LineEnergy(number, constant))
    except ValueError:
        return 0.0
