r"""Ask whether each claimed phase is one thing, without its spectrum: an exact permutation test.

If the pixels of a phase's core share one spectrum, then, given how many photons each pixel has, the photons can be
exchanged between them, whatever the thickness [1]_. So photons are permuted within each core, again and again, and what
was seen is ranked among the permutations (`bayesunmix.validation.ranking`, `bayesunmix.validation.scan`).

A small p-value alone contradicts nothing: with ten million photons shadowing or a drift of the detector shows in every
map. The effect must be large, too: either a piece of the phase is mostly something else, so that its label is wrong, or
the content of the phase varies from place to place by more than the tolerance.

References
----------
.. [1] P. Good, "Permutation, Parametric and Bootstrap Tests of Hypotheses", 3rd ed. (Springer, 2005), chapter 3.
"""

import math
from dataclasses import dataclass

import numpy as np

from bayesunmix.analysis.quantity import Quantity
from bayesunmix.dimension.pooling import groups_by_counts
from bayesunmix.validation.case import Case
from bayesunmix.validation.cores import find_cores
from bayesunmix.validation.directions import Direction, find_directions
from bayesunmix.validation.finding import Evidence, say_number
from bayesunmix.validation.photon_list import list_photons
from bayesunmix.validation.ranking import Ranked, ranked
from bayesunmix.validation.scan import Scan
from bayesunmix.validation.suspects_of_scan import Suspect, find_suspects

MOST_PHOTONS = 2e6  # of a phase: more are thinned
FEWEST_PHOTONS = 50
FEWEST_PIXELS = 20
COARSE_GROUPS = 40
WRONG_LABEL = 0.5  # of the counts of a piece that are another phase: the label is wrong
WRONG_LINES = 0.25  # of the counts of a piece that are lines its phase has not
NORMAL = 1.6448536  # of a 90 % interval
_STREAM = 5201


@dataclass(frozen=True, eq=False)
class PhaseExchange:
    """Hold what the test says of one phase.

    Parameters
    ----------
    phase : int
    pixels, photons : int
        In its core; of the photons, those that were used.
    kept : float
        Fraction of the photons of the core that were used.
    p_value : float
        Probability that any phase of a claim that is right looks as mixed as this one.
    z : float
        Largest statistic, in standard deviations of the permutations.
    found_by : str
        Name of that statistic.
    leans_to : str
        What the suspect pixels hold, "Cr_K lines"; empty where nothing was found.
    varies : dict of str to Quantity
        For each direction, how much its share of the counts varies between places of 8 x 8 pixels (rms).
    unseen : float
        Upper 95 % limit of the variation (total variation distance, rms between places) in a direction that nobody
        named.
    effect : Quantity
        What is compared with `tolerance`.
    tolerance : float
    """

    phase: int
    pixels: int
    photons: int
    kept: float
    p_value: float
    z: float
    found_by: str
    leans_to: str
    varies: dict[str, Quantity]
    unseen: float
    effect: Quantity
    tolerance: float


@dataclass(frozen=True, eq=False)
class Exchange:
    """Hold what the test says of all phases.

    Parameters
    ----------
    phases : tuple of PhaseExchange
        Those with enough pixels and photons.
    suspects : tuple of Suspect
        Places that are not like the rest of their phase, beyond what any phase of a right claim would show in 95 % of
        the reports; the clearest first.
    directions : tuple of Direction
        What was looked for.
    permutations : int
    evidence : tuple of Evidence
    """

    phases: tuple[PhaseExchange, ...]
    suspects: tuple[Suspect, ...]
    directions: tuple[Direction, ...]
    permutations: int
    evidence: tuple[Evidence, ...]


