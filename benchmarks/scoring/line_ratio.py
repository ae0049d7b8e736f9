"""Give the windows and ratios of lines that benchmarks score by their names there: they are those of the library."""

import numpy as np

from bayesunmix.analysis import line_maps
from bayesunmix.analysis.line_ratios import line_ratio_interval, line_ratios
from bayesunmix.data.spectral_axis import SpectralAxis

__all__ = ["line_ratio_interval", "line_ratios", "line_window"]


def line_window(energy_kev: np.ndarray, line: str) -> np.ndarray:
    """Return True for the channels of a line, (C,) bool."""
    return line_maps.line_window(line, SpectralAxis(energy_kev))
