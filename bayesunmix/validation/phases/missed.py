"""Ask whether the specimen holds a phase that nobody claims.

Two kinds of places are asked: those that the permutation test of their phase found
(`bayesunmix.validation.phases.exchange`), and regions without a label that have counts. If no mixture of the claimed
phases explains their counts, and the share that is left is large, there is at least one phase more. Its lines are
looked up.
"""

from dataclasses import dataclass

import numpy as np
from scipy import ndimage

from bayesunmix.analysis.quantity import HALF_90, Quantity
from bayesunmix.checks.check import check
from bayesunmix.checks.outcome import Checks
from bayesunmix.claims.claim import UNASSIGNED
from bayesunmix.data.result import Unmixing
from bayesunmix.dimension.rank import Rank, rank
from bayesunmix.validation.case import Case
from bayesunmix.validation.finding import Evidence
from bayesunmix.validation.phases.directions import line_families
from bayesunmix.validation.phases.exchange import Exchange
from bayesunmix.validation.phases.mixing_fit import MixingFit, fit_mixture
from bayesunmix.validation.phases.phase_pixels import typical_pixels
from bayesunmix.validation.phases.variation import OTHERS
from bayesunmix.validation.words import say_interval, say_number

FEWEST_COUNTS = 60
FEWEST_PIXELS = 9  # without a label
MOST_PLACES = 50  # the clearest
NAMED = 4.0  # standard deviations of a line family in what is left
QUESTION = "Is a phase missed?"


@dataclass(frozen=True, eq=False)
class Missed:
    """Hold one place that no mixture of the claimed phases explains.

    Parameters
    ----------
    label : int
        Of its pixels: a phase, or `UNASSIGNED`.
    pixels : (n,) int array
        Flat indices.
    fit : MixingFit
        By all claimed phases.
    p_value : float
        Probability of a place like this in a claim that misses nothing.
    lines : tuple of str
        Line families of what is left, the strongest first.
    """

    label: int
    pixels: np.ndarray
    fit: MixingFit
    p_value: float
    lines: tuple[str, ...]


@dataclass(frozen=True, eq=False)
class MissedPhases:
    """Hold what speaks for phases that nobody claims.

    Parameters
    ----------
    places : tuple of Missed
        The clearest first.
    checks : Checks or None
        `bayesunmix.check` of the result in the claimed regions, where there is a result.
    rank : Rank or None
        How many components the counts show, where there is a result.
    evidence : tuple of Evidence
    """

    places: tuple[Missed, ...]
    checks: Checks | None
    rank: Rank | None
    evidence: tuple[Evidence, ...]


def missed_phases(case: Case, exchange: Exchange, result: Unmixing | None = None) -> MissedPhases:
    """Look for phases that nobody claims.

    Parameters
    ----------
    case : Case
    exchange : Exchange
        Of the same case.
    result : Unmixing, optional
        If given, it is checked in the claimed regions, and the components of the counts are numbered.
    """
    checks = number = None
    if result is not None:
        checks = check(result, case.image, labels=np.maximum(case.labels, -1).ravel(), seed=case.seed)
        number = rank(case.image, seed=case.seed)
    phases = [case.spectrum_of(typical_pixels(case, k)) for k in range(len(case.names))]
    phases = [counts for counts in phases if counts.sum() >= FEWEST_COUNTS]
    places = _places(case, exchange, phases) if phases else []
    return MissedPhases(tuple(places), checks, number, (_evidence(case, exchange, places, number),))