def exchangeability(case: Case, permutations: int = 199) -> Exchange:
    """Test whether the pixels of each phase share one spectrum.

    Parameters
    ----------
    case : Case
    permutations : int
        Times that the photons are permuted; the same for all phases.
    """
    group = groups_by_counts(case.image.sum_spectrum())
    directions = find_directions(case, group)
    scans = _scans(case, group, directions)
    untested = tuple(_too_small(case, k) for k in range(len(case.names)) if k not in scans)
    if not scans:
        return Exchange((), (), directions, permutations, untested)
    rank = _permuted(scans, len(case.names), permutations, case)
    phases, suspects, first = [], [], 0
    mixed = find_cores(case.image, case.labels, len(case.names)).mixed
    for k, scan in scans.items():
        own = slice(first, first := first + len(scan.names))
        mine = Ranked(rank.p_value[k : k + 1], *(values[own] for values in rank[1:]))
        places = find_suspects(scan, k, mine, case.labels.shape)
        suspects += places
        phases.append(_phase(case, k, scan, mine, places))
    evidence = [_evidence(case, one, mixed[one.phase], case.radius) for one in phases]
    suspects.sort(key=lambda one: -one.z)
    return Exchange(tuple(phases), tuple(suspects), directions, permutations, (*evidence, *untested))


def _scans(case: Case, group: np.ndarray, directions: tuple[Direction, ...]) -> dict[int, Scan]:
    """Return a scan of each phase whose core has enough pixels and photons."""
    rng = np.random.default_rng([case.seed, _STREAM])
    n_groups = int(group.max()) + 1
    found = {}
    for k in range(len(case.names)):
        core = case.core_of(k)
        if np.count_nonzero(core) < FEWEST_PIXELS:
            continue
        photons = list_photons(case.image, core, group, MOST_PHOTONS, rng)
        if photons.groups.size >= FEWEST_PHOTONS:
            others = tuple(one for one in directions if one.phase != k)
            coarse = groups_by_counts(np.bincount(photons.groups, minlength=n_groups), COARSE_GROUPS)
            found[k] = Scan(photons, case.labels.shape, others, n_groups, coarse)
    return found


def _permuted(scans: dict[int, Scan], n_phases: int, permutations: int, case: Case) -> Ranked:
    """Rank the statistics of all phases among those of permuted photons."""
    rng = np.random.default_rng([case.seed, _STREAM, 1])
    phase = np.concatenate([np.full(len(scan.names), k) for k, scan in scans.items()])
    values = np.empty((permutations + 1, phase.size))
    for index in range(permutations + 1):  # the first as seen
        values[index] = np.concatenate(
            [
                scan.statistics(rng.permutation(scan.photons.groups) if index else scan.photons.groups)
                for scan in scans.values()
            ]
        )
    return ranked(values, phase, n_phases, case.level)


def _phase(case: Case, k: int, scan: Scan, rank: Ranked, places: list[Suspect]) -> PhaseExchange:
    seen = rank.mean + rank.z * rank.sd
    names = scan.names
    at = len(names) - 3 * 3 - len(scan.directions)
    total = float(scan.place_counts.sum())
    varies = {}
    for index, one in enumerate(scan.directions):
        which = at + index
        varies[one.name] = _rms(
            seen[which] - rank.mean[which], rank.sd[which], total * float(scan.slopes[index]) ** 2
        )
    best = int(rank.z.argmax())
    p_value = float(rank.p_value[0])
    chi2 = names.index("chi2 8")
    nowhere = _rms(seen[chi2] - rank.mean[chi2], rank.sd[chi2], 4 * total)
    effect, tolerance, leans_to = _effect(case, scan, rank, seen, varies, places, nowhere)
    return PhaseExchange(
        k,
        scan.photons.pixels.size,
        scan.photons.groups.size,
        scan.photons.kept,
        p_value,
        float(rank.z[best]),
        names[best],
        leans_to,
        varies,
        nowhere.upper,
        effect,
        tolerance,
    )


