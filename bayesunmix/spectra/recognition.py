"""Explain a sum spectrum by elements, named by the user or found, and say what is missing."""

from typing import NamedTuple

import numpy as np

from bayesunmix.spectra.axis_search import explain
from bayesunmix.spectra.element_search import find_elements, unexplained
from bayesunmix.spectra.line_model import LineModel, fit_lines
from bayesunmix.spectra.maxima import clear_maxima

NOISE_BELOW_KEV = 0.2  # below it lie the detector's noise and strobe
LEAST_IN_REFERENCE = 100
_OFF_KEV = 0.015  # an axis whose peaks stand further off is reported
_NEAR_KEV = 0.03


class Recognised(NamedTuple):
    """Hold what a sum spectrum shows.

    Attributes
    ----------
    reasons : dict of str to str
        For each element, a sentence with the reason.
    model : LineModel
        Model of the channels from `first` on.
    unnamed_kev : list of float
        Energies of peaks that no element explains.
    about_axis : list of str
        Sentences, if the energy axis is off, or if names were withheld because it is in doubt.
    noise : (C,) array
        Counts below 0.2 keV, which are not fitted; 0 from there on.
    first : int
        Number of channels below 0.2 keV.
    """

    reasons: dict[str, str]
    model: LineModel
    unnamed_kev: list[float]
    about_axis: list[str]
    noise: np.ndarray
    first: int

    @property
    def warnings(self) -> list[str]:
        """Return sentences about what is missing, and about an energy axis that is off."""
        names = self.model.names
        silent = [e for e in self.reasons if not any(name.startswith(f"{e}_") for name in names)]
        sentences = []
        if not names:
            sentences.append("No element was recognised, so everything is continuum. Name the elements.")
        if silent:
            sentences.append(
                f"No line of {', '.join(silent)} lies on the energy axis, so there is no map of it."
            )
        if self.unnamed_kev:
            peaks = ", ".join(f"{kev:.2f}" for kev in self.unnamed_kev)
            sentences.append(
                f"The peaks at {peaks} keV belong to none of {', '.join(self.reasons) or 'the elements'}. "
                "If you know their elements, name all elements of the specimen."
            )
        return [*self.about_axis, *sentences]

    def all_channels(self, curves: np.ndarray) -> np.ndarray:
        """Widen curves (J, C - first) to all channels, with zeros."""
        return np.pad(curves, [(0, 0), (self.first, 0)])


def recognise(energy_kev: np.ndarray, counts: np.ndarray, elements: tuple[str, ...] | None) -> Recognised:
    """Fit the lines of the given elements, or of those that the sum spectrum shows beyond doubt.

    Parameters
    ----------
    energy_kev : (C,) array
        Channel centres.
    counts : (C,) array
        Sum spectrum.
    elements : tuple of str, optional

    Raises
    ------
    ValueError
        If an element is unknown.
    """
    first = int(np.searchsorted(energy_kev, NOISE_BELOW_KEV))
    noise = np.where(np.arange(counts.size) < first, counts, 0)
    energy_kev, counts = energy_kev[first:], counts[first:].astype(np.float64)
    if elements is None:
        reasons, model, unnamed_kev, doubt = find_elements(energy_kev, counts)
    else:
        reasons, doubt = dict.fromkeys(elements, "asked for"), ""
        model = fit_lines(energy_kev, counts, tuple(reasons))
        unnamed_kev = unexplained(energy_kev, counts, model)
    about_axis = [doubt] if doubt else _about_axis(energy_kev, counts, model, elements or ())
    return Recognised(reasons, model, unnamed_kev, about_axis, noise, first)


def _about_axis(
    energy_kev: np.ndarray, counts: np.ndarray, model: LineModel, likely: tuple[str, ...]
) -> list[str]:
    """Return a sentence if the fitted lines say that the energy axis is off: by how much, and what to do.

    They must stand at peaks, and where the search among all elements has them: lines of elements that are not there may
    fit others' peaks on a wrong axis.
    """
    expected = energy_kev[model.spectra.argmax(axis=1)] if model.names else np.zeros(0)
    true_kev = model.offset_kev + model.gain * expected
    searched = explain(energy_kev, counts, likely)
    peaks = np.array([peak.energy_kev for peak in clear_maxima(energy_kev, counts)])
    if not expected.size or not peaks.size:
        return []
    measured = peaks[np.abs(peaks - expected[:, None]).argmin(axis=1)]
    agrees = np.abs(searched.offset_kev + searched.gain * expected - true_kev) <= _NEAR_KEV
    shown = agrees & (np.abs(measured - expected) <= _NEAR_KEV)
    if not shown.any() or np.median(np.abs(measured - true_kev)[shown]) <= _OFF_KEV:
        return []
    # Lines in one place do not tell offset and gain apart; the search says so, or knows more lines.
    in_one_place = searched.gain == 1 or bool(
        set(searched.elements) - {name.split("_")[0] for name in model.names}
    )
    offset, gain = (searched.offset_kev, searched.gain) if in_one_place else (model.offset_kev, model.gain)
    moved = f"{gain:.4f} E {'+' if offset > 0 else '-'} {1000 * abs(offset):.0f} eV"
    return [
        f"The energy axis is probably off: a channel labelled E lies at {moved}. Elements and line families allow for "
        "it, windows at nominal energies do not: correct the axis and unmix again."
    ]


def owned_elements(energy_kev: np.ndarray, references: np.ndarray) -> tuple[tuple[str, ...], ...]:
    """Find the elements of each reference spectrum: what the setting `phases` of the method "bayes" takes.

    Parameters
    ----------
    energy_kev : (C,) array
        Channel centres.
    references : (K, C) array
        Spectra in counts: how many there are decides which peaks are beyond doubt.

    Raises
    ------
    ValueError
        If spectra and energies do not fit together, or a spectrum is not in counts.

    Examples
    --------
    >>> import numpy as np
    >>> import bayesunmix as bu
    >>> from bayesunmix.spectra import Detector, thin_film
    >>> energy_kev = np.arange(1, 10, 0.02)
    >>> films = [thin_film("Cr").record(energy_kev, Detector()), thin_film("Ni").record(energy_kev, Detector())]
    >>> references = np.array([20_000 * film / film.sum() for film in films])
    >>> bu.owned_elements(energy_kev, references)
    (('Cr',), ('Ni',))
    """
    spectra = np.atleast_2d(np.asarray(references, np.float64))
    if spectra.shape[1:] != np.shape(energy_kev):
        raise ValueError(
            f"reference spectra must be (K, {np.size(energy_kev)}), one row a phase, got shape {spectra.shape}"
        )
    if (totals := spectra.sum(axis=1)).min() < LEAST_IN_REFERENCE:
        raise ValueError(
            f"reference spectra must be in counts, at least {LEAST_IN_REFERENCE} each, got a sum of {totals.min():g}; "
            "multiply one that sums to one by its number of counts"
        )
    return tuple(tuple(recognise(energy_kev, spectrum, None).reasons) for spectrum in spectra)


def require_symbols(name: str, elements: object) -> None:
    """Raise `TypeError` unless a setting is a tuple of strings."""
    if not isinstance(elements, tuple) or not all(isinstance(element, str) for element in elements):
        raise TypeError(
            f"setting {name} must be a tuple of symbols, got {elements!r}; for example ('Ni', 'Cr')"
        )