def _places(case: Case, exchange: Exchange, phases: list[np.ndarray]) -> list[Missed]:
    """Return the places that are not explained, the clearest first."""
    p_of_phase = {one.phase: min(len(exchange.phases) * one.p_value, 1.0) for one in exchange.phases}
    asked = [
        (place.phase, place.pixels, p_of_phase.get(place.phase, 1.0))
        for place in exchange.suspects[:MOST_PLACES]
    ]
    empty, n_regions = ndimage.label(case.labels == UNASSIGNED, np.ones((3, 3)))
    sizes = np.bincount(empty.ravel(), minlength=n_regions + 1)
    sizes[0] = 0
    regions = [r for r in np.argsort(-sizes)[:MOST_PLACES] if sizes[r] >= FEWEST_PIXELS]
    asked += [(UNASSIGNED, np.flatnonzero(empty.ravel() == r), 0.0) for r in regions]
    families = line_families(case)
    found = []
    for label, pixels, p_place in asked:
        mask = np.zeros(case.labels.size, bool)
        mask[pixels] = True
        counts = case.spectrum_of(mask.reshape(case.labels.shape))
        if counts.sum() < FEWEST_COUNTS:
            continue
        fit = fit_mixture(counts, phases)
        p_value = min(max(p_place, len(asked) * fit.p_as_large(OTHERS)), 1.0)
        if fit.moved.lower > case.tolerance.content and fit.p_explained < case.level / len(asked):
            lines = _lines(fit.excess, counts, families | line_families(case, np.maximum(fit.excess, 0.0)))
            found.append(Missed(label, pixels, fit, p_value, lines))
    return sorted(found, key=lambda one: (one.p_value, -one.fit.moved.lower))


def _lines(excess: np.ndarray, counts: np.ndarray, families: dict[str, np.ndarray]) -> tuple[str, ...]:
    """Return the line families that the excess holds, the strongest first."""
    found: dict[str, float] = {}
    for name, spectrum in families.items():
        window = spectrum > 0.05 * spectrum.max()
        z = float(excess[window].sum() / np.sqrt(max(counts[window].sum(), 1.0)))
        if z > NAMED:
            found[name] = z
    return tuple(sorted(found, key=lambda name: -found[name]))


def _evidence(case: Case, exchange: Exchange, places: list[Missed], number: Rank | None) -> Evidence:
    n_phases = len(case.names)
    shown = f"; the counts show {number.n_components} components" if number is not None else ""
    clear = [one for one in places if one.fit.moved.lower > OTHERS]
    if places and not clear:
        share, n = places[0].fit.moved, len(places)
        says = f"{n} place{'s hold' if n > 1 else ' holds'} something that no mixture of the claimed phases explains, "
        says += f"but too little of it to be a phase ({say_number(share.mean)} of the counts of "
        says += f"{places[0].pixels.size} pixels{_with_lines(places[0])}){shown}"
        return Evidence(
            "the phases", QUESTION, "missed", says, exact="undecidable", remedy="smaller pixels would"
        )
    if not clear:
        unseen = _unseen(case, exchange)
        says = "no place holds a phase that nobody claimed; a variation by "
        says += f"{say_number(unseen)} of the counts would not be seen{shown}"
        effect = Quantity(0.0, 0.0, unseen, 0.9, None, unseen / HALF_90, 0.0, None)
        return Evidence("the phases", QUESTION, "missed", says, effect, case.tolerance.content, p_against=1.0)
    worst = clear[0]
    share = worst.fit.moved
    where = "without a label" if worst.label < 0 else f"called {case.names[worst.label]}"
    says = f"there are at least {n_phases + 1} phases: no mixture of the claimed ones explains "
    says += f"{say_interval(share)} of the counts of "
    says += f"{worst.pixels.size} pixels {where}{_with_lines(worst)}{shown}"
    return Evidence("the phases", QUESTION, "missed", says, share, OTHERS, p_against=worst.p_value)


def _with_lines(place: Missed) -> str:
    return f", with lines {', '.join(place.lines)}" if place.lines else ""


def _unseen(case: Case, exchange: Exchange) -> float:
    """Return the share of the counts of all phases that could vary unseen; all of a phase that was not tested."""
    tested = {one.phase: one.unseen for one in exchange.phases}
    counts = np.array([case.image.counts[(case.labels == k).ravel()].sum() for k in range(len(case.names))])
    limits = np.array([tested.get(k, 1.0) for k in range(len(case.names))])
    return float(counts @ limits / max(counts.sum(), 1))
