"""Ask of each element that a phase is said to hold whether its lines are there, and whether another's would do.

Peaks of different elements lie at the same energy, and programs name the wrong one even where it is a major element
[1]_. All lines are fitted jointly to the sum spectrum of the phase. Then each element whose strongest line lies within
one peak's width is added to the fit in turn: what is left of the claimed element has been told apart from it, by other
lines of the two.

References
----------
.. [1] D. E. Newbury, "Mistakes encountered during automatic peak identification of minor and trace constituents in
       electron-excited energy dispersive X-ray microanalysis", Scanning 31 (2009) 91-101.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np
import xraylib
from scipy.special import ndtr

from bayesunmix.analysis.quantity import DETECTED, HALF_90, Quantity
from bayesunmix.spectra.families import family_lines, family_spectra
from bayesunmix.validation.case import Case
from bayesunmix.validation.finding import Evidence
from bayesunmix.validation.lines.line_fits import CONTINUUM, LineFits, RegionFit, fit_curves
from bayesunmix.validation.words import say_of, say_phase, say_with_error

LEAST_SHARE = 0.005  # of the counts of a phase: less is no peak
LEAST_OF_PEAK = 0.15  # of the lines at its strongest line: an element with less did not make that peak
# How well the relative intensities within a family are known: M lines depend on how vacancies move between subshells.
_SHAPE_ERROR = {"K": 0.02, "L": 0.08, "M": 0.2}
_ALMOST_ALL, _OVERVOLTAGE = 0.999, 1.5
_QUESTION, _TEST = "Is it in the phase?", "elements"
_FEWEST_COUNTS, _ENOUGH_COUNTS = 100, 2000
# Gases, and elements that have no stable isotope, are named by nobody who means a specimen.
_NOT_MET = {2, 10, 18, 36, 43, 54, 61, 84, 85, 86, 87, 88, 89, 91}
_HEAVIEST = 92


@dataclass(frozen=True)
class ElementCheck:
    """Hold what was found of one element of one phase.

    Parameters
    ----------
    phase, element : str
    share : Quantity or None
        Share of the counts of the phase that are lines of the element, with the rival in the fit that leaves least of
        it. None where no line of it is in range.
    family : str
        The family of lines that shows it best.
    rival : str
        The element that might be meant instead; "" if none.
    rival_share : float
        Share of the counts that the rival takes in that fit.
    """

    phase: str
    element: str
    share: Quantity | None
    family: str = ""
    rival: str = ""
    rival_share: float = 0.0


@dataclass(frozen=True, eq=False)
class ElementListChecks:
    """Hold what was found of all elements of all phases, and the evidence."""

    elements: tuple[ElementCheck, ...]
    evidence: tuple[Evidence, ...]


def check_element_lists(case: Case) -> ElementListChecks:
    """Ask of each element of each phase whether it is there.

    Parameters
    ----------
    case : Case
    """
    claimed = case.claim.elements
    if not any(claimed.values()):
        return ElementListChecks((), ())
    lines = LineFits(case.image, dict.fromkeys(element for listed in claimed.values() for element in listed))
    checks, evidence = [], []
    for k, name in enumerate(case.names):
        if not claimed.get(name):
            continue
        counts = _counts_of(case, k)
        if counts.sum() < _FEWEST_COUNTS:
            says = f"Its pixels have {counts.sum()} counts, too few to see an element"
            evidence.append(
                Evidence(say_phase(name), "Is its list of elements right?", _TEST, says, exact="undecidable")
            )
            continue
        for element in dict.fromkeys(claimed[name]):
            check, said = _check(case, lines, counts, name, element)
            checks.append(check)
            evidence.append(said)
    named = (replace(one, says=say_of(one.subject, one.says)) for one in evidence)
    return ElementListChecks(tuple(checks), tuple(named))


def _counts_of(case: Case, phase: int) -> np.ndarray:
    """Return the summed counts of a phase's core, which neighbours do not reach; of all its pixels if these are few."""
    core, whole = case.spectrum_of(case.core_of(phase)), case.spectrum_of(case.labels == phase)
    return core if core.sum() >= min(_ENOUGH_COUNTS, 0.5 * whole.sum()) else whole