def _effect(
    case: Case,
    scan: Scan,
    rank: Ranked,
    seen: np.ndarray,
    varies: dict[str, Quantity],
    places: list[Suspect],
    nowhere: Quantity,
) -> tuple[Quantity, float, str]:
    """Return the effect that speaks most against a phase, its tolerance, and what it is about."""
    tolerance = case.tolerance.content
    clear = float(rank.p_value[0]) <= case.level
    for place in places if clear else []:
        limit = WRONG_LABEL if place.leans_to_phase is not None else WRONG_LINES
        if place.content.lower > limit:
            return place.content, limit, place.leans_to
    said = {one.name: one.said for one in scan.directions}
    if not clear:
        worst = max(varies, key=lambda name: varies[name].upper, default="")
        return (varies[worst], tolerance, said[worst]) if worst else (nowhere, tolerance, "")
    own = scan.names.index("own direction 8")
    share = scan.own_direction(scan.photons.groups)
    candidates = {said[name]: one for name, one in varies.items()}
    candidates[""] = _rms(
        seen[own] - rank.mean[own], rank.sd[own], float(scan.place_counts.sum()) / max(share, 1e-12) ** 2
    )
    worst = max(candidates, key=lambda name: candidates[name].lower)
    return candidates[worst], tolerance, worst


def _rms(excess: float, sd: float, information: float) -> Quantity:
    """Return a root mean square with its 90 % interval, from an excess of squares over what noise gives."""
    seen = max(excess, 0.0)  # below what noise gives nothing is learnt
    error = math.sqrt(sd**2 + 4 * seen)
    mean, lower, upper = (
        math.sqrt(min(max(seen + shift * error, 0.0) / information, 1.0)) for shift in (0, -NORMAL, NORMAL)
    )
    return Quantity(mean, lower, upper, 0.9, None, (upper - lower) / (2 * NORMAL), 0.0, None)


def _evidence(case: Case, one: PhaseExchange, is_mixed: bool, radius: int) -> Evidence:
    subject, question = f"phase {case.names[one.phase]}", "Is it one thing?"
    if is_mixed:
        says = (
            f"{subject} has hardly any pixel that its neighbours do not reach, so what varies in it may be theirs"
        )
        return Evidence(subject, question, "exchange", says, exact="undecidable", remedy="smaller pixels would")
    effect, tolerance = one.effect, one.tolerance
    says = _says(case, subject, one)
    counts = case.image.n_photons / max(int(case.image.takes_part.sum()), 1)
    needed = None
    if tolerance == case.tolerance.content and effect.lower <= tolerance < effect.upper:
        # The error of a mean square falls as one over the counts.
        apart = effect.mean**2 - tolerance**2 if one.p_value <= case.level else tolerance**2
        needed = counts * (effect.upper**2 - effect.mean**2) / max(abs(apart), 1e-12)
    return Evidence(
        subject,
        question,
        "exchange",
        says,
        effect,
        tolerance,
        p_against=one.p_value,
        counts_needed=needed,
    )


def _says(case: Case, subject: str, one: PhaseExchange) -> str:
    used = f" ({say_number(one.kept)} of its photons were used)" if one.kept < 1 else ""
    what = one.leans_to or "something that no phase and no line names"
    effect = one.effect
    amount = f"{100 * effect.mean:.2g} % ({100 * effect.lower:.2g} to {100 * effect.upper:.2g} %)"
    if one.tolerance != case.tolerance.content:
        return f"a piece of {subject} holds {amount} of its counts in {what} more than the rest does{used}"
    if one.p_value <= case.level:
        return f"the share of {what} in {subject} varies from place to place by {amount} of the counts{used}"
    return (
        f"nothing in {subject} varies from place to place; a share of {what} that varies by "
        f"{100 * effect.upper:.2g} % of the counts, or a variation by {100 * one.unseen:.2g} % in no known "
        f"direction, would not be seen{used}"
    )


def _too_small(case: Case, k: int) -> Evidence:
    subject = f"phase {case.names[k]}"
    n = int(np.count_nonzero(case.core_of(k)))
    says = f"{subject} has {n} pixels that its neighbours do not reach, too few to compare"
    return Evidence(subject, "Is it one thing?", "exchange", says, exact="undecidable", remedy="smaller pixels would")
