"""Find which elements a sum spectrum shows: those with a peak of their own, then those that explain what is left.

First come the elements that `bayesunmix.spectra.peaks` names because nothing else fits. Their lines, a continuum and
the calibration are fitted (`bayesunmix.spectra.line_model`). Then every maximum of the spectrum above the model is
tried, the largest excess first, with all families of every element that has a line there. An element is accepted if it
explains much, and clearly more than the second best. Neither a shoulder of a peak nor a peak that no element explains
alone gets a name: a wrong name is worse than none.
"""

from collections.abc import Iterable
from dataclasses import replace
from typing import NamedTuple

import numpy as np
import xraylib
from scipy.ndimage import gaussian_filter1d

from bayesunmix.spectra.channels import channel_width
from bayesunmix.spectra.families import family_spectra
from bayesunmix.spectra.line_model import LineModel, amplitudes, fit_lines, inverse_noise
from bayesunmix.spectra.peaks import UNLIKELY, find_peaks

STANDS_OUT = 8.0  # times the noise
TOLERANCE_KEV = 0.040
LEAST_GAIN = 250.0  # fall of chi-square
CLEARLY = 0.8  # the second best explains less than this fraction of what the best does


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
    """

    reasons: dict[str, str]
    model: LineModel
    unnamed_kev: list[float]


def find_elements(energy_kev: np.ndarray, counts: np.ndarray) -> FoundElements:
    """Find the elements of a sum spectrum.

    Parameters
    ----------
    energy_kev : (C,) array
        Channel centres, above 0.
    counts : (C,) array
    """
    reasons: dict[str, str] = {}
    for peak in find_peaks(energy_kev, counts, most=40):
        if peak.element:
            sentence = f"the peak at {peak.energy_kev:.3f} keV is its strongest line and no other element's"
            reasons.setdefault(peak.element, sentence)
    model = fit_lines(energy_kev, counts, tuple(reasons))
    if doubtful := _without_effect(energy_kev, counts, model, reasons):
        reasons = {element: reason for element, reason in reasons.items() if element not in doubtful}
        model = fit_lines(energy_kev, counts, tuple(reasons))
    further = _explaining(energy_kev, counts, model, set(reasons)) if energy_kev.size > 2 else {}
    if further:
        reasons |= further
        model = fit_lines(energy_kev, counts, tuple(reasons))
    return FoundElements(reasons, model, unexplained(energy_kev, counts, model))


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


def _explaining(
    energy_kev: np.ndarray, counts: np.ndarray, model: LineModel, known: set[str]
) -> dict[str, str]:
    """Find further elements, each with its reason, at the calibration of the model."""
    axis = model.offset_kev + model.gain * energy_kev
    weights = inverse_noise(energy_kev, counts)
    candidates = {
        symbol: spectra
        for symbol in map(xraylib.AtomicNumberToSymbol, range(5, 93))
        if symbol not in known | UNLIKELY
        and (spectra := np.array([*family_spectra([symbol], axis, model.detector).values()])).size
    }
    curves = np.concatenate([model.spectra, model.background])
    maxima = _maxima(energy_kev, counts)
    found: dict[str, str] = {}
    unnamed: list[float] = []
    # Beside a main peak that is already named, an excess is rather that peak's fault.
    owned = energy_kev[model.spectra.argmax(axis=1)]
    maxima = np.array([i for i in maxima if np.abs(energy_kev[i] - owned).min(initial=1.0) > TOLERANCE_KEV])

    def misfit(curves: np.ndarray) -> tuple[float, np.ndarray]:
        fitted = amplitudes(curves, counts, weights) @ curves
        return float((((fitted - counts) * weights) ** 2).sum()), fitted

    before, _ = misfit(curves)
    while (peak := _next_peak(energy_kev, counts, model, maxima, unnamed)) is not None:
        near = [s for s, spectra in candidates.items() if _has_peak_at(spectra, energy_kev, peak)]
        gains = {s: before - misfit(np.concatenate([curves, candidates[s]]))[0] for s in near}
        best, second, *_ = [*sorted(near, key=lambda s: -gains[s]), "", ""]
        if not best or gains[best] < LEAST_GAIN or gains.get(second, 0) > CLEARLY * gains[best]:
            unnamed.append(peak)
            continue
        rival = f"; the next best, {second}, {gains[second]:.0f}" if second else ""
        found[best] = (
            f"its lines explain the peak at {peak:.3f} keV (chi-square falls by {gains[best]:.0f}{rival})"
        )
        curves = np.concatenate([curves, candidates.pop(best)])
        before, fitted = misfit(curves)
        model = replace(model, fitted=fitted)
    return found


def _maxima(energy_kev: np.ndarray, counts: np.ndarray) -> np.ndarray:
    """Return the channels of the spectrum's own maxima, however small beside its largest peak, without shoulders."""
    from scipy.signal import find_peaks as local_maxima

    sigma = max(0.025 / channel_width(energy_kev), 0.5)
    smooth = gaussian_filter1d(counts.astype(np.float64), sigma)
    noise = np.sqrt(np.maximum(smooth, 1.0) / (2 * np.sqrt(np.pi) * sigma))
    return np.asarray(local_maxima(smooth, prominence=4 * noise)[0])


def _next_peak(
    energy_kev: np.ndarray, counts: np.ndarray, model: LineModel, maxima: np.ndarray, unnamed: list[float]
) -> float | None:
    """Return the energy of the maximum that exceeds the model most."""
    excess = _excess(energy_kev, counts, model)
    left = [int(i) for i in maxima if excess[i] > STANDS_OUT and energy_kev[i] not in unnamed]
    return float(energy_kev[max(left, key=lambda i: excess[i])]) if left else None


def _has_peak_at(spectra: np.ndarray, energy_kev: np.ndarray, peak: float) -> bool:
    return bool((np.abs(energy_kev[spectra.argmax(axis=1)] - peak) <= TOLERANCE_KEV).any())
