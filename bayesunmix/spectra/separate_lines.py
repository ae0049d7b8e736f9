"""Tell lines, which differ between materials, from the continuum: soft lines and those of no element are lines too.

The model of a sum spectrum (`bayesunmix.spectra.line_model`) counts L and M lines below 0.5 keV as continuum, and
leaves peaks of which it does not know the element. A material without titanium has none of its L line at 0.45 keV, and
may have none of such a peak. So they are lines where each material has a spectrum of its own.
"""

from dataclasses import replace

import numpy as np

from bayesunmix.spectra.background import recorded_continuum_curves
from bayesunmix.spectra.families import family_spectra, line_at, lines_of
from bayesunmix.spectra.line_model import LineModel, amplitudes, inverse_noise
from bayesunmix.spectra.recognition import Recognised

# The excess beside a strong line has its maximum further from it than the line that makes it.
_NEAR_KEV, _STEP_KEV = 0.04, 0.005
_LEAST = 1e-300


def separate_lines(energy_kev: np.ndarray, counts: np.ndarray, found: Recognised) -> Recognised:
    """Count soft and unnamed lines as lines, and record the continuum as the detector does.

    Parameters
    ----------
    energy_kev : (C,) array
        All channel centres of the image.
    counts : (C,) array
        Its sum spectrum.
    found : Recognised
        What that shows.
    """
    model = found.model
    elements = dict.fromkeys(name.partition("_")[0] for name in (*model.names, *found.reasons))
    axis = model.offset_kev + model.gain * energy_kev[found.first :]
    counts = counts[found.first :].astype(np.float64)
    soft = {
        name: spectrum
        for name, spectrum in family_spectra(elements, axis, model.detector).items()
        if name not in model.names
    }
    lines = replace(
        model,
        names=(*model.names, *soft),
        spectra=np.concatenate([model.spectra, *(spectrum[None] for spectrum in soft.values())]),
        background=recorded_continuum_curves(axis, model.detector),
    )
    weights = inverse_noise(energy_kev[found.first :], counts)
    for kev in found.unnamed_kev:
        lines = _with_line(lines, axis, counts, weights, model.offset_kev + model.gain * kev)
    return found._replace(model=lines)


def _with_line(
    model: LineModel, axis: np.ndarray, counts: np.ndarray, weights: np.ndarray, near_kev: float
) -> LineModel:
    """Add the line close to an energy that explains the counts best."""

    def tried(kev: float) -> tuple[float, str, np.ndarray]:
        name = line_at(kev)
        peak = model.detector.record(*lines_of(name), axis)
        peak /= max(peak.sum(), _LEAST)
        design = np.concatenate([model.spectra, peak[None], model.background])
        misfit = (((amplitudes(design, counts, weights) @ design - counts) * weights) ** 2).sum()
        return float(misfit), name, peak

    steps = np.arange(-_NEAR_KEV, _NEAR_KEV + _STEP_KEV / 2, _STEP_KEV)
    _, name, peak = min(map(tried, near_kev + steps), key=lambda one: one[0])
    return replace(model, names=(*model.names, name), spectra=np.concatenate([model.spectra, peak[None]]))
