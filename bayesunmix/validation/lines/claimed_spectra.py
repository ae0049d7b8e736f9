"""Ask of each claimed spectrum whether it is that of its phase's pixels, and whether its energies are right.

If its counts are whole they may be the sum of the pixels, to the last photon: then nothing else is asked. Otherwise the
spectrum is laid on the channels of the image, its photons being conserved, and compared with the sum of the pixels of
the label, and of its core. What pixels hold of their neighbours is no fault of a spectrum, so a share of the other
phases' counts may be in the sum besides.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
from scipy.special import chdtrc, ndtr

from bayesunmix.analysis.quantity import HALF_90, Quantity
from bayesunmix.claims.claimed_parts import ClaimedSpectrum
from bayesunmix.validation.case import Case
from bayesunmix.validation.finding import Evidence
from bayesunmix.validation.lines.laid_spectra import SAME_KEV, laid_on
from bayesunmix.validation.lines.spectrum_faults import (
    FAULTS,
    Distance,
    Fault,
    distance,
    find_fault,
    noise_unit,
    say_fault,
)
from bayesunmix.validation.placement.checksum import checksum
from bayesunmix.validation.words import say_digits, say_of, say_phase, say_with_error

_SAME, _ENERGIES = "Is its spectrum that of its pixels?", "Are the energies of its spectrum right?"
_TEST = "spectrum"
_FEWEST_COUNTS = 100
_ENOUGH_COUNTS = 1000  # to say whether energies are right
_NOISIER = 2.0  # times the noise of the counts, from which on it is the claimed spectrum that decides nothing
_MOST_BESIDE = 0.5  # share of other phases that the pixels of a label may hold
_KNOWN_EV = 20.0  # standard deviation above which a shift is not known


@dataclass(frozen=True, eq=False)
class SpectrumCheck:
    """Hold what was found of one claimed spectrum.

    Parameters
    ----------
    name : str
        Of the phase.
    exact : bool
        Whether it is the sum of the pixels, to the last photon.
    claimed : (C,) array or None
        On the channels of the image, scaled to `counts`. None where it cannot be laid on them.
    counts : (C,) array
        Sum of the pixels that it is compared with.
    distance : Quantity or None
        Total variation distance: the share of the photons that lie elsewhere.
    shift_ev : Quantity or None
        By how much its energies are too high.
    fault : str
        What explains the distance: "shift", "gain", "width", "background", or "".
    beside : mapping from str to float
        Share of other phases in the pixels.
    nearest : str
        The phase whose pixels it fits best.
    """

    name: str
    exact: bool
    claimed: np.ndarray | None
    counts: np.ndarray
    distance: Quantity | None
    shift_ev: Quantity | None
    fault: str
    beside: Mapping[str, float]
    nearest: str


@dataclass(frozen=True, eq=False)
class SpectrumChecks:
    """Hold what was found of all claimed spectra, and the evidence."""

    spectra: tuple[SpectrumCheck, ...]
    evidence: tuple[Evidence, ...]


def check_spectra(case: Case) -> SpectrumChecks:
    """Ask of each claimed spectrum whether it is that of its phase.

    Parameters
    ----------
    case : Case
    """
    checks, evidence = [], []
    sums = {name: case.spectrum_of(case.labels == k) for k, name in enumerate(case.names)}
    for k, name in enumerate(case.names):
        if name in case.claim.spectra:
            check, said = _check(case, sums, k, name)
            checks.append(check)
            evidence += [replace(one, says=say_of(one.subject, one.says)) for one in said]
    return SpectrumChecks(tuple(checks), tuple(evidence))


def _check(
    case: Case, sums: Mapping[str, np.ndarray], phase: int, name: str
) -> tuple[SpectrumCheck, list[Evidence]]:
    claimed, counts = case.claim.spectra[name], sums[name].astype(float)
    blank = SpectrumCheck(name, False, None, counts, None, None, "", {}, "")
    if counts.sum() < _FEWEST_COUNTS:
        says = f"Its pixels have {counts.sum():.0f} counts, too few for a spectrum"
        return blank, [Evidence(say_phase(name), _SAME, _TEST, says, exact="undecidable")]
    exact = _exact(case, claimed, sums[name], phase, name)
    if exact:
        check = SpectrumCheck(name, True, counts, counts, None, None, "", {}, name)
        return check, exact
    laid = laid_on(case.image.energy_kev, claimed)
    if isinstance(laid, str):
        return blank, [Evidence(say_phase(name), _SAME, _TEST, laid, exact="undecidable")]
    unit = 1.0 if claimed.are_whole else noise_unit(claimed.counts)
    spectra, used = laid
    if not spectra[used].sum() > 0:
        says = "Its spectrum has no counts at the energies of the map"
        return blank, [Evidence(say_phase(name), _SAME, _TEST, says, exact="undecidable")]
    return _compared(case, sums, phase, spectra, used, unit)


def _exact(case: Case, claimed: ClaimedSpectrum, counts: np.ndarray, phase: int, name: str) -> list[Evidence]:
    """Return the evidence of a spectrum that is exactly the sum of its pixels, of the label or its core."""
    core = case.spectrum_of(case.core_of(phase))
    for pixels, what in ((counts, "pixels"), (core, "inner pixels")):
        found = checksum(claimed, pixels)
        if found is None:
            continue
        says = f"It is the sum of its {what}, to the last of {found.counts} counts"
        evidence = [Evidence(say_phase(name), _SAME, "checksum", says, exact="supported")]
        if claimed.energy_kev is not None:
            first = max(0, -found.first)
            n = min(case.image.n_channels - first, claimed.energy_kev.size - first - found.first)
            ours = case.image.energy_kev[first : first + n]
            theirs = claimed.energy_kev[first + found.first : first + found.first + n]
            off_ev = 1000 * (theirs - ours)
            worst = float(off_ev[np.argmax(np.abs(off_ev))])
            right = abs(worst) <= case.tolerance.shift_ev * (1 - 1e-6)
            where = "higher" if worst > 0 else "lower"
            says = (
                f"Its channels are those of the counts, and its energies lie up to {say_digits(abs(worst), 3)} eV "
                f"{where}"
                if abs(worst) > 1000 * SAME_KEV
                else "Its energies are those of the counts"
            )
            verdict = "supported" if right else "contradicted"
            evidence.append(Evidence(say_phase(name), _ENERGIES, "checksum", says, exact=verdict))  # type: ignore[arg-type]
        return evidence
    return []


def _compared(
    case: Case,
    sums: Mapping[str, np.ndarray],
    phase: int,
    spectrum: np.ndarray,
    used: np.ndarray,
    unit: float,
) -> tuple[SpectrumCheck, list[Evidence]]:
    name = case.names[phase]
    energy, spectrum = case.image.energy_kev[used], spectrum[used]
    others = {other: counts[used].astype(float) for other, counts in sums.items() if other != name}
    whole = sums[name][used].astype(float)
    core = case.spectrum_of(case.core_of(phase))[used].astype(float)
    tried = [
        _apart(spectrum, counts, others, unit) for counts in (whole, core) if counts.sum() >= _FEWEST_COUNTS
    ]
    apart, counts, beside = min(tried, key=lambda one: one[0].lower)
    pure = counts - sum(
        (share * counts.sum() * others[other] / others[other].sum() for other, share in beside.items()),
        np.zeros_like(counts),
    )
    fault, shift = find_fault(energy, spectrum, np.maximum(pure, 0), unit)
    fault = fault if counts.sum() >= _ENOUGH_COUNTS else None
    nearest = _nearest(spectrum, {name: whole, **others}, unit, name, apart)
    effect = Quantity(apart.mean, apart.lower, apart.upper, 0.9, None, apart.sd, 0.0, None)
    scale = counts.sum() / spectrum.sum() if spectrum.sum() > 0 else 0.0
    full = np.zeros(used.size)
    full[used] = spectrum * scale
    shift_ev = _in_ev(shift)
    check = SpectrumCheck(
        name,
        False,
        full,
        sums[name].astype(float),
        effect,
        shift_ev,
        "" if fault is None else fault.name,
        beside,
        nearest,
    )
    says = f"{say_with_error(apart.mean, apart.sd)} of its counts lie elsewhere than in its pixels"
    says += "".join(f", which hold {100 * share:.0f} % of {other} besides" for other, share in beside.items())
    if nearest != name:
        says += f"; it fits the pixels of {nearest}"
    elif fault is not None:
        says += f"; {say_fault(fault)}"
    if _is_smooth(unit, spectrum, counts):
        says += "; it has less noise than counts have: it was smoothed, interpolated or calculated"
    is_noisy = unit * counts.sum() > _NOISIER * spectrum.sum()
    evidence = [
        Evidence(
            say_phase(name),
            _SAME,
            _TEST,
            says,
            effect=effect,
            tolerance=case.tolerance.difference,
            p_against=float(chdtrc(apart.degrees, apart.chi_square)),
            counts_needed=None if is_noisy else _counts_needed(case, apart),
            remedy="a claimed spectrum with more counts would decide it" if is_noisy else "",
        )
    ]
    if nearest == name and shift.sd < _KNOWN_EV / 1000 and counts.sum() >= _ENOUGH_COUNTS:
        evidence.append(_of_energies(case, name, shift_ev, fault))
    return check, evidence


def _is_smooth(unit: float, spectrum: np.ndarray, counts: np.ndarray) -> bool:
    """Return True for a spectrum that is as high as the counts of its pixels and has hardly any of their noise."""
    return unit < 0.5 and 0.7 < spectrum.sum() / max(counts.sum(), 1.0) < 1.4


def _apart(
    spectrum: np.ndarray, counts: np.ndarray, others: Mapping[str, np.ndarray], unit: float
) -> tuple[Distance, np.ndarray, dict[str, float]]:
    """Return the distance to counts from which what they hold of other phases was taken; and the shares of these."""
    from scipy.optimize import nnls

    plain = distance(spectrum, counts, unit)
    usable = {name: other for name, other in others.items() if other.sum() >= counts.sum() / 10}
    if not usable or plain.lower <= 0 or not spectrum.sum() > 0:
        return plain, counts, {}
    weights = 1 / np.sqrt(np.maximum(counts, 1.0))
    curves = np.array([spectrum / spectrum.sum(), *(other / other.sum() for other in usable.values())])
    amounts = nnls((curves * weights).T, counts * weights)[0] / counts.sum()
    beside = {name: float(a) for name, a in zip(usable, amounts[1:], strict=True) if a > 0.005}
    if not beside or sum(beside.values()) > _MOST_BESIDE:
        return plain, counts, {}
    mixture = (1 - sum(beside.values())) * curves[0]
    for name, other in usable.items():
        mixture = mixture + beside.get(name, 0.0) * other / other.sum()
    mixed = distance(mixture * spectrum.sum(), counts, unit)
    return (mixed, counts, beside) if mixed.lower < 0.7 * plain.lower else (plain, counts, {})


def _nearest(
    spectrum: np.ndarray, sums: Mapping[str, np.ndarray], unit: float, name: str, apart: Distance
) -> str:
    """Return the phase whose pixels a spectrum fits best: another only if it is nearer beyond doubt."""
    found = {
        other: distance(spectrum, counts, unit)
        for other, counts in sums.items()
        if counts.sum() >= _FEWEST_COUNTS
    }
    best = min(found, key=lambda other: found[other].mean)
    return best if best != name and found[best].upper < apart.lower else name


def _in_ev(fault: Fault) -> Quantity:
    size, sd = 1000 * fault.size, 1000 * fault.sd
    return Quantity(size, size - HALF_90 * sd, size + HALF_90 * sd, 0.9, None, sd, 0.0, None)


def _of_energies(case: Case, name: str, shift: Quantity, fault: Fault | None) -> Evidence:
    """Judge the energies of a spectrum by the fault that explains most, or by its shift."""
    tolerance, unit = case.tolerance.shift_ev, "eV"
    size, sd = abs(shift.mean), shift.counting_sd
    side = "high" if shift.mean > 0 else "low"
    says = f"Its energies are {size:.1f} +- {say_digits(sd, 1)} eV too {side}"
    if fault is not None and fault.name == "gain":
        size, sd, tolerance, unit = abs(fault.size), fault.sd, case.tolerance.gain, "of 1"
        said = say_fault(fault)
        says = said[0].upper() + said[1:]
    elif fault is not None and fault.name == "width":
        size, sd, tolerance = 1000 * abs(fault.size), 1000 * fault.sd, case.tolerance.width_ev
        said = say_fault(fault)
        says = said[0].upper() + said[1:]
    effect = Quantity(size, max(size - HALF_90 * sd, 0.0), size + HALF_90 * sd, 0.9, None, sd, 0.0, None)
    mean = case.image.n_photons / max(int(case.image.takes_part.sum()), 1)
    spare = tolerance - size
    needed = mean * (HALF_90 * sd / spare) ** 2 if spare > 0.1 * tolerance else None
    return Evidence(
        say_phase(name),
        _ENERGIES,
        _TEST,
        says,
        effect=effect,
        tolerance=tolerance,
        unit=unit,
        p_against=min(1.0, 2 * len(FAULTS) * float(ndtr(-size / max(sd, 1e-12)))),
        counts_needed=needed,
    )


def _counts_needed(case: Case, apart: Distance) -> float | None:
    """Return the counts per pixel with which the noise of the distance would not reach the tolerance."""
    tolerance = case.tolerance.difference
    mean = case.image.n_photons / max(int(case.image.takes_part.sum()), 1)
    beyond = apart.upper - apart.mean
    return (
        None if apart.mean > tolerance else float(mean * max(1.2, (beyond / (tolerance - apart.mean)) ** 2))
    )
