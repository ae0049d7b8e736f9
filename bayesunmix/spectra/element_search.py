"""Find which elements a sum spectrum shows, and fit their lines.

The elements come from the search of `bayesunmix.spectra.axis_search`, which explains the whole spectrum by few elements
and finds an error of the energy axis with them. Their lines, a continuum and the calibration are then fitted at full
resolution (`bayesunmix.spectra.line_model`), from the axis that was found. An element without which that fit is as good
is dropped: a wrong name is worse than none.
"""

from collections.abc import Iterable
from typing import NamedTuple

import numpy as np
from scipy.ndimage import gaussian_filter1d

from bayesunmix.spectra.axis_search import Explanation, explain
from bayesunmix.spectra.channels import channel_width
from bayesunmix.spectra.line_model import LineModel, amplitudes, fit_lines, inverse_noise
from bayesunmix.spectra.standing import Standing

STANDS_OUT = 8.0  # times the noise
STRONG_GAIN = 250.0  # fall of chi-square


class FoundElements(NamedTuple):
    """Hold the elements that were found.

    Parameters
    ----------
    reasons : dict of str to str
        For each element, in the order found, a sentence with the reason.
    model : LineModel
        The fitted sum spectrum.
    unnamed_kev : list of float
        Energies of peaks that stay unexplained.
    doubt : str
        Where names had to be withheld because the energy axis is in doubt, a sentence about it.
    """

    reasons: dict[str, str]
    model: LineModel
    unnamed_kev: list[float]
    doubt: str = ""


def find_elements(energy_kev: np.ndarray, counts: np.ndarray) -> FoundElements:
    """Find the elements of a sum spectrum.

    Parameters
    ----------
    energy_kev : (C,) array
        Channel centres, above 0.
    counts : (C,) array
    """
    explanation = explain(energy_kev, counts)
    judged = explanation.elements | _to_try(explanation)
    axis = explanation.offset_kev, explanation.gain
    model = fit_lines(energy_kev, counts, tuple(judged), axis)
    if doubtful := _without_effect(energy_kev, counts, model, judged):
        judged = {element: standing for element, standing in judged.items() if element not in doubtful}
        model = fit_lines(energy_kev, counts, tuple(judged), axis)
    reasons = {element: _reason(standing) for element, standing in judged.items()}
    return FoundElements(reasons, model, unexplained(energy_kev, counts, model), explanation.doubt)


def _to_try(explanation: Explanation) -> dict[str, Standing]:
    """Return pairs of elements with nearly the same lines, which a fit at full resolution may tell apart."""
    strong = {e: standing for e, standing in explanation.ambiguous.items() if standing.gain > STRONG_GAIN}
    rivals = {s.rival: s._replace(gain=s.rival_gain, rival=e, rival_gain=s.gain) for e, s in strong.items()}
    return {} if explanation.doubt else rivals | strong


def _reason(standing: Standing) -> str:
    rival = f"; the next best, {standing.rival}, {standing.rival_gain:.0f}" if standing.rival else ""
    kev = standing.nominal_kev[0]
    return f"its lines explain the peak at {kev:.3f} keV (chi-square falls by {standing.gain:.0f}{rival})"


def unexplained(energy_kev: np.ndarray, counts: np.ndarray, model: LineModel) -> list[float]:
    """Return the energies in keV of the peaks by which the sum spectrum exceeds the model, in order."""
    from scipy.signal import find_peaks as local_maxima

    where, _ = local_maxima(_excess(energy_kev, counts, model), height=STANDS_OUT)
    return [round(float(kev), 3) for kev in energy_kev[where]]


def _excess(energy_kev: np.ndarray, counts: np.ndarray, model: LineModel) -> np.ndarray:
    """Return the counts above the model in units of their noise.

    A tenth of the expected counts is added to the noise, because no model of strong lines is much better than that.
    """
    sigma = max(0.04 / channel_width(energy_kev), 0.5)
    expected = gaussian_filter1d(np.maximum(model.fitted, 1.0), sigma)
    noise = np.hypot(np.sqrt(expected / (2 * np.sqrt(np.pi) * sigma)), 0.1 * expected / STANDS_OUT)
    return np.asarray(gaussian_filter1d(counts - model.fitted, sigma) / noise)


def _without_effect(
    energy_kev: np.ndarray, counts: np.ndarray, model: LineModel, elements: Iterable[str]
) -> set[str]:
    """Return elements without which the model is as good: a hump of the continuum can look like a peak."""
    weights = inverse_noise(energy_kev, counts)
    curves = model.background

    def misfit(left_out: str) -> float:
        kept = [not name.startswith(f"{left_out}_") for name in model.names]
        design = np.concatenate([model.spectra[kept], curves])
        return float((((amplitudes(design, counts, weights) @ design - counts) * weights) ** 2).sum())

    with_all = misfit("nothing")
    return {element for element in elements if misfit(element) - with_all < STANDS_OUT**2}
