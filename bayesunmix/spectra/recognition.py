"""Explain a sum spectrum by elements, named by the user or found, and say what is missing."""

from typing import NamedTuple

import numpy as np

from bayesunmix.spectra.element_search import find_elements, unexplained
from bayesunmix.spectra.line_model import LineModel, fit_lines

NOISE_BELOW_KEV = 0.2  # below it lie the detector's noise and strobe
LEAST_IN_REFERENCE = 100
_OFF_EV, _OFF_GAIN = 15.0, 0.003  # an axis that is further off is reported


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
    doubt : str
        A sentence, if names were withheld because the energy axis is in doubt.
    noise : (C,) array
        Counts below 0.2 keV, which are not fitted; 0 from there on.
    first : int
        Number of channels below 0.2 keV.
    """

    reasons: dict[str, str]
    model: LineModel
    unnamed_kev: list[float]
    doubt: str
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
        return [*axis_warnings(self.model), *([self.doubt] if self.doubt else []), *sentences]

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
        return Recognised(*find_elements(energy_kev, counts), noise, first)
    reasons = dict.fromkeys(elements, "asked for")
    model = fit_lines(energy_kev, counts, tuple(reasons))
    return Recognised(reasons, model, unexplained(energy_kev, counts, model), "", noise, first)


def axis_warnings(model: LineModel) -> list[str]:
    """Return a sentence if the fitted lines say that the energy axis is off: by how much, and what to do."""
    offset, gain = 1000 * model.offset_kev, model.gain
    if not model.names or (abs(offset) <= _OFF_EV and abs(gain - 1) <= _OFF_GAIN):
        return []
    sign = "+" if offset > 0 else "-"
    return [
        f"The energy axis is probably off: a channel labelled E lies at {gain:.4f} E {sign} {abs(offset):.0f} eV. "
        "Elements and line families allow for it, windows at nominal energies do not: correct the axis and unmix again."
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