def _check(
    case: Case, lines: LineFits, counts: np.ndarray, phase: str, element: str
) -> tuple[ElementCheck, Evidence]:
    own = tuple(name for name in lines.model.names if name.split("_")[0] == element)
    subject = f"{element} in {say_phase(phase)}"
    if not own:
        says = f"No line of {element} lies on the energy axis, or only one below 0.5 keV that is faint"
        return ElementCheck(phase, element, None), Evidence(
            subject, _QUESTION, _TEST, says, exact="undecidable"
        )
    total = float(counts.sum())
    plain = lines.fit(counts, own)
    alone = _seen(lines, plain, own, counts)
    worst, rival, taken = alone, "", 0.0
    for other, spectra in _rivals(lines, element):
        fit = _with_rival(lines, counts, spectra, own)
        left = _seen(lines, fit, own, counts)
        if left.z < worst.z:
            theirs = float(fit.counts[: len(spectra)].sum())
            worst, rival, taken = left, other, theirs
    check = ElementCheck(phase, element, _quantity(worst, total), worst.family, rival, taken / total)
    missing = _missing(lines, plain, own, counts, worst) if worst.z > DETECTED else ""
    return check, _evidence(case, subject, check, alone, worst, total, missing)


class _Seen(NamedTuple):
    """Hold the net counts of the family that shows an element best, or would if it were there."""

    family: str
    counts: float
    sd: float
    by_shape: float  # what the errors of other families' shapes add to that
    in_peak: float  # counts of all lines where the family has its strongest

    @property
    def z(self) -> float:
        return self.counts / self.sd


def _seen(lines: LineFits, fit: RegionFit, own: tuple[str, ...], counts: np.ndarray) -> _Seen:
    """Return the family with the clearest counts; if none is clear, the one that would be seen best."""
    found = [_of_family(lines, fit, name) for name in own]
    best = max(found, key=lambda one: one.z)
    if best.z > DETECTED:
        return best
    highest = _highest_excited(lines, counts)
    excited = [one for one in found if _main_kev(lines, one.family) < highest]
    return min(excited or found, key=lambda one: one.sd)


def _highest_excited(lines: LineFits, counts: np.ndarray) -> float:
    """Return up to which energy lines were excited: the absence of others means nothing."""
    spectrum = np.cumsum(counts[lines.first :])
    end = lines.energy_kev[int(np.searchsorted(spectrum, _ALMOST_ALL * spectrum[-1]))]
    return float(end) / _OVERVOLTAGE


def _missing(lines: LineFits, fit: RegionFit, own: tuple[str, ...], counts: np.ndarray, seen: _Seen) -> str:
    """Return a family of higher energy that should be seen as well, and is not; empty where there is none."""
    highest, least = _highest_excited(lines, counts), LEAST_SHARE * float(counts.sum())
    for one in (_of_family(lines, fit, name) for name in own):
        is_higher = _main_kev(lines, seen.family) < _main_kev(lines, one.family) < highest
        if is_higher and one.z < DETECTED and one.counts + 2 * one.sd < least:
            return one.family.replace("_", " ")
    return ""


def _main_kev(lines: LineFits, family: str) -> float:
    return float(lines.energy_kev[lines.model.spectra[lines.model.names.index(family)].argmax()])


def _of_family(lines: LineFits, fit: RegionFit, family: str) -> _Seen:
    """Return the net counts of a family; shapes of other families are known to some per cent only."""
    ours = lines.model.spectra[lines.model.names.index(family)]
    mine = np.array([name == family for name in fit.names], float)
    variance = float(mine @ fit.covariance @ mine)
    peak = np.abs(lines.energy_kev - _main_kev(lines, family)) <= 0.5 * float(
        lines.model.detector.fwhm_kev(np.array(_main_kev(lines, family)))
    )
    in_peak, by_shape = 0.0, 0.0
    for name, curve, amount in zip(fit.names, fit.curves, fit.counts, strict=True):
        if name == CONTINUUM:
            continue
        in_peak += float(amount * curve[peak].sum())
        if name != family:
            overlap = float(np.minimum(curve, ours).sum())
            by_shape += (_SHAPE_ERROR[name[-1]] * amount * overlap) ** 2
    sd = float(np.sqrt(max(variance, 1.0) + by_shape))
    in_peak /= float(ours[peak].sum())
    return _Seen(family, float(mine @ fit.counts), sd, float(np.sqrt(by_shape)), in_peak)


