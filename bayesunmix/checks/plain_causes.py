"""What may be wrong with a sum spectrum that is no X-ray spectrum: nothing is known of its lines and its detector.

Two faults are looked for whatever was counted: peaks that lie elsewhere than the model's, and a background of equal
height. A misfit that they do not explain is described by where it is.
"""

import numpy as np
from scipy.ndimage import gaussian_filter1d

from bayesunmix.checks.resolution import PEAK_CHANNELS
from bayesunmix.data.spectral_axis import SpectralAxis
from bayesunmix.spectra.channels import channel_width
from bayesunmix.spectra.maxima import find_maxima

_SMOOTH = 0.5  # channels


class PlainCauses:
    """Look up what may have caused a misfit of counts on any axis."""

    def __init__(self, axis: SpectralAxis, expected: np.ndarray) -> None:
        """Find the maxima of the model's sum spectrum, (C,)."""
        self._axis = axis
        channels = np.arange(axis.values.size)
        self._maxima = np.interp(find_maxima(expected, most=40), channels, axis.values)

    def smoothed(self, expected: np.ndarray) -> np.ndarray:
        """Remove noise from the model's sum spectrum."""
        return np.asarray(gaussian_filter1d(expected, _SMOOTH, mode="nearest"))

    def shapes(self, by_region: np.ndarray) -> dict[str, np.ndarray]:
        """Return what each fault adds to the sum of the expected counts (R, C), (C,) by name; "shift" in units."""
        if self._axis.values.size < 3:
            return {}
        smooth = self.smoothed(by_region.sum(axis=0))
        shapes = {
            "shift": -np.gradient(smooth, self._axis.values),
            "flat": np.full(smooth.size, smooth.mean()),
        }
        return {name: shape for name, shape in shapes.items() if np.abs(shape).max() > 0}

    def say_fault(self, name: str, amplitude: float, sd: float, place: float) -> str:
        """Describe a fault in words."""
        if name == "shift":
            side = "higher" if amplitude > 0 else "lower"
            by = self._axis.said(f"{abs(amplitude):.2g} +- {sd:.1g}")
            return f"peaks lie {by} {side} than the model's"
        if amplitude > 0:
            return "a background of equal height everywhere?"
        return "the endmembers are flatter than the counts: a prior that outweighs them? pool channels"

    def say_window(self, low: float, high: float, is_excess: bool, counts: np.ndarray) -> str:
        """Describe counts that no fault explains."""
        width = PEAK_CHANNELS * channel_width(self._axis.values)
        place = (low + high) / 2
        if high - low > 2 * width:
            return "a background of another shape?"
        near = self._maxima[np.abs(self._maxima - place) < width / 2]
        if near.size:
            peak = self._axis.say(float(near[np.abs(near - place).argmin()]))
            return f"another intensity of the peak at {peak} beside the other peaks of its component?"
        return (
            "a peak that the model lacks?" if is_excess else "a component's spectrum that is too high there?"
        )
