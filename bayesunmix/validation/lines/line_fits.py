r"""Fit the lines of elements and a continuum to the summed counts of regions, with errors.

The calibration and the shapes come from the sum spectrum of all pixels (`bayesunmix.spectra.line_model`). For a region
with counts y only the amplitudes are free, :math:`y = a D` with :math:`a \ge 0`. They are fitted with the noise that
the fit itself predicts: Poisson's, and the error that every model of lines has. All lines are fitted jointly, so that
an overlapped line has the error that the overlap leaves.
"""

from collections.abc import Iterable
from typing import NamedTuple

import numpy as np

from bayesunmix.data.image import SpectrumImage
from bayesunmix.spectra.line_model import MODEL_ERROR, LineModel, amplitudes, fit_lines
from bayesunmix.spectra.recognition import NOISE_BELOW_KEV, recognise

CONTINUUM = "continuum"
_ROUNDS = 4
_LEAST_EXPECTED = 0.3  # counts of a channel, in its error


class RegionFit(NamedTuple):
    """Hold amplitudes of curves, in counts, and their covariance.

    Attributes
    ----------
    names : tuple of str
        Line families and "continuum", one for each curve.
    curves : (J, C) array
        Over the channels of the fit; each sums to one.
    counts : (J,) array
    covariance : (J, J) array
    """

    names: tuple[str, ...]
    curves: np.ndarray
    counts: np.ndarray
    covariance: np.ndarray

    def of(self, name: str) -> tuple[float, float]:
        """Return the net counts of a family (or of the continuum), and their standard deviation."""
        own = np.array([other == name for other in self.names], float)
        return float(own @ self.counts), float(np.sqrt(max(own @ self.covariance @ own, 0.0)))


class LineFits:
    """Fit regions of one image with the lines of some elements."""

    def __init__(self, image: SpectrumImage, also: Iterable[str] = ()) -> None:
        """Find the elements of the sum spectrum, and add those that are given."""
        energy, spectrum = image.energy_kev, image.sum_spectrum()
        self.first = int(np.searchsorted(energy, NOISE_BELOW_KEV))
        self.energy_kev = energy[self.first :]
        found = recognise(energy, spectrum, None)
        self.found = tuple(found.reasons)
        elements = tuple(dict.fromkeys((*self.found, *also)))
        self.model: LineModel = found.model
        if set(elements) != set(self.found):
            self.model = fit_lines(self.energy_kev, spectrum[self.first :].astype(float), elements)

    def fit(self, counts: np.ndarray, wanted: Iterable[str] = ()) -> RegionFit:
        """Fit the counts (C,) of a region, in all channels of the image.

        Parameters
        ----------
        counts : (C,) array
        wanted : iterable of str
            Families whose error is needed even if there are none of their photons.
        """
        curves = np.concatenate([self.model.spectra, self.model.background])
        names = (*self.model.names, *[CONTINUUM] * len(self.model.background))
        return fit_curves(names, curves, counts[self.first :].astype(float), wanted)


def fit_curves(
    names: tuple[str, ...], curves: np.ndarray, counts: np.ndarray, wanted: Iterable[str] = ()
) -> RegionFit:
    """Fit counts (C,) with non-negative amounts of curves, (J, C)."""
    expected = np.full(counts.size, max(counts.mean(), _LEAST_EXPECTED))
    found = np.zeros(len(curves))
    for _ in range(_ROUNDS):
        found = amplitudes(curves, counts, _weights(expected))
        expected = found @ curves
    keep = set(wanted)
    used = (found > 0) | np.array([name in keep for name in names])
    design = curves[used] * _weights(expected)
    covariance = np.zeros((len(curves), len(curves)))
    size = np.maximum(np.linalg.norm(design, axis=1), 1e-300)
    covariance[np.ix_(used, used)] = np.linalg.pinv(
        (design / size[:, None]) @ (design / size[:, None]).T, rcond=1e-8, hermitian=True
    ) / np.outer(size, size)
    return RegionFit(names, curves, found, covariance)


def _weights(expected: np.ndarray) -> np.ndarray:
    expected = np.maximum(expected, _LEAST_EXPECTED)
    return np.asarray(1 / np.hypot(np.sqrt(expected), MODEL_ERROR * expected))