def _rivals(lines: LineFits, element: str) -> Iterator[tuple[str, Mapping[str, np.ndarray]]]:
    """Yield each element with a line where the claimed one has its strongest, and the spectra of its families."""
    model = lines.model
    low, high = float(lines.energy_kev[0]), float(lines.energy_kev[-1])
    axis = model.offset_kev + model.gain * lines.energy_kev
    ours = list(_strongest(element, low, high))
    for other in map(_symbol, sorted(set(range(3, _HEAVIEST + 1)) - _NOT_MET)):
        if other == element:
            continue
        near = any(
            abs(theirs - kev) <= float(model.detector.fwhm_kev(np.array(kev)))
            for theirs in _strongest(other, low, high)
            for kev in ours
        )
        if near:
            spectra = family_spectra((other,), axis, model.detector)
            if spectra:
                yield other, spectra


def _strongest(element: str, low_kev: float, high_kev: float) -> Iterator[float]:
    """Yield the strongest line in range of each family of an element."""
    for energy, photons in family_lines(element).values():
        inside = (energy > low_kev) & (energy < high_kev)
        if inside.any() and photons[inside].sum() > 0.5 * photons.sum():
            yield float(energy[inside][np.argmax(photons[inside])])


def _symbol(number: int) -> str:
    return str(xraylib.AtomicNumberToSymbol(number))


def _with_rival(
    lines: LineFits, counts: np.ndarray, spectra: Mapping[str, np.ndarray], own: tuple[str, ...]
) -> RegionFit:
    """Fit with another element's families, which come first, besides those of the model."""
    model = lines.model
    kept = [j for j, name in enumerate(model.names) if name not in spectra]
    names = (*spectra, *(model.names[j] for j in kept), *[CONTINUUM] * len(model.background))
    curves = np.concatenate([np.array(list(spectra.values())), model.spectra[kept], model.background])
    return fit_curves(names, curves, counts[lines.first :].astype(float), own)


def _quantity(seen: _Seen, total: float) -> Quantity:
    share, sd = seen.counts / total, seen.sd / total
    half = HALF_90 * sd
    return Quantity(share, max(share - half, 0.0), share + half, 0.9, share + 2 * sd, sd, 0.0, None)


def _evidence(
    case: Case, subject: str, check: ElementCheck, alone: _Seen, left: _Seen, total: float, missing: str
) -> Evidence:
    assert check.share is not None
    element, line = check.element, left.family.replace("_", " ")
    said = f"{say_with_error(left.counts / total, left.sd / total)} of the counts are {line}"
    if left.z > DETECTED and check.share.upper < LEAST_SHARE:
        says = f"{said}: a trace, or light from elsewhere in the specimen"
        return Evidence(subject, _QUESTION, _TEST, says, effect=check.share, exact="undecidable")
    if left.z > DETECTED and missing:
        says = f"{said}, and no line is seen at {missing}, which {element} should show as well"
        remedy = "another element may have that line"
        return Evidence(subject, _QUESTION, _TEST, says, exact="undecidable", remedy=remedy)
    if left.z > DETECTED:
        others = f", with {check.rival} allowed for" if check.rival else ""
        return Evidence(
            subject, _QUESTION, _TEST, f"{said}{others}", effect=check.share, p_for=float(ndtr(-left.z))
        )
    if alone.z > DETECTED and check.rival and check.rival_share * total > 0.5 * alone.counts:
        says = (
            f"{say_with_error(alone.counts / total, alone.sd / total)} of the counts lie where {line} does, and "
            f"{check.rival} has a line there too"
        )
        remedy = f"another line of {element} or {check.rival} would, and none is in range or strong enough"
        return Evidence(subject, _QUESTION, _TEST, says, exact="undecidable", remedy=remedy)
    if left.in_peak > LEAST_SHARE * total:
        effect, tolerance = _of_peak(left), LEAST_OF_PEAK
        says = f"Of the lines at {line} {say_with_error(effect.mean, effect.counting_sd)} are it"
    else:
        effect, tolerance = check.share, LEAST_SHARE
        says = f"No line is seen at {line} ({said})"
    mean = case.image.n_photons / max(int(case.image.takes_part.sum()), 1)
    needed = mean * max((HALF_90 * effect.counting_sd / tolerance) ** 2, 1.2)
    by_overlap = left.by_shape > 0.5 * left.sd
    return Evidence(
        *(subject, _QUESTION, _TEST, says),
        effect=effect,
        tolerance=tolerance,
        wrong_side="below",
        counts_needed=None if by_overlap else needed,
        remedy=f"a line of {element} that no other overlaps would" if by_overlap else "",
    )


def _of_peak(seen: _Seen) -> Quantity:
    value, sd = seen.counts / seen.in_peak, seen.sd / seen.in_peak
    return Quantity(value, max(value - HALF_90 * sd, 0.0), value + HALF_90 * sd, 0.9, None, sd, 0.0, None)
