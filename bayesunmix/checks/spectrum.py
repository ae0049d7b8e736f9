"""Find where the sum spectrum and the model differ, and by what fault, with windows and shapes of known faults.

The most significant misfit is explained first: the most significant of the faults and windows, and a fault rather than
a window where both say nearly the same. It is removed from all others, with its neighbours and its side effects. Then
the next is explained.
"""

from typing import NamedTuple

import numpy as np

from bayesunmix.checks.causes import fault_shapes, known_lines, say_fault, say_window, smoothed
from bayesunmix.checks.residuals import Residual, Shapes
from bayesunmix.spectra.detector import Detector

_WIDTHS = (1, 4, 16)  # times the FWHM of a peak
_MOST_SENTENCES = 6
_SAYS_IT = 0.7  # fraction of the best chi-square from which a fault, or a narrower window, is the explanation


class Windows(NamedTuple):
    """Hold the counts in windows of neighbouring channels.

    Attributes
    ----------
    low_kev, high_kev : (n,) arrays
        Centres of the first and the last channel.
    counts, expected, sd : (n,) arrays
        Recorded counts, the model's best, and the standard deviation of the difference.
    p_value : (n,) array
        Two-sided.
    """

    low_kev: np.ndarray
    high_kev: np.ndarray
    counts: np.ndarray
    expected: np.ndarray
    sd: np.ndarray
    p_value: np.ndarray

    def peak_wide(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Return centre in keV, difference in standard deviations and p-value of windows as wide as a peak."""
        energy = (self.low_kev + self.high_kev) / 2
        narrow = self.high_kev - self.low_kev < 1.2 * Detector().fwhm_kev(np.maximum(energy, 0))
        sd = np.where(self.sd > 0, self.sd, np.inf)
        return energy[narrow], ((self.counts - self.expected) / sd)[narrow], self.p_value[narrow]


class Fault(NamedTuple):
    """Hold the amplitude of a known fault (unit: `checks.causes.fault_shapes`), its sd and two-sided p-value."""

    amplitude: float
    sd: float
    p_value: float


class SumSpectrum:
    """Run the tests of one sum spectrum."""

    def __init__(self, residual: Residual, by_region: np.ndarray, energy_kev: np.ndarray) -> None:
        """Run all tests; `by_region` are the expected counts (R, C)."""
        self._residual, self._energy_kev = residual, energy_kev
        self._lines = known_lines(energy_kev, residual.expected)
        self._shapes = fault_shapes(energy_kev, by_region, self._lines)
        self._first, self._last = _window_edges(energy_kev)
        channel = np.arange(energy_kev.size)
        inside = (channel >= self._first[:, None]) & (channel <= self._last[:, None])
        smooth = np.maximum(smoothed(energy_kev, residual.expected), 1e-300)
        scores = np.array(list(self._shapes.values())).reshape(-1, energy_kev.size) / smooth
        self._weights = np.concatenate([scores, inside])
        self._is_whole = np.arange(len(self._weights)) >= len(scores)
        tests = self._tests()
        p_values, sd = tests.p_values(), tests.sd
        amplitudes = tests.values / np.where(sd > 0, sd, 1) ** 2 * (sd > 0)
        n = len(scores)
        self.faults = {
            name: Fault(float(amplitudes[j]), float(1 / sd[j]) if sd[j] > 0 else np.inf, float(p_values[j]))
            for j, name in enumerate(self._shapes)
        }
        self.windows = Windows(
            energy_kev[self._first],
            energy_kev[self._last],
            inside @ residual.counts,
            inside @ residual.expected,
            sd[n:],
            p_values[n:],
        )

    def _tests(self) -> Shapes:
        return Shapes(self._residual, self._weights, self._is_whole)

    def sentences(self, significant: float) -> list[str]:
        """Explain what is wrong, the worst first, while p-values are at most `significant`."""
        tests, n = self._tests(), len(self._shapes)
        seen, side = tests.p_values() <= significant, np.sign(tests.values)
        said: list[str] = []
        while len(said) < _MOST_SENTENCES:
            sd, p_values = tests.sd, tests.p_values()
            chi_square = np.where(sd > 0, tests.values**2 / np.where(sd > 0, sd, 1) ** 2, 0)
            # What shows only once others are explained, or on the other side, is their side effect.
            chi_square[~seen | (side != np.sign(tests.values)) | (p_values > significant)] = 0
            if not chi_square.any():
                break
            fault = int(chi_square[:n].argmax()) if n else 0
            best = self._narrowest(chi_square)
            if n and chi_square[fault] >= _SAYS_IT * chi_square.max():
                best = fault
            error = 1 / sd[best]
            amplitude = tests.take(best)
            if best < n:
                said.append(self._say_fault(list(self._shapes)[best], amplitude, error))
            else:
                said.append(self._say_window(best - n, amplitude > 0))
        return said

    def _narrowest(self, chi_square: np.ndarray) -> int:
        """Return the narrowest window that says nearly as much as the best test."""
        width = np.append(np.full(len(self._shapes), np.inf), self._last - self._first)
        width[chi_square < _SAYS_IT * chi_square.max()] = np.inf
        return int(np.lexsort((-chi_square, width))[0])

    def _say_fault(self, name: str, amplitude: float, error: float) -> str:
        """Show a fault by the narrow window in which it is seen best."""
        change = amplitude * (self._weights[len(self._shapes) :] @ self._shapes[name])
        narrow = self._last - self._first <= np.quantile(self._last - self._first, 0.7)
        sd = np.where(self.windows.sd > 0, self.windows.sd, np.inf)
        j = int((np.abs(change) / sd * narrow).argmax())
        kev = (self.windows.low_kev[j] + self.windows.high_kev[j]) / 2
        return f"{self._numbers(j)}; {say_fault(name, amplitude, error, float(kev), self._lines)}"

    def _say_window(self, j: int, is_excess: bool) -> str:
        low, high = float(self.windows.low_kev[j]), float(self.windows.high_kev[j])
        cause = say_window(low, high, is_excess, self._energy_kev, self._residual.counts, self._lines)
        return f"{self._numbers(j)}; {cause}"

    def _numbers(self, j: int) -> str:
        w = self.windows
        side = (
            "more counts than the model can give"
            if w.counts[j] > w.expected[j]
            else "fewer counts than the model needs"
        )
        low, high = w.low_kev[j], w.high_kev[j]
        narrow = high - low < 0.3
        place = f"{(low + high) / 2:.2f} keV" if narrow else f"{low:.1f} to {high:.1f} keV"
        error = f"{w.sd[j]:.0f}" if w.sd[j] >= 10 else f"{w.sd[j]:.1f}"
        return f"{place}: {side} ({w.counts[j]:.0f} against {w.expected[j]:.0f} +- {error})"


def _window_edges(energy_kev: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the first and last channel of windows that overlap by half, of each width."""
    edges: list[tuple[int, int]] = []
    for times in _WIDTHS:
        low = energy_kev[0]
        while low < energy_kev[-1]:
            width = times * float(Detector().fwhm_kev(np.array(max(low, 0.0))))
            first, last = np.searchsorted(energy_kev, [low, low + width])
            edges.append((int(first), max(int(last) - 1, int(first))))
            low += width / 2
    first, last = np.unique(np.array(edges or [(0, 0)]), axis=0).T
    return first, last
