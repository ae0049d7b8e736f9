"""Choose the line that each element is counted by, and its factor, from the sum spectrum."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import NamedTuple

import numpy as np

from bayesunmix.analysis.family_shares import FamilyFit
from bayesunmix.data.image import SpectrumImage
from bayesunmix.quantification.factors import LineFactor, computed_factor
from bayesunmix.quantification.overlaps import confirming, overlapping, rivals
from bayesunmix.spectra.detector import Detector
from bayesunmix.spectra.k_factors import group_share, parse_line
from bayesunmix.spectra.line_model import LineModel, fit_lines
from bayesunmix.spectra.lines import atomic_number
from bayesunmix.spectra.recognition import NOISE_BELOW_KEV, recognise

_COVERED = 0.3  # relative error that a covered line counts for when lines are compared
_CLEAR = 3.0  # standard deviations
_AXIS_SD_KEV = 0.003  # of the energy axis that is fitted to a sum spectrum


class Choice(NamedTuple):
    """Hold which lines are counted.

    Attributes
    ----------
    model : LineModel
        Of the channels from `first` on, with all elements that the sum spectrum shows.
    first : int
    factors : tuple of LineFactor
        One for each element that is quantified.
    k : (E,) array
        The factors for counts of whole families.
    left_out : tuple of str
        Elements that were fitted and are not quantified.
    remarks : dict of str to tuple of str
        What there is to say of an element wherever it stands.
    """

    model: LineModel
    first: int
    factors: tuple[LineFactor, ...]
    k: np.ndarray
    left_out: tuple[str, ...]
    remarks: dict[str, tuple[str, ...]]

    @property
    def elements(self) -> tuple[str, ...]:
        """Return the elements that are quantified."""
        return tuple(factor.element for factor in self.factors)

    @property
    def places(self) -> list[int]:
        """Return where in the model the counted family of each element is."""
        return [self.model.names.index(factor.family) for factor in self.factors]

    @property
    def sd(self) -> np.ndarray:
        """Return the standard deviations of the logarithms of the factors, (E,)."""
        return np.array([factor.sd for factor in self.factors])


def choose_lines(
    image: SpectrumImage,
    wanted: Sequence[str] | None,
    given: Mapping[str, LineFactor] | None,
    exclude: Sequence[str],
    beam_kev: float,
    detector: Detector | None,
    seed: int,
) -> Choice:
    """Fit the sum spectrum and choose a family for each element.

    Parameters
    ----------
    image : SpectrumImage
    wanted : sequence of str or None
        Elements ("Fe") or lines ("Fe_Ka"); None for all that the sum spectrum shows.
    given : mapping from line to LineFactor, or None
    exclude : sequence of str
        Elements to fit and not to quantify.
    beam_kev : float
    detector : Detector or None
    seed : int
        Of the counting noise that is simulated.

    Raises
    ------
    TypeError, ValueError
        If an element is unknown, no line of it is on the axis, or its factor is missing.
    """
    asked = _asked(wanted, given)
    excluded = _symbols("exclude", exclude)
    energy_kev, counts = image.energy_kev, image.sum_spectrum()
    found = tuple(recognise(energy_kev, counts, None).reasons)
    everything = tuple(dict.fromkeys([*found, *(asked or {}), *excluded]))
    first = int(np.searchsorted(energy_kev, NOISE_BELOW_KEV))
    energy_kev, counts = energy_kev[first:], counts[first:].astype(np.float64)
    if not everything:
        raise ValueError(
            "no element was recognised in the sum spectrum; name those of the specimen by elements=['Fe', 'Pt']"
        )
    model = fit_lines(energy_kev, counts, everything)
    net, noise = _net_counts(model, energy_kev, counts, seed)
    used = detector or Detector()
    elements = [e for e in (asked or dict.fromkeys(found)) if e not in excluded]
    if asked is None:
        elements = [e for e in elements if _on_axis(e, model) and (given is None or _factored(e, given))]
    if not elements:
        raise ValueError(
            f"no element is left to quantify after leaving out {', '.join(excluded) or 'none'}; name one by elements"
        )
    sized = dict(zip(model.names, net, strict=True))
    factors = tuple(
        _best(e, (asked or {}).get(e), model, sized, noise, given, beam_kev, detector) for e in elements
    )
    k = np.array([_for_family(factor, beam_kev, used) for factor in factors])
    by_axis = _axis_errors(model, energy_kev, counts)
    factors = tuple(f._replace(sd=float(np.hypot(f.sd, by_axis[f.family]))) for f in factors)
    left_out = tuple(e for e in everything if e not in elements and _on_axis(e, model))
    return Choice(
        model, first, factors, k, left_out, _remarks(factors, model, sized, noise, float(energy_kev[-1]))
    )


def _asked(
    wanted: Sequence[str] | None, given: Mapping[str, LineFactor] | None
) -> dict[str, str | None] | None:
    """Return what is asked for: for each element the line, or None where any will do."""
    if wanted is None:
        return None if given is None else {factor.element: None for factor in given.values()}
    if isinstance(wanted, str) or not all(isinstance(name, str) for name in wanted):
        raise TypeError(
            f"elements must be a list of symbols or lines, got {wanted!r}; for example ['Fe', 'Pt']"
        )
    if not wanted:
        raise ValueError(
            "elements must name at least one element, got none; leave it out to take all that are found"
        )
    asked: dict[str, str | None] = {}
    for name in wanted:
        element = parse_line(name)[0] if "_" in name else name
        atomic_number(element)
        if element in asked:
            raise ValueError(f"elements must name each element once, got {element} twice; leave one out")
        asked[element] = name if "_" in name else None
    return asked


def _symbols(name: str, elements: Sequence[str]) -> tuple[str, ...]:
    if isinstance(elements, str) or not all(isinstance(element, str) for element in elements):
        raise TypeError(f"{name} must be a list of symbols, got {elements!r}; for example ['Cu']")
    for element in elements:
        atomic_number(element)
    return tuple(dict.fromkeys(elements))


def _net_counts(
    model: LineModel, energy_kev: np.ndarray, counts: np.ndarray, seed: int
) -> tuple[np.ndarray, dict[str, float]]:
    """Return the net counts of the families in the sum spectrum, and their counting noise by name."""
    fit = FamilyFit(model, energy_kev, counts)
    draws = fit(
        np.random.default_rng([seed, 2]).poisson(np.maximum(model.fitted, 0), (40, counts.size)).astype(float)
    )
    return fit(counts[None])[0], dict(
        zip(model.names, np.maximum(draws.std(axis=0), 1.0).tolist(), strict=True)
    )


def _axis_errors(model: LineModel, energy_kev: np.ndarray, counts: np.ndarray) -> dict[str, float]:
    """Return the relative error of the counts of each family that an energy axis has which is off by a few eV.

    It is large where lines overlap that are told apart by their place alone, such as O K and Cr L.
    """
    nets = []
    for shift in (-_AXIS_SD_KEV, _AXIS_SD_KEV):
        moved = np.array([np.interp(energy_kev + shift, energy_kev, row) for row in model.spectra])
        of_shape = moved.reshape(model.spectra.shape)
        nets.append(FamilyFit(replace(model, spectra=of_shape), energy_kev, counts)(counts[None])[0])
    half = np.abs(nets[0] - nets[1]) / 2
    size = np.maximum((nets[0] + nets[1]) / 2, 1.0)
    return dict(zip(model.names, np.minimum(half / size, 1.0).tolist(), strict=True))


def _on_axis(element: str, model: LineModel) -> list[str]:
    return [name for name in model.names if name.partition("_")[0] == element]


def _factored(element: str, given: Mapping[str, LineFactor]) -> list[LineFactor]:
    return [factor for factor in given.values() if factor.element == element]


def _best(
    element: str,
    line: str | None,
    model: LineModel,
    net: Mapping[str, float],
    noise: Mapping[str, float],
    given: Mapping[str, LineFactor] | None,
    beam_kev: float,
    detector: Detector | None,
) -> LineFactor:
    """Return the factor of the line of an element whose factor and counts have the smallest error together."""
    on_axis = _on_axis(element, model)
    if not on_axis or (line is not None and f"{element}_{line.partition('_')[2][0]}" not in on_axis):
        raise ValueError(
            f"elements must have lines on the energy axis of the image, got {line or element!r}, which has none there; "
            f"there are {', '.join(model.names)}"
        )
    if given is None:
        names = [line] if line else on_axis
        choices = []
        for name in names:
            try:
                choices.append(computed_factor(name, beam_kev, detector))
            except ValueError:
                if line:  # the one that was asked for
                    raise
    else:
        choices = [f for f in _factored(element, given) if f.family in on_axis and line in (None, f.line)]
        if not choices:
            raise ValueError(
                f"k_factors must hold the factor of every element, got none for {line or element} on the energy axis; "
                f"there are {', '.join(given)}"
            )
    if not choices:
        raise ValueError(f"a beam of {beam_kev:g} keV excites no line of {element} on the axis; leave it out")

    def error(factor: LineFactor) -> float:
        counted = noise[factor.family] / max(net[factor.family], 1.0)
        covered = _COVERED if overlapping(factor.family, model.names, net, model.detector) else 0.0
        return float(np.hypot(np.hypot(factor.sd, counted), covered))

    return min(choices, key=error)


def _for_family(factor: LineFactor, beam_kev: float, detector: Detector) -> float:
    """Return the factor for the counts of the whole family, of which the named lines are a share."""
    return factor.k * group_share(factor.line, beam_kev, detector)


def _remarks(
    factors: Sequence[LineFactor],
    model: LineModel,
    net: Mapping[str, float],
    noise: Mapping[str, float],
    highest_kev: float,
) -> dict[str, tuple[str, ...]]:
    """Say which elements are overlapped without a second line, and which a support film of carbon may bring."""
    detected = [name for name in model.names if net[name] >= _CLEAR * noise[name]]
    covers = {name: overlapping(name, model.names, net, model.detector) for name in model.names}
    on_carbon = "C_K" in detected
    remarks: dict[str, tuple[str, ...]] = {}
    for factor in factors:
        said = []
        confirmed = confirming(factor.family, detected, [name for name in covers if covers[name]])
        if covers[factor.family] and not confirmed:
            said.append(
                f"{factor.family} is overlapped by {', '.join(covers[factor.family])}, and no second line confirms it"
            )
        taken_for = rivals(factor.family, model.names, highest_kev)
        if taken_for and not covers[factor.family] and not confirmed and not _has_shape(factor.family):
            said.append(f"{factor.family} may be {' or '.join(taken_for)}: no second line confirms it")
        if on_carbon and factor.element in ("C", "O"):
            said.append("part of it may be the carbon film or contamination")
        if said:
            remarks[factor.element] = tuple(said)
    return remarks


def _has_shape(family: str) -> bool:
    """Return whether the family has a K-beta that a detector resolves, which confirms it by itself."""
    return family.endswith("_K") and atomic_number(family.partition("_")[0]) >= 20


def model_energy(image: SpectrumImage, choice: Choice) -> np.ndarray:
    """Return the channel centres of the model."""
    return np.asarray(image.energy_kev[choice.first :])
