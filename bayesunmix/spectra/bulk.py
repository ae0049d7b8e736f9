r"""Tell a bulk specimen from a thin film by the continuum of its spectrum.

Electrons that cross a thin film radiate a continuum of density 1/E up to energies far beyond the detector's. Electrons
that are stopped in a bulk specimen radiate :math:`(E_0 - E)/E` (Kramers), which ends at the energy :math:`E_0` of the
beam. So continuum times E over the efficiency is level for a film, and falls on a straight line to zero at
:math:`E_0` for a bulk specimen.
"""

from typing import NamedTuple

import numpy as np

from bayesunmix.spectra.line_model import LineModel

#: Electrons of less are stopped, or slowed down, by nearly any specimen. An SEM reaches 30 keV, a TEM begins at 60.
LEAST_FILM_KEV = 40.0
_FROM_KEV = 4.0  # below it absorption bends the continuum
_LEAST_SPAN_KEV = 4.0
_LEAST_COUNTS = 300.0
_CLEAR = 3.0  # standard deviations


class ContinuumEnd(NamedTuple):
    """Hold where the continuum ends, as 1/E0 in 1/keV with its standard deviation; 0 is a thin film."""

    inverse_kev: float
    sd: float

    @property
    def is_bulk(self) -> bool:
        """Return whether the continuum surely ends below 40 keV."""
        return self.inverse_kev - _CLEAR * self.sd > 1 / LEAST_FILM_KEV

    @property
    def kev(self) -> float:
        """Return the energy at which the continuum ends; infinite where it does not."""
        return 1 / self.inverse_kev if self.inverse_kev > 0 else np.inf


def continuum_end(energy_kev: np.ndarray, model: LineModel) -> ContinuumEnd | None:
    """Find where the continuum of a fitted sum spectrum ends; None where there is too little of it to say.

    Parameters
    ----------
    energy_kev : (C,) array
        Channel centres of the model.
    model : LineModel
    """
    axis = model.offset_kev + model.gain * energy_kev
    used = axis >= _FROM_KEV
    counts = model.continuum[used]
    if not used.any() or axis[-1] - _FROM_KEV < _LEAST_SPAN_KEV or counts.sum() < _LEAST_COUNTS:
        return None
    # The density of counts times E over the efficiency, in half-keV bins, whose Poisson noise is of the lines as well.
    scale = axis[used] / np.maximum(model.detector.efficiency(axis[used]), 1e-3)
    bins = ((axis[used] - _FROM_KEV) / 0.5).astype(int)
    width = np.maximum(np.bincount(bins), 1)
    level = np.bincount(bins, counts * scale) / width
    noise = np.sqrt(np.bincount(bins, np.maximum(model.fitted[used], 0.1) * scale**2)) / width
    centre = np.bincount(bins, axis[used]) / width
    design = np.stack([np.ones_like(centre), -centre], axis=1) / noise[:, None]
    (height, slope), *_ = np.linalg.lstsq(design, level / noise, rcond=None)
    if not height > 0:
        return None
    covariance = np.linalg.inv(design.T @ design)
    gradient = np.array([-slope / height**2, 1 / height])
    return ContinuumEnd(float(slope / height), float(np.sqrt(gradient @ covariance @ gradient)))
