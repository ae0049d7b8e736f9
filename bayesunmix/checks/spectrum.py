"""Find where the sum spectrum and the model differ, and by what fault, with windows and shapes of known faults.

The most significant misfit is explained first: the most significant of the faults and windows, and a fault rather than
a window where both say nearly the same. It is removed from all others, with its neighbours and its side effects. Then
the next is explained.
"""

from typing import Any, NamedTuple

import numpy as np

from bayesunmix.checks.causes import XrayCauses
from bayesunmix.checks.effect import Said, say_share
from bayesunmix.checks.plain_causes import PlainCauses
from bayesunmix.checks.residuals import Residual, Shapes
from bayesunmix.checks.resolution import peak_width
from bayesunmix.data.spectral_axis import SpectralAxis

_WIDTHS = (1, 4, 16)  # times the FWHM of a peak
_MOST_SENTENCES = 6
_SEEN = 2.0  # standard deviations: a smaller difference in a window shows no fault
_SAYS_IT = 0.7  # fraction of the best chi-square from which a fault, or a narrower window, is the explanation


class Windows(NamedTuple):
    """Hold the counts in windows of neighbouring channels.

    Attributes
    ----------
    low, high : (n,) arrays
        Centres of the first and the last channel, in the unit of the axis.
    counts, expected, sd : (n,) arrays
        Recorded counts, the model's best, and the standard deviation of the difference.
    p_value : (n,) array
        Two-sided.
    """

    low: np.ndarray
    high: np.ndarray
    counts: np.ndarray
    expected: np.ndarray
    sd: np.ndarray
    p_value: np.ndarray

    def peak_wide(self, axis: SpectralAxis) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Return centre, difference in standard deviations and p-value of windows as wide as a peak."""
        places = (self.low + self.high) / 2
        narrow = self.high - self.low < 1.2 * peak_width(axis, places)
        sd = np.where(self.sd > 0, self.sd, np.inf)
        return places[narrow], ((self.counts - self.expected) / sd)[narrow], self.p_value[narrow]

    def named(self, axis: SpectralAxis) -> dict[str, Any]:
        """Return the fields by name; of X-rays the names of the ends say that they are in keV."""
        unit = "_kev" if axis.is_xray else ""
        ends = {"low": f"low{unit}", "high": f"high{unit}"}
        return {ends.get(name, name): values for name, values in self._asdict().items()}


class Fault(NamedTuple):
    """Hold the amplitude of a known fault (unit: `checks.causes.fault_shapes`), its sd and two-sided p-value."""

    amplitude: float
    sd: float
    p_value: float


class SumSpectrum:
    """Run the tests of one sum spectrum."""

    def __init__(self, residual: Residual, by_region: np.ndarray, axis: SpectralAxis) -> None:
        """Run all tests; `by_region` are the expected counts (R, C)."""
        self._residual, self._axis = residual, axis
        self._causes = (XrayCauses if axis.is_xray else PlainCauses)(axis, residual.expected)
        self._shapes = self._causes.shapes(by_region)
        self._first, self._last = _window_edges(axis)
        channel = np.arange(axis.values.size)
        inside = (channel >= self._first[:, None]) & (channel <= self._last[:, None])
        smooth = np.maximum(self._causes.smoothed(residual.expected), 1e-300)
        scores = np.array(list(self._shapes.values())).reshape(-1, channel.size) / smooth
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
            axis.values[self._first],
            axis.values[self._last],
            inside @ residual.counts,
            inside @ residual.expected,
            sd[n:],
            p_values[n:],
        )

    def _tests(self) -> Shapes:
        return Shapes(self._residual, self._weights, self._is_whole)

    def sentences(self, significant: float) -> list[Said]:
        """Explain what is wrong, the worst first, while p-values are at most `significant`."""
        tests, n = self._tests(), len(self._shapes)
        seen, side = tests.p_values() <= significant, np.sign(tests.values)
        said: list[Said] = []
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

    def _say_fault(self, name: str, amplitude: float, error: float) -> Said:
        """Say how large a fault is, and show it by the narrow window in which it is seen best, if it is seen there."""
        shape = amplitude * self._shapes[name]
        change = self._weights[len(self._shapes) :] @ shape
        narrow = self._last - self._first <= np.quantile(self._last - self._first, 0.7)
        sd = np.where(self.windows.sd > 0, self.windows.sd, np.inf)
        j = int((np.abs(change) / sd * narrow).argmax())
        place = float(self.windows.low[j] + self.windows.high[j]) / 2
        difference = self.windows.counts[j] - self.windows.expected[j]
        is_seen = np.sign(difference) == np.sign(change[j]) and abs(difference) > _SEEN * self.windows.sd[j]
        where = f"{self._numbers(j)}; " if is_seen else ""
        share = max(np.maximum(shape, 0).sum(), np.maximum(-shape, 0).sum()) / self._residual.counts.sum()
        cause = self._causes.say_fault(name, amplitude, error, place)
        size = f"{say_share(share)} of all counts"
        text = f"{where}{cause} ({abs(amplitude) / error:.0f} times the error; {size})"
        return Said(text, float(share), f"{cause} ({size})")

    def _say_window(self, j: int, is_excess: bool) -> Said:
        low, high = float(self.windows.low[j]), float(self.windows.high[j])
        cause = self._causes.say_window(low, high, is_excess, self._residual.counts)
        difference = abs(self.windows.counts[j] - self.windows.expected[j])
        share = float(difference / self._residual.counts.sum())
        return Said(f"{self._numbers(j)}; {cause}", share, f"{self._size(j)} at {self._place(j)}")

    def _numbers(self, j: int) -> str:
        w = self.windows
        error = f"{w.sd[j]:.0f}" if w.sd[j] >= 10 else f"{w.sd[j]:.1f}"
        numbers = f"{w.counts[j]:.0f} against {w.expected[j]:.0f} +- {error}"
        return f"{self._place(j)}: {self._size(j)} ({numbers})"

    def _size(self, j: int) -> str:
        difference = self.windows.counts[j] - self.windows.expected[j]
        side = (
            "more counts than the model can give" if difference > 0 else "fewer counts than the model needs"
        )
        return f"{side} by {say_share(difference / self._residual.counts.sum())} of all counts"

    def _place(self, j: int) -> str:
        """Say where a window is: its centre, or the ends of a wide one."""
        low, high, axis = float(self.windows.low[j]), float(self.windows.high[j]), self._axis
        centre = (low + high) / 2
        if high - low < (0.3 if axis.is_xray else 1.2 * peak_width(axis, np.array(centre))):
            return axis.say(centre)
        return f"{low:.1f} to {high:.1f} keV" if axis.is_xray else axis.say_range(low, high)


def _window_edges(axis: SpectralAxis) -> tuple[np.ndarray, np.ndarray]:
    """Return the first and last channel of windows that overlap by half, of each width."""
    edges: list[tuple[int, int]] = []
    for times in _WIDTHS:
        low = axis.values[0]
        while low < axis.values[-1]:
            width = times * float(peak_width(axis, np.array(low)))
            first, last = np.searchsorted(axis.values, [low, low + width])
            edges.append((int(first), max(int(last) - 1, int(first))))
            low += width / 2
    first, last = np.unique(np.array(edges or [(0, 0)]), axis=0).T
    return first, last
